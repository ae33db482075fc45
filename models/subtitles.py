"""Words with times as subtitles that can be read: SubRip and WebVTT."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# what subtitles are read by: 42 characters a line and two lines, a second at least and seven at most (BBC, Netflix)
LINE_CHARACTERS = 42
LINES = 2
SHORTEST_CUE, LONGEST_CUE = 1.0, 7.0  # seconds
CUE_PAUSE = 1.0  # seconds; a longer pause ends a cue


class TimedWord(Protocol):
    """A word with its times in seconds."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> float: ...  # noqa: D102
    @property
    def end(self) -> float: ...  # noqa: D102


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


def cues(words: Sequence[TimedWord]) -> list[Cue]:
    """Divide words into cues that can be read: none overlaps the next one, none is longer than LONGEST_CUE, none is
    shorter than SHORTEST_CUE unless the next one follows sooner. A word longer than a line has a line of its own.
    """
    groups: list[list[TimedWord]] = []
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


def as_srt(words: Sequence[TimedWord]) -> str:
    """Return SubRip subtitles."""
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_joined(cue.lines)}\n\n"
        for number, cue in enumerate(cues(words), 1)
    )


def as_vtt(words: Sequence[TimedWord]) -> str:
    """Return WebVTT subtitles (https://www.w3.org/TR/webvtt1/)."""
    escapes = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_joined(cue.lines).translate(escapes)}\n\n"
        for cue in cues(words)
    )


def milliseconds(seconds: float) -> int:
    """Return a time in whole milliseconds."""
    return round(seconds * 1000)


def _fit(words: Sequence[TimedWord]) -> bool:
    pause = words[-1].start - words[-2].end
    return pause <= CUE_PAUSE and words[-1].end - words[0].start <= LONGEST_CUE and len(_lines(words)) <= LINES


def _lines(words: Sequence[TimedWord]) -> list[str]:
    text = " ".join(word.text for word in words)
    return textwrap.wrap(text, LINE_CHARACTERS, break_long_words=False, break_on_hyphens=False)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(milliseconds(seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
