"""Who has been called listens for some seconds: what is said to it may follow the wake phrase after a pause."""

from __future__ import annotations

import math
from dataclasses import replace

from oyez.models.grammar.command import Command, NoCommand, Refusal
from oyez.models.recognizer import Recognizer, Transcript
from oyez.models.streaming import Event, Final, SpeechStarted, StreamingRecognizer
from oyez.models.vad.segmentation import Segment, SegmentationConfig

# from more to less; None: what is said to us
_TELLING = (Refusal.SEVERAL, None, Refusal.WAKE_ONLY, Refusal.NOT_WOKEN, Refusal.OTHER, Refusal.SILENCE)
_ROUNDING = 1e-6  # seconds; a segment that begins where another ends may do so a rounding error later


class Attention:
    """Takes the transcripts of a stream and lets through what follows the wake phrase. No clock inside.

    One call is for one command, but for all the free text that begins in time.
    """

    def __init__(self, seconds: float) -> None:
        """Make a listener that is awake for so many seconds of the stream after the wake phrase."""
        self._seconds = seconds
        self.reset()

    def reset(self) -> None:
        """Fall asleep."""
        self._awake_until = -math.inf

    def awake(self, start: float) -> bool:
        """Whether what begins at `start`, in seconds into the stream, is said to us."""
        return start <= self._awake_until + _ROUNDING

    def heed(self, transcript: Transcript, start: float, end: float) -> Transcript:
        """Return the transcript of a segment as it counts now; `start` and `end` are its place in the stream."""
        match transcript.command:
            case None | NoCommand(reason=Refusal.WAKE_ONLY):
                self._awake_until = end + self._seconds
            case NoCommand(reason=Refusal.NOT_WOKEN, nearest=command) if self.awake(start):
                # text that goes on after a cut begins where the segment ends
                self._awake_until = max(self._awake_until, end) if command is None else -math.inf
                return replace(transcript, command=command)
            case Command():
                self._awake_until = -math.inf
        return transcript


def what_counts(parts: list[tuple[Transcript, float]], seconds: float) -> list[tuple[Transcript, float]]:
    """Return those pieces of a recording that a stream would tell the most of: what was said to us, if anything was.

    Args:
        parts: the pieces and their starts, in order, in seconds.
        seconds: within which something may follow the wake phrase.
    """
    attention = Attention(seconds)
    heard = [(attention.heed(piece, start, start + piece.duration), start) for piece, start in parts]
    reasons = [piece.command.reason if isinstance(piece.command, NoCommand) else None for piece, _ in heard]
    most = min(reasons, key=_TELLING.index, default=None)
    return [part for part, reason in zip(heard, reasons, strict=True) if reason is most]


class AttentiveStream(StreamingRecognizer):
    """A stream with a wake phrase: what follows the phrase counts as said with it."""

    def __init__(self, recognizer: Recognizer, rate: int, config: SegmentationConfig | None, seconds: float) -> None:
        """Make a listener that is awake for so many seconds after the wake phrase; see StreamingRecognizer."""
        self._attention = Attention(seconds)
        super().__init__(recognizer, rate, config)

    def reset(self) -> None:
        """Forget the stream and fall asleep."""
        super().reset()
        self._attention.reset()

    @property
    def awake(self) -> bool:
        """Whether what begins now is said to us."""
        return self._attention.awake(self.seconds)

    def _final(self, segment: Segment) -> list[Event]:
        return [
            replace(event, transcript=self._attention.heed(event.transcript, event.start, event.end))
            if isinstance(event, Final)
            else event
            for event in super()._final(segment)
        ]


class DiscreetStream(AttentiveStream):
    """A stream that tells nothing of what is not said to us."""

    def _tells(self, start: float) -> bool:
        return self._attention.awake(start)

    def _final(self, segment: Segment) -> list[Event]:
        was_awake = self._attention.awake(segment.start)
        events = super()._final(segment)
        if was_awake:
            return events
        if not self._attention.awake(segment.start):
            return []
        return [SpeechStarted(segment.start), *(event for event in events if isinstance(event, Final))]
