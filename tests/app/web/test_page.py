"""What happens to a recording on the page; the page itself is looked at in end_to_end/."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import soundfile

import oyez.app.web.page
from oyez.app.web.choice import Choice
from oyez.app.web.page import NOTHING_INSIDE, UPLOADS_CHECKED, UPLOADS_KEPT, build_page, framed, transcribe, vocabulary
from oyez.data.audio import SAMPLE_RATE
from oyez.models.checkpoint import CheckpointError
from oyez.models.recognizer import Recognizer
from oyez.models.types import Transcript, Word


@pytest.fixture
def choice() -> Choice:
    return Choice("commands", any_folder=False)


def test_a_recording_gives_its_words_and_the_picture(choice: Choice, spoken: Path) -> None:
    heard, picture = transcribe(choice, "commands", str(spoken / "left_right_stop.flac"))
    assert '<div id="text" class="said">left right stop</div>' in heard
    assert heard.count("<li") == 3
    assert "%" in heard
    assert "<figcaption>left_right_stop.flac</figcaption>" in picture
    assert "<svg" in picture


def test_of_a_long_recording_the_picture_is_of_the_beginning(choice: Choice, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(13 * SAMPLE_RATE), SAMPLE_RATE)
    _, picture = transcribe(choice, "commands", str(path))
    assert "long.wav, its first 12 seconds" in picture


def test_no_recording_shows_nothing(choice: Choice) -> None:
    assert transcribe(choice, "commands", None) == ("", NOTHING_INSIDE)


def test_what_was_heard_and_the_name_of_the_file_are_escaped(
    choice: Choice, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Transcript("<b>&", (Word("<b>&", 0.1, 0.2, 0.5),), 0.5, 1.0, "m")
    monkeypatch.setattr(Recognizer, "transcribe", lambda *_: [said])
    heard, _ = transcribe(choice, "commands", str(spoken / "yes.flac"))
    assert "<b>&" not in heard.replace("<b>&lt;", "")
    assert heard.count("&lt;b&gt;&amp;") == 2
    assert "<script>" not in framed("", "<script>")


def test_a_damaged_recording_is_told_by_its_name_without_its_folder(choice: Choice, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(gr.Error) as error:
        transcribe(choice, "commands", str(path))
    assert "broken.wav" in error.value.message
    assert str(tmp_path) not in error.value.message


def test_a_recording_that_was_deleted_meanwhile_is_told(choice: Choice, tmp_path: Path) -> None:
    with pytest.raises(gr.Error, match="within a minute"):
        transcribe(choice, "commands", str(tmp_path / "gone.wav"))


def test_only_the_owner_of_the_page_may_name_a_folder(untrained_model: Path) -> None:
    assert Choice("commands", any_folder=True).recognizer(str(untrained_model)).name == "untrained"
    assert Choice(str(untrained_model), any_folder=False).recognizer(str(untrained_model)).name == "untrained"
    with pytest.raises(CheckpointError, match="no model"):
        Choice("commands", any_folder=False).recognizer(str(untrained_model))


def test_a_model_is_loaded_once_for_all(choice: Choice) -> None:
    assert choice.recognizer("commands") is Choice("commands", any_folder=True).recognizer("commands")


def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(gr.Error, match="not a model folder"):
        vocabulary(Choice("commands", any_folder=True), str(tmp_path))


def test_a_model_tells_what_it_knows(choice: Choice, untrained_model: Path) -> None:
    assert "It knows 35 words" in vocabulary(choice, "commands")
    assert "any English word" in vocabulary(Choice("commands", any_folder=True), str(untrained_model))


def test_recordings_are_deleted_within_a_minute(choice: Choice) -> None:
    blocks = build_page(choice)
    assert blocks.delete_cache == (UPLOADS_CHECKED, UPLOADS_KEPT)
    assert UPLOADS_CHECKED + UPLOADS_KEPT < 60
    assert not blocks.analytics_enabled


def test_nothing_on_the_page_comes_from_elsewhere(choice: Choice) -> None:
    config = build_page(choice).get_config_file()
    for component in config["components"]:
        component.pop("example_inputs", None)  # of Gradio's documentation of its interface: no browser fetches them
    page = json.dumps(config) + (Path(oyez.app.web.page.__file__).parent / "page.css").read_text()
    elsewhere = re.compile(r"(?:\w+:)?//(?!localhost\b|www\.w3\.org/)\w[^\s\"]*")  # comments have a space
    assert elsewhere.findall(page) == []
    assert elsewhere.findall('"//a.b" "https://c" http://localhost http://www.w3.org/ // d') == ["//a.b", "https://c"]
