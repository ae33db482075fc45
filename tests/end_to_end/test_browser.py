"""The page in a real browser, whose microphone plays a spoken clip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000  # milliseconds; a shared machine can be slow
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1100, "height": 900}
LIGHTNESS = """([place, colour]) => getComputedStyle(document.querySelector(place))[colour]
    .match(/\\d+/g).slice(0, 3).reduce((sum, each) => sum + Number(each), 0) / 3"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for temporary files of the server."""
    return tmp_path_factory.mktemp("disk")


@pytest.fixture(scope="module")
def address(disk: Path) -> Iterator[str]:
    """The address of a running `oyez web`."""
    command = [sys.executable, "-u", "-m", "oyez", "web"]
    environment = {**os.environ, "TMPDIR": str(disk), "GRADIO_TEMP_DIR": str(disk / "gradio")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as server:
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


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def launch(playwright: Playwright, tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    """Start Chromium, with a microphone that plays samples again and again, or with none, or with a refusal."""
    browsers: list[Browser] = []

    def start(samples: np.ndarray | None = None, rate: int = 16_000, refuse: bool = False) -> Browser:
        arguments = ["--no-sandbox", "--disable-gpu"]
        if not refuse:
            arguments.append("--use-fake-ui-for-media-stream")
        if samples is not None:
            clip = tmp_path / "microphone.wav"
            soundfile.write(clip, samples, rate, subtype="PCM_16")
            arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={clip}"]
        browsers.append(playwright.chromium.launch(executable_path=CHROMIUM, args=arguments))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


@pytest.fixture
def browser(launch: Callable[..., Browser], spoken: Path) -> Browser:
    """Chromium that hears "left right stop" after two seconds, again and again."""
    samples, rate = soundfile.read(spoken / "left_right_stop.flac")
    return launch(np.pad(samples, (2 * rate, 3 * rate)), rate)


def opened(browser: Browser, address: str, **context: object) -> Page:
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


@pytest.fixture
def page(browser: Browser, address: str) -> Page:
    return opened(browser, address)


def record(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=True).click()


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()


def give(page: Page, file: Path) -> None:
    page.get_by_role("tab", name="Recording").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Click to Upload").click()
    chooser.value.set_files(file)


def test_what_is_spoken_into_the_microphone_is_read_on_the_page(page: Page, disk: Path) -> None:
    record(page)
    live = page.locator("#live")
    expect(live.locator(".finals .text").first).to_have_text("left right stop", timeout=PATIENCE)
    expect(live.locator(".finals .confidence").first).to_contain_text("%")
    stop(page)
    expect(live.locator(".state")).to_have_text("Press Record to go on.", timeout=PATIENCE)
    expect(live.locator(".finals .text").first).to_have_text("left right stop")  # it stays after the end
    sound = [path for path in disk.rglob("*") if path.suffix in {".wav", ".webm", ".ogg", ".mp3", ".flac"}]
    assert sound == []  # nothing that was said to the page has touched the disk


def test_text_grows_while_somebody_is_still_speaking_and_its_end_is_dim(page: Page) -> None:
    record(page)
    page.wait_for_function(
        """() => {
            const text = (name) => document.querySelector(`#live ${name}`).textContent;
            const dim = getComputedStyle(document.querySelector("#live .tail")).opacity < 0.7;
            return dim && text(".stable").includes("left") && !document.querySelector("#live .finals li");
        }""",
        timeout=PATIENCE,
    )
    expect(page.locator("#live .state")).to_have_text("Speaking")


def test_level_meter_follows_the_sound(page: Page) -> None:
    record(page)
    page.wait_for_function("document.querySelector('#live .meter').ariaValueNow > -30", timeout=PATIENCE)
    page.wait_for_function("document.querySelector('#live .meter').ariaValueNow < -50", timeout=PATIENCE)


def test_recording_can_be_begun_again_and_what_was_heard_be_cleared(page: Page) -> None:
    texts = page.locator("#live .finals .text")
    for times in (1, 2):
        record(page)
        expect(texts).to_have_count(times, timeout=PATIENCE)
        stop(page)
        expect(page.locator("#live .state")).to_have_text("Press Record to go on.", timeout=PATIENCE)
    page.get_by_role("button", name="Clear").click()
    expect(texts).to_have_count(0)


def test_stopped_before_it_has_begun_a_recording_opens_nothing(page: Page) -> None:
    slow = "() => new Promise((answer) => { window.asked = { answer }; })"
    page.evaluate(f"() => {{ navigator.mediaDevices.enumerateDevices = {slow}; }}")
    record(page)
    page.wait_for_function("window.asked", timeout=PATIENCE)
    stop(page)
    page.evaluate("window.asked.answer([])")
    page.wait_for_timeout(300)
    assert page.evaluate("window.oyez.socket === undefined")


def test_last_utterance_is_seen_inside(page: Page) -> None:
    page.get_by_role("tab", name="See inside").click()
    expect(page.get_by_text("then look here")).to_be_visible()
    page.get_by_role("tab", name="Microphone").click()
    record(page)
    expect(page.locator("#live .finals li").first).to_be_visible(timeout=PATIENCE)
    stop(page)
    page.get_by_role("tab", name="See inside").click()
    picture = page.locator("#inside figure")
    expect(picture.locator("figcaption")).to_have_text("The last utterance", timeout=PATIENCE)
    expect(picture.get_by_text("stop", exact=True)).to_be_visible()


def test_a_microphone_that_is_refused_is_told(launch: Callable[..., Browser], address: str) -> None:
    page = opened(launch(np.zeros(16_000), refuse=True), address)
    record(page)
    expect(page.locator("#live .trouble")).to_contain_text("The microphone was refused. Allow it", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()


def test_a_microphone_that_is_missing_is_told(launch: Callable[..., Browser], address: str) -> None:
    page = opened(launch(), address)
    record(page)
    expect(page.locator("#live .trouble")).to_contain_text("There is no microphone. Plug one in", timeout=PATIENCE)


def test_a_microphone_that_is_silent_is_told(launch: Callable[..., Browser], address: str) -> None:
    page = opened(launch(np.zeros(16_000)), address)
    record(page)
    expect(page.locator("#live .trouble")).to_contain_text("Is it muted?", timeout=PATIENCE)


def test_a_server_that_is_gone_is_told(page: Page) -> None:
    record(page)
    expect(page.locator("#live .state")).to_have_text("Listening", timeout=PATIENCE)
    page.evaluate("window.oyez.socket.close()")
    expect(page.locator("#live .trouble")).to_contain_text("The connection to Oyez is lost", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()


def test_a_recording_is_uploaded_read_and_seen_inside(page: Page, spoken: Path) -> None:
    give(page, spoken / "left_right_stop.flac")
    expect(page.locator("#text")).to_have_text("left right stop", timeout=PATIENCE)
    expect(page.locator("#heard .words li")).to_have_count(3)
    page.get_by_role("tab", name="See inside").click()
    expect(page.locator("#inside figcaption")).to_have_text("left_right_stop.flac", timeout=PATIENCE)
    expect(page.locator("#inside svg")).to_be_visible()


def test_a_damaged_recording_is_told_in_words(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF\x00\x00")
    give(page, broken)
    expect(page.get_by_text("broken.wav: not readable as audio").first).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_page_fits_its_window_in_light_and_dark(
    browser: Browser, address: str, spoken: Path, viewport: dict[str, int], scheme: str
) -> None:
    page = opened(browser, address, viewport=viewport, color_scheme=scheme)
    give(page, spoken / "left_right_stop.flac")
    expect(page.locator("#text")).to_have_text("left right stop", timeout=PATIENCE)
    for tab in ("Microphone", "Recording", "Commands", "See inside"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    paper, ink = (
        page.evaluate(LIGHTNESS, ["body", "backgroundColor"]),
        page.evaluate(LIGHTNESS, ["#inside svg", "color"]),
    )
    assert abs(paper - ink) > 120
    assert (paper < 128) == (scheme == "dark")


def test_nothing_is_asked_of_other_hosts(browser: Browser, address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda websocket: asked.append(websocket.url.replace("ws://", "http://")))
    page.goto(address)
    record(page)
    expect(page.locator("#live .state")).to_have_text("Listening", timeout=PATIENCE)
    page.get_by_role("tab", name="Recording").click()
    expect(page.get_by_text("Click to Upload")).to_be_visible(timeout=PATIENCE)
    assert any("/live?" in url for url in asked)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_commands_of_the_commands_tab_are_heard_by_the_microphone_tab(page: Page) -> None:
    page.get_by_role("tab", name="Commands").click()
    page.locator("#commands-file .cm-content").fill("intents:\n  Turn: {data: [{sentences: ['left {then} stop']}]}\n"
                                                    "lists: {then: {values: [left, right]}}\n")  # fmt: skip
    page.get_by_label("Hear these commands on the Microphone tab").check()
    page.get_by_role("tab", name="Microphone").click()
    expect(page.locator("#live .following")).to_be_visible(timeout=PATIENCE)
    record(page)
    expect(page.locator("#live .finals .command").first).to_have_text("Turn then=right", timeout=PATIENCE)
    expect(page.locator("#live .finals .text").first).to_have_text("left right stop")
