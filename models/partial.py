"""The text of a segment that is still growing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.models.interpreter import mean_confidence
from oyez.models.types import Transcript, Word

AGREEING = 3  # readings in a row that must hold a word before it is called stable, or lack it before it is given up
LONGEST_READ = 4.0  # seconds; when the part that is read again gets longer than this, its beginning is settled
CONTEXT = 2.0  # seconds before the end that are never settled: later sound may still change them


class PartialTranscript:
    """Reads a growing waveform again and again, at a cost that does not grow with it.

    A short waveform is transcribed whole. Of a longer one the beginning is settled, up to the widest gap after a word
    that is far enough from the end, and only what follows is transcribed again. Of a classifier, whose one word takes
    all that it was given, nothing is settled.
    """

    def __init__(self, transcribe: Callable[[list[Waveform]], list[Transcript]]) -> None:
        """Begin with nothing; `transcribe` is a recognizer's."""
        self._transcribe = transcribe
        self._settled: tuple[Word, ...] = ()
        self._settled_until = 0.0  # seconds
        self._readings: deque[list[str]] = deque(maxlen=AGREEING)
        self._shown: list[str] = []
        self._stable = 0  # words of _shown
        self._doubts = 0  # readings in a row that contradict the stable words
        self.confidence = 0.0  # as of a Transcript

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(self._shown)

    @property
    def stable(self) -> str:
        """The words at the beginning that several readings agreed on."""
        return " ".join(self._shown[: self._stable])

    def extend(self, waveform: Waveform) -> None:
        """Read the waveform so far, which begins with all that was read before."""
        rest = waveform[round(self._settled_until * SAMPLE_RATE) :]
        [transcript] = self._transcribe([rest])
        words = tuple(word.shifted(self._settled_until) for word in transcript.words)
        self._note(self._settled + words, transcript)
        if len(rest) > LONGEST_READ * SAMPLE_RATE:
            self._settle(words, len(waveform) / SAMPLE_RATE)

    def take(self, transcript: Transcript) -> None:
        """Take a transcript of the whole waveform so far, which may be the last, for a reading of it."""
        self._doubts = AGREEING
        self._note(transcript.words, transcript)

    def _note(self, words: tuple[Word, ...], transcript: Transcript) -> None:
        reading = [word.text for word in words]
        self._readings.append(reading)
        # half a word can make nonsense of those before it, which are kept while that may be the reason
        self._doubts = self._doubts + 1 if reading[: self._stable] != self._shown[: self._stable] else 0
        if 0 < self._doubts < AGREEING:
            self._shown = self._shown[: self._stable]
            return
        self._doubts = 0
        kept = _common([self._shown[: self._stable], reading])
        agreed = _common(list(self._readings)) if len(self._readings) == AGREEING else 0
        self._shown, self._stable = reading, max(kept, agreed)
        self.confidence = mean_confidence(words) if words else transcript.confidence

    def _settle(self, words: tuple[Word, ...], seconds: float) -> None:
        """Settle what comes before the widest gap after a word, of those far enough from the end at `seconds`."""
        latest = seconds - CONTEXT
        if not words or words[0].start > latest:
            self._settled_until = latest
            return
        next_starts = [*(word.start for word in words[1:]), seconds]
        gaps = [(start, word.end) for word, start in zip(words, next_starts, strict=True) if word.end <= latest]
        if gaps:
            start, end = max(gaps, key=lambda gap: gap[0] - gap[1])
            self._settled_until = min((start + end) / 2, latest)
            self._settled += tuple(word for word in words if word.end <= end)


def _common(readings: list[list[str]]) -> int:
    """Return how many words at the beginning are the same in all readings."""
    return next(
        (n for n, words in enumerate(zip(*readings, strict=False)) if len(set(words)) > 1), min(map(len, readings))
    )
