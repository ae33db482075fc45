"""Output formats: what programs and people read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.outputs import FORMATS
from models.recognizer import Transcript, Word

YES_NO = Transcript(
    "yes no", (Word("yes", 0.12, 0.4, 0.98), Word("no", 0.71, 0.9, 0.75)), 0.735, 1.23456, "commands"
)  # fmt: skip
SILENCE = Transcript("", (), 0.99, 2.0, "commands")


def test_txt_is_the_text_on_a_line() -> None:
    assert FORMATS["txt"](Path("a.wav"), YES_NO) == "yes no\n"


def test_silence_is_an_empty_line() -> None:
    assert FORMATS["txt"](Path("a.wav"), SILENCE) == "\n"


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_holds_every_field(name: str) -> None:
    assert json.loads(FORMATS[name](Path("talks/a.wav"), YES_NO)) == {
        "path": "talks/a.wav",
        "text": "yes no",
        "words": [
            {"text": "yes", "start": 0.12, "end": 0.4, "confidence": 0.98},
            {"text": "no", "start": 0.71, "end": 0.9, "confidence": 0.75},
        ],
        "confidence": 0.735,
        "duration": 1.235,
        "model": "commands",
    }


@pytest.mark.parametrize("path", ["new\nline.wav", 'quo"te.wav', "émoji 🎙.wav", "back\\slash.wav"])
def test_jsonl_is_one_line_whatever_the_path(path: str) -> None:
    line = FORMATS["jsonl"](Path(path), SILENCE)
    assert line.count("\n") == 1
    assert json.loads(line)["path"] == path
