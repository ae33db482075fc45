"""Transcripts as text: plain, subtitles, tables, JSON. Pure functions; nothing here touches a file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from oyez.app.transcribe.inputs import Input
from oyez.models.grammar.command import as_fields

if TYPE_CHECKING:
    from oyez.models.recognizer import Transcript, Word

# what subtitles are read by: 42 characters a line and two lines, a second at least and seven at most (BBC, Netflix)
LINE_CHARACTERS = 42
LINES = 2
SHORTEST_CUE, LONGEST_CUE = 1.0, 7.0  # seconds
CUE_PAUSE = 1.0  # seconds; a longer pause ends a cue


@dataclass(frozen=True)
class Cue:
    """Some words that are shown together, from `start` to `end` in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words on one line."""
        return " ".join(self.lines)


def cues(words: Sequence[Word]) -> list[Cue]:
    """Divide words into cues that can be read: none overlaps the next one, none is longer than LONGEST_CUE, none is
    shorter than SHORTEST_CUE unless the next one follows sooner. A word longer than a line has a line of its own.
    """
    groups: list[list[Word]] = []
    for word in words:
        if groups and _fit([*groups[-1], word]):
            groups[-1].append(word)
        else:
            groups.append([word])
    found: list[Cue] = []
    for number, group in enumerate(groups):
        start = max(group[0].start, found[-1].end if found else 0.0)
        latest = start + LONGEST_CUE
        if number + 1 < len(groups):
            latest = min(latest, max(groups[number + 1][0].start, start + 0.001))
        end = min(max(group[-1].end, start + SHORTEST_CUE), latest)
        found.append(Cue(round(start, 3), round(end, 3), tuple(_lines(group))))
    return found


def _fit(words: Sequence[Word]) -> bool:
    pause = words[-1].start - words[-2].end
    return pause <= CUE_PAUSE and words[-1].end - words[0].start <= LONGEST_CUE and len(_lines(words)) <= LINES


def _lines(words: Sequence[Word]) -> list[str]:
    text = " ".join(word.text for word in words)
    return textwrap.wrap(text, LINE_CHARACTERS, break_long_words=False, break_on_hyphens=False)


def as_record(source: Input, transcript: Transcript) -> dict[str, Any]:
    """Return the fields of a transcript: path, text, words, ...; of a part or a channel of a file, which one it is.

    With a commands file there are also: command (an intent or None), slots, refused (why there is no command).
    """
    place: dict[str, Any] = {"path": source.name}
    if source.channel is not None:
        place["channel"] = source.channel + 1
    if source.offset or source.duration is not None:
        place["offset"] = source.offset
    fields = asdict(transcript)
    del fields["command"], fields["call"]
    command = as_fields(transcript.command) if transcript.command is not None else {}
    return place | {key: _rounded(value) for key, value in fields.items()} | command


def as_txt(_: Input, transcript: Transcript) -> str:
    """Return the text alone."""
    return transcript.text + "\n"


def as_srt(_: Input, transcript: Transcript) -> str:
    """Return SubRip subtitles."""
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_joined(cue.lines)}\n\n"
        for number, cue in enumerate(cues(transcript.words), 1)
    )


def as_vtt(_: Input, transcript: Transcript) -> str:
    """Return WebVTT subtitles (https://www.w3.org/TR/webvtt1/)."""
    escapes = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_joined(cue.lines).translate(escapes)}\n\n"
        for cue in cues(transcript.words)
    )


def as_tsv(_: Input, transcript: Transcript) -> str:
    """Return a table of the cues: start and end in milliseconds, and text."""
    rows = (f"{_ms(cue.start)}\t{_ms(cue.end)}\t{cue.text}\n" for cue in cues(transcript.words))
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


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(seconds: float, point: str) -> str:
    minutes, milliseconds = divmod(_ms(seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
