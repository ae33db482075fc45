"""Transcripts as text: plain, subtitles, tables, JSON. Pure functions; nothing here touches a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from oyez.app.transcribe.inputs import Input
from oyez.models.subtitles import cues, milliseconds
from oyez.models.types import Transcript


def as_record(source: Input, transcript: Transcript) -> dict[str, Any]:
    """Return the fields of a transcript: path, text, words, ...; of a part or a channel of a file, which one it is.

    What a transcript holds: see `Transcript.to_dict`.
    """
    fields: dict[str, Any] = {"path": source.name}
    if source.channel is not None:
        fields["channel"] = source.channel + 1
    if source.offset or source.duration is not None:
        fields["offset"] = source.offset
    return fields | transcript.to_dict()


def as_txt(_: Input, transcript: Transcript) -> str:
    """Return the text alone."""
    return transcript.text + "\n"


def as_srt(_: Input, transcript: Transcript) -> str:
    """Return SubRip subtitles."""
    return transcript.to_srt()


def as_vtt(_: Input, transcript: Transcript) -> str:
    """Return WebVTT subtitles."""
    return transcript.to_vtt()


def as_tsv(_: Input, transcript: Transcript) -> str:
    """Return a table of the cues: start and end in milliseconds, and text."""
    rows = (f"{milliseconds(cue.start)}\t{milliseconds(cue.end)}\t{cue.text}\n" for cue in cues(transcript.words))
    return "start\tend\ttext\n" + "".join(rows)


def as_ctm(source: Input, transcript: Transcript) -> str:
    """Return NIST's time-marked conversation format: recording, channel, start, duration, word, confidence."""
    name = quote(source.name, safe="/:@,;=+!$&'()*~[]", errors="surrogateescape")  # no white space
    channel = 1 if source.channel is None else source.channel + 1
    return "".join(
        f"{name} {channel} {source.offset + word.start:.3f} {max(0.0, word.end - word.start):.3f} {word.text} "
        f"{word.confidence:.3f}\n"
        for word in transcript.words
    )


def as_json(source: Input, transcript: Transcript) -> str:
    """Return all fields, for people to read."""
    return _json(as_record(source, transcript), indent=2)


def as_jsonl(source: Input, transcript: Transcript) -> str:
    """Return all fields on one line, for programs to read one after the other."""
    return _json(as_record(source, transcript))


FORMATS: dict[str, Callable[[Input, Transcript], str]] = {
    "txt": as_txt,
    "srt": as_srt,
    "vtt": as_vtt,
    "tsv": as_tsv,
    "json": as_json,
    "jsonl": as_jsonl,
    "ctm": as_ctm,
}
OF_ONE_RECORDING = {"srt", "vtt", "tsv"}  # two of these in a row are none: nobody knows whose a time is


def one_line(text: str) -> str:
    """Return a name or a message with its control characters escaped: it stays on its line, and moves no cursor."""
    return "".join(_escaped(text))


def _escaped(text: str) -> Iterator[str]:
    for character in text:
        surrogate = "\ud800" <= character <= "\udfff"  # a byte of a name that is no UTF-8; printed as that byte
        yield character if character.isprintable() or surrogate else character.encode("unicode_escape").decode()


def _json(record: dict[str, Any], indent: int | None = None) -> str:
    text = json.dumps(record, ensure_ascii=False, indent=indent)
    # a name that is no UTF-8 holds lone surrogates, which JSON can only escape
    return text.encode("utf-8", "backslashreplace").decode() + "\n"
