"""The page in a real browser, whose microphone plays a spoken clip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000  # milliseconds; a shared machine can be slow

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a running `oyez web`."""
    command = [sys.executable, "-u", "-m", "app.cli", "web"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if "http://" in line:
                yield "http://" + line.split("http://")[1].strip()
                break
        else:
            pytest.fail(f"the page did not start: {''.join(said)}")
        server.terminate()


@pytest.fixture
def browser(spoken: Path, tmp_path: Path) -> Iterator[Browser]:
    """Chromium with a microphone that plays "left right stop" after two seconds, again and again."""
    samples, rate = soundfile.read(spoken / "left_right_stop.flac")
    clip = tmp_path / "microphone.wav"
    soundfile.write(clip, np.pad(samples, (2 * rate, 3 * rate)), rate, subtype="PCM_16")
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={clip}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Page:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def test_what_is_spoken_into_the_microphone_is_read_on_the_page(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=True).click()
    heard = page.locator("#heard")
    expect(heard.locator("li .text").first).to_have_text("left right stop", timeout=PATIENCE)
    expect(heard.locator("li .confidence").first).to_contain_text("%")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(heard.locator(".now")).to_have_text("Press Record to go on.", timeout=PATIENCE)
    expect(heard.locator("li .text").first).to_have_text("left right stop")  # it stays after the end


def test_text_appears_while_somebody_is_still_speaking(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=True).click()
    now = page.locator("#heard .now")
    page.wait_for_function(
        "text => document.querySelector('#heard .now').innerText.includes(text)"
        " && document.querySelectorAll('#heard li').length === 0",
        arg="left",
        timeout=PATIENCE,
    )
    expect(now).to_be_visible()


def test_a_recording_is_uploaded_and_read(page: Page, spoken: Path) -> None:
    page.get_by_role("tab", name="Recording").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Click to Upload").click()
    chooser.value.set_files(spoken / "left_right_stop.flac")
    expect(page.locator("#text textarea")).to_have_value("left right stop", timeout=PATIENCE)
    expect(page.get_by_text("right").first).to_be_visible()
    expect(page.locator("img[src*='image/'], .plot-container, [data-testid='matplotlib'] img").first).to_be_visible()


def test_a_damaged_recording_is_told_in_words(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF\x00\x00")
    page.get_by_role("tab", name="Recording").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Click to Upload").click()
    chooser.value.set_files(broken)
    expect(page.get_by_text("broken.wav: not readable as audio").first).to_be_visible(timeout=PATIENCE)


def test_nothing_is_asked_of_other_hosts(browser: Browser, address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_role("tab", name="Recording").click()
    expect(page.get_by_text("Click to Upload")).to_be_visible(timeout=PATIENCE)
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
