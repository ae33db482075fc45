"""The functions behind the page, called as the page calls them; the page itself is tested in end_to_end/."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import soundfile

from app import web
from data.audio import SAMPLE_RATE, Waveform

BROWSER_RATE = 48_000


def chunks(seconds: float, level: float = 0.0) -> list[web.Chunk]:
    """Sound as a browser sends it: int16 at 48 kHz, a fifth of a second at a time."""
    rng = np.random.default_rng(0)
    size = int(BROWSER_RATE * web.CHUNK_SECONDS)
    pieces = int(seconds / web.CHUNK_SECONDS)
    return [(BROWSER_RATE, (level * rng.standard_normal(size) * 32767).astype(np.int16)) for _ in range(pieces)]


def test_silence_says_nothing_and_goes_on_listening(untrained_model: Path) -> None:
    conversation, shown = None, ""
    for chunk in chunks(2.0):
        conversation, shown = web.hear(str(untrained_model), chunk, conversation)
    assert "Listening" in shown
    assert "<li>" not in shown


def test_two_visitors_do_not_hear_each_other(untrained_model: Path) -> None:
    first, _ = web.hear(str(untrained_model), chunks(0.4)[0], None)
    second, _ = web.hear(str(untrained_model), chunks(0.4)[0], None)
    assert first is not None
    assert second is not None
    assert first is not second
    assert first.stream is not second.stream
    assert first.stream.recognizer is second.stream.recognizer


def test_another_sample_rate_begins_another_conversation(untrained_model: Path) -> None:
    first, _ = web.hear(str(untrained_model), chunks(0.4)[0], None)
    second, _ = web.hear(str(untrained_model), (44_100, np.zeros(8820, np.int16)), first)
    assert second is not first


def test_stopping_before_anything_was_said_is_no_error() -> None:
    assert web.stop(None) == (None, web.IDLE)


def test_what_was_heard_is_escaped(untrained_model: Path) -> None:
    conversation, _ = web.hear(str(untrained_model), chunks(0.4)[0], None)
    assert conversation is not None
    conversation.partial = "<script>"
    assert "<script>" not in conversation.as_html()


def test_a_recording_gives_text_words_and_a_picture(untrained_model: Path, tmp_path: Path, tone: Waveform) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone, SAMPLE_RATE)
    _, text, words, picture = web.transcribe(str(untrained_model), str(path))
    assert text
    assert [word[0] for word in words] == text.split() or text.startswith("(")
    assert picture is not None
    assert [axes.get_ylabel() for axes in picture.axes][:2] == ["waveform", "MFCC"]


def test_a_damaged_recording_is_told_by_its_name_without_its_folder(untrained_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(gr.Error) as error:
        web.transcribe(str(untrained_model), str(path))
    assert "broken.wav" in error.value.message
    assert str(tmp_path) not in error.value.message


def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(gr.Error, match="not a model folder"):
        web.choose(str(tmp_path))
