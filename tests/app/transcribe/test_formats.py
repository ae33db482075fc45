"""Output formats: what programs and people read."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.app.transcribe.formats import FORMATS, one_line
from oyez.app.transcribe.inputs import Input
from oyez.models.subtitles import LINE_CHARACTERS, LINES, LONGEST_CUE, SHORTEST_CUE, cues
from oyez.models.types import Transcript, Word

YES_NO = Transcript(
    "yes no", (Word("yes", 0.12, 0.4, 0.98), Word("no", 0.71, 0.9, 0.75)), 0.735, 1.23456, "commands"
)  # fmt: skip
SILENCE = Transcript("", (), 0.99, 2.0, "commands")


def named(path: str, **fields: object) -> Input:
    return Input(Path(path), Path(path), **fields)  # type: ignore[arg-type]


def transcript_of(*words: tuple[str, float, float]) -> Transcript:
    found = tuple(Word(text, start, end, 0.5) for text, start, end in words)
    return Transcript(" ".join(word.text for word in found), found, 0.5, words[-1][2], "m")


def test_txt_is_the_text_on_a_line() -> None:
    assert FORMATS["txt"](named("a.wav"), YES_NO) == "yes no\n"


def test_silence_is_an_empty_line() -> None:
    assert FORMATS["txt"](named("a.wav"), SILENCE) == "\n"


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_holds_every_field(name: str) -> None:
    assert json.loads(FORMATS[name](named("talks/a.wav"), YES_NO)) == {
        "path": "talks/a.wav",
        "text": "yes no",
        "words": [
            {"text": "yes", "start": 0.12, "end": 0.4, "confidence": 0.98},
            {"text": "no", "start": 0.71, "end": 0.9, "confidence": 0.75},
        ],
        "confidence": 0.735,
        "duration": 1.235,
        "model": "commands",
        "command": None,
        "slots": {},
        "rejection": None,
    }


def test_json_says_which_part_of_a_file_it_is() -> None:
    record = json.loads(FORMATS["jsonl"](named("a.wav", channel=1, offset=2.5), YES_NO))
    assert (record["channel"], record["offset"]) == (2, 2.5)


@pytest.mark.parametrize("path", ["new\nline.wav", 'quo"te.wav', "émoji 🎙.wav", "back\\slash.wav"])
def test_jsonl_is_one_line_whatever_the_path(path: str) -> None:
    line = FORMATS["jsonl"](named(path), SILENCE)
    assert line.count("\n") == 1
    assert json.loads(line)["path"] == path


def test_json_of_a_name_that_is_not_utf_8_is_utf_8() -> None:
    line = FORMATS["json"](named("caf\udce9.wav"), SILENCE)
    assert json.loads(line.encode("utf-8"))["path"] == "caf\udce9.wav"


LONG = transcript_of(
    *((word, 3700 + 0.5 * n, 3700.4 + 0.5 * n) for n, word in enumerate(["one", "two", "three", "four"])),
    ("<seven>", 3705.0, 3705.1),
)


def test_srt_numbers_its_cues() -> None:
    assert FORMATS["srt"](named("a.wav"), LONG) == (
        "1\n01:01:40,000 --> 01:01:41,900\none two three four\n\n2\n01:01:45,000 --> 01:01:46,000\n<seven>\n\n"
    )


def test_vtt_has_a_header_and_escapes() -> None:
    assert FORMATS["vtt"](named("a.wav"), LONG) == (
        "WEBVTT\n\n01:01:40.000 --> 01:01:41.900\none two three four\n\n"
        "01:01:45.000 --> 01:01:46.000\n&lt;seven&gt;\n\n"
    )
    assert FORMATS["vtt"](named("a.wav"), SILENCE) == "WEBVTT\n\n"


def test_tsv_is_a_table_in_milliseconds() -> None:
    assert FORMATS["tsv"](named("a.wav"), LONG).splitlines() == [
        "start\tend\ttext",
        "3700000\t3701900\tone two three four",
        "3705000\t3706000\t<seven>",
    ]


def test_ctm_has_a_line_a_word_at_its_time_in_the_file() -> None:
    source = named("my talk\n1.wav", channel=1, offset=10.0)
    assert FORMATS["ctm"](source, YES_NO).splitlines() == [
        "my%20talk%0A1.wav 2 10.120 0.280 yes 0.980",
        "my%20talk%0A1.wav 2 10.710 0.190 no 0.750",
    ]
    assert FORMATS["ctm"](source, SILENCE) == ""


def test_a_cue_ends_at_a_pause_and_no_line_is_too_long() -> None:
    texts = [cue.lines for cue in cues(transcript_of(*((f"word{n:02}", n, n + 0.9) for n in range(14))).words)]
    assert texts[0] == ("word00 word01 word02 word03 word04 word05", "word06")
    assert len(texts) == 2


WORDS = st.lists(
    st.tuples(
        st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12) | st.just("x" * 60),
        st.floats(0, 3),  # pause before
        st.floats(0.03, 9),  # duration
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_cues_keep_the_rules_of_subtitles_whatever_is_said(parts: list[tuple[str, float, float]]) -> None:
    words, time = [], 0.0
    for text, pause, length in parts:
        words.append(Word(text, round(time + pause, 3), round(time + pause + length, 3), 1.0))
        time += pause + length
    found = cues(words)
    assert " ".join(cue.text for cue in found).split() == [word.text for word in words]  # nothing lost or moved
    for cue in found:
        assert 1 <= len(cue.lines) <= LINES
        assert all(len(line) <= LINE_CHARACTERS or " " not in line for line in cue.lines)
        assert 0 < cue.end - cue.start <= LONGEST_CUE + 1e-6
    for cue, following in itertools.pairwise(found):
        assert cue.end <= following.start
        assert cue.end - cue.start >= SHORTEST_CUE - 1e-6 or cue.end == following.start


@settings(max_examples=80, deadline=None)
@given(WORDS)
def test_srt_and_vtt_can_be_read_back(parts: list[tuple[str, float, float]]) -> None:
    words, time = [], 0.0
    for text, pause, length in parts:
        words.append((text, round(time + pause, 3), round(time + pause + length, 3)))
        time += pause + length
    if not words:
        return
    transcript = transcript_of(*words)
    clock = r"(\d\d+):([0-5]\d):([0-5]\d)[,.](\d{3})"
    for name, head in (("srt", ""), ("vtt", "WEBVTT\n\n")):
        written = FORMATS[name](named("a.wav"), transcript)
        assert written.startswith(head)
        blocks = written.removeprefix(head).strip("\n").split("\n\n")
        assert len(blocks) == len(cues(transcript.words))
        for number, (block, cue) in enumerate(zip(blocks, cues(transcript.words), strict=True), 1):
            lines = block.split("\n")
            if name == "srt":
                assert lines.pop(0) == str(number)
            match = re.fullmatch(f"{clock} --> {clock}", lines.pop(0))
            assert match
            h, m, s, ms, *_ = map(int, match.groups())
            assert ((h * 60 + m) * 60 + s) * 1000 + ms == round(cue.start * 1000)
            assert tuple(lines) == cue.lines


@given(st.text())
def test_names_and_messages_stay_on_their_line(text: str) -> None:
    shown = one_line(text)
    assert shown.splitlines() in ([], [shown])
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)
    assert text.isprintable() is False or shown == text
