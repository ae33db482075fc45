"""What recognition gives: words, transcripts, commands, rejections, and the events of a live stream.

Plain values that any program can use; nothing here loads a network or a library for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from oyez.data.audio import Waveform
from oyez.models.subtitles import as_srt, as_vtt


@dataclass(frozen=True)
class Word:
    """A word and where it was said."""

    text: str
    start: float  # seconds from the start of the recording
    end: float
    confidence: float  # probability that this word is right

    def shifted(self, seconds: float) -> Word:
        """Return the word at its place in a longer recording, in which this one begins at `seconds`."""
        return replace(self, start=round(self.start + seconds, 3), end=round(self.end + seconds, 3))


@dataclass(frozen=True)
class Command:
    """What somebody wants done."""

    intent: str
    slots: Mapping[str, Any]  # what the lists' `out` values, the numbers and the free texts were
    text: str  # the sentence, as the commands file writes it
    confidence: float  # probability that intent and slots are right
    alternatives: tuple[Command, ...] = ()  # the next likely ones with another intent or other slots, if asked for

    def to_dict(self) -> dict[str, Any]:
        """Return the command for programs: command, slots, text and confidence."""
        return {
            "command": self.intent,
            "slots": dict(self.slots),
            "text": self.text,
            "confidence": self.confidence,
        }


class RejectionCode(StrEnum):
    """Why there is no command: the code for programs."""

    NO_SPEECH = "no_speech"
    NO_MATCH = "no_match"
    WAKE_ONLY = "wake_only"
    NOT_WOKEN = "not_woken"
    MULTIPLE = "multiple"


_MESSAGES = {
    RejectionCode.NO_SPEECH: "no speech was found",
    RejectionCode.NO_MATCH: "it is none of the sentences",
    RejectionCode.WAKE_ONLY: "only the wake phrase was said",
    RejectionCode.NOT_WOKEN: "the wake phrase was not said",
    RejectionCode.MULTIPLE: "more than one command was said",
}


@dataclass(frozen=True)
class Rejection:
    """Why a recording holds no command, where commands or a wake phrase were asked for."""

    code: RejectionCode
    nearest: Command | None = None  # the command that it would have been

    @property
    def message(self) -> str:
        """The reason for people."""
        return _MESSAGES[self.code]

    def to_dict(self) -> dict[str, str]:
        """Return the code for programs and the message for people."""
        return {"code": self.code.value, "message": self.message}


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording.

    With a commands file there is either a `command` or a `rejection`. With a wake phrase alone there is a `rejection`
    unless the text follows the phrase. For plain text both are None.
    """

    text: str  # empty if nothing was said
    words: tuple[Word, ...]
    confidence: float  # of a command, that it is right; of text, mean over its words; of no text, that there is none
    duration: float  # of the recording, in seconds
    model: str  # name of the model
    command: Command | None = None
    rejection: Rejection | None = None
    wake_phrase: str = ""  # where it was said before the text; it is no part of that

    def __repr__(self) -> str:
        """Show the text, its confidence, and the command or why there is none."""
        shown = f"{self.text!r}, confidence={self.confidence:.2f}, duration={self.duration:.2f}"
        if self.command is not None:
            shown += f", command={self.command.intent!r}, slots={dict(self.command.slots)!r}"
        if self.rejection is not None:
            shown += f", rejection={self.rejection.code.value!r}"
        return f"<Transcript {shown}>"

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for programs (JSON): times in seconds, rounded to milliseconds."""
        command = self.command
        fields: dict[str, Any] = {
            "text": self.text,
            "words": [{"text": w.text, "start": w.start, "end": w.end, "confidence": w.confidence} for w in self.words],
            "confidence": self.confidence,
            "duration": round(self.duration, 3),
            "model": self.model,
            "command": None if command is None else command.intent,
            "slots": {} if command is None else dict(command.slots),
            "rejection": None if self.rejection is None else self.rejection.to_dict(),
        }
        if command is not None and command.alternatives:
            fields["alternatives"] = [alternative.to_dict() for alternative in command.alternatives]
        return fields

    def to_srt(self) -> str:
        """Return SubRip subtitles."""
        return as_srt(self.words)

    def to_vtt(self) -> str:
        """Return WebVTT subtitles."""
        return as_vtt(self.words)


@dataclass(frozen=True)
class SpeechStarted:
    """Somebody began to speak, `start` seconds into the stream."""

    start: float


@dataclass(frozen=True)
class Partial:
    """What the open segment sounds like so far; the next one may differ, seldom in its `stable` beginning."""

    text: str
    stable: str  # whole words at the beginning of text that the last partial results agree on
    confidence: float  # as of a Transcript
    start: float  # seconds into the stream
    end: float


@dataclass(frozen=True)
class Final:
    """A segment has ended; this is what was said. Times in the transcript count from the start of the stream."""

    transcript: Transcript
    start: float
    end: float
    waveform: Waveform = field(default_factory=lambda: np.zeros(0, np.float32), repr=False, compare=False)


Event = SpeechStarted | Partial | Final
