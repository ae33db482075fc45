"""Who has been called listens for some seconds: a command may follow the wake phrase after a pause."""

from __future__ import annotations

import math
from dataclasses import replace

from models.commands.command import Command, NoCommand, Refusal
from models.recognizer import Transcript


class Attention:
    """Takes the finals of a stream and lets a command through that follows the wake phrase. No clock inside."""

    def __init__(self, seconds: float) -> None:
        """Make a listener that is awake for so many seconds of the stream after the wake phrase."""
        self._seconds = seconds
        self._awake_until = -math.inf

    def heed(self, transcript: Transcript, start: float, end: float) -> Transcript:
        """Return the transcript of a segment as it counts now; `start` and `end` are its place in the stream."""
        match transcript.command:
            case NoCommand(reason=Refusal.WAKE_ONLY):
                self._awake_until = end + self._seconds
            case NoCommand(reason=Refusal.NOT_WOKEN, nearest=Command() as command) if start <= self._awake_until:
                self._awake_until = -math.inf
                return replace(transcript, command=command)
            case Command():
                self._awake_until = -math.inf
        return transcript
