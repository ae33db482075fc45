"""Text files of sentences: what is read, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from oyez.data.corpora.sentences import read_sentences
from oyez.data.text import TextError

LINES = "Turn ON the light!\n\n  \nroom 12\n⅀ of it\n"


@pytest.mark.parametrize("encode", [str.encode, lambda text: gzip.compress(text.encode())])
def test_lines_are_normalised_and_what_cannot_be_spelled_is_named(tmp_path: Path, encode):
    path = tmp_path / "sentences"
    path.write_bytes(encode(LINES))
    sentences = read_sentences(path)
    assert sentences.texts == ["turn on the light", "room twelve"]
    [reason] = sentences.left_out
    assert reason.startswith(f"{path}, line 5: ")
    assert "⅀" in reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no sentence"),
        (b"\n \n", "no sentence"),
        (b"\xff\xfeabc", "not UTF-8"),
        (gzip.compress(b"stop\n" * 50, mtime=0)[:-9], "damaged gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "sentences.txt"
    path.write_bytes(content)
    with pytest.raises(TextError, match=message) as raised:
        read_sentences(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(TextError, match=r"gone\.txt: cannot be read"):
        read_sentences(tmp_path / "gone.txt")
