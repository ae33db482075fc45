"""The text of a segment that is still growing."""

from __future__ import annotations

import math
from collections import deque

from data.audio import SAMPLE_RATE, Waveform
from models.recognizer import Recognizer, Transcript, Word

AGREEING = 3  # readings in a row that hold a word before it is called stable
LONGEST_READ = 4.0  # seconds; when the part that is read again gets longer than this, its beginning is settled
CONTEXT = 2.0  # seconds before the end that are never settled: later sound may still change them


class Draft:
    """Reads a growing waveform again and again, at a cost that does not grow with it.

    A short waveform is transcribed whole. Of a longer one the beginning is settled, up to the widest gap after a word
    that is far enough from the end, and only what follows is transcribed again.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._settled: tuple[Word, ...] = ()
        self._settled_until = 0.0  # seconds
        self._readings: deque[list[str]] = deque(maxlen=AGREEING)
        self.confidence = 0.0  # probability that the whole text is right

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(self._readings[-1]) if self._readings else ""

    @property
    def stable(self) -> str:
        """The words at the beginning that the last readings agree on."""
        if len(self._readings) < AGREEING:
            return ""
        agreed = 0
        for words in zip(*self._readings, strict=False):
            if len(set(words)) > 1:
                break
            agreed += 1
        return " ".join(self._readings[-1][:agreed])

    def extend(self, waveform: Waveform) -> None:
        """Read the waveform so far, which begins with all that was read before."""
        rest = waveform[round(self._settled_until * SAMPLE_RATE) :]
        [transcript] = self._recognizer.transcribe([rest])
        words = tuple(word.later(self._settled_until) for word in transcript.words)
        self._note(self._settled + words, transcript)
        if len(rest) > LONGEST_READ * SAMPLE_RATE:
            self._settle(words, len(waveform) / SAMPLE_RATE)

    def take(self, transcript: Transcript) -> None:
        """Take a transcript of the whole waveform so far for a reading of it."""
        self._note(transcript.words, transcript)

    def _note(self, words: tuple[Word, ...], transcript: Transcript) -> None:
        self._readings.append([word.text for word in words])
        self.confidence = round(math.prod(word.confidence for word in words), 4) if words else transcript.confidence

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
