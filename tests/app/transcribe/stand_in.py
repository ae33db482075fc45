"""Stands in for the recogniser of worker processes, in a module of its own: they import it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from oyez.app.transcribe.worker import Settings
from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.models.types import Transcript, Word

DEADLY, WRONG = 0.875, 0.625  # samples at which the stand-in dies, and raises


class Hearer:
    """Stands in for a Recognizer: says how long a waveform is and what its first sample is worth."""

    def transcribe(self, waveforms: list[Waveform]) -> list[Transcript]:
        return [self._transcript(waveform) for waveform in waveforms]

    def _transcript(self, waveform: Waveform) -> Transcript:
        if waveform[0] == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        if waveform[0] == WRONG:
            raise ValueError("what a pity")
        word = Word(f"{len(waveform)}:{waveform[0]:.4f}", 0.0, 0.1, 1.0)
        return Transcript(word.text, (word,), 1.0, len(waveform) / SAMPLE_RATE, "stand-in")

    def joined(self, parts: list[tuple[Transcript, float]], duration: float) -> Transcript:
        words = tuple(word.shifted(start) for transcript, start in parts for word in transcript.words)
        return Transcript(" ".join(word.text for word in words), words, 1.0, duration, "stand-in")


@dataclass(frozen=True)
class StandIn(Settings):
    """Settings whose recogniser is the stand-in."""

    def recognizer(self, _: str = "cpu") -> Hearer:  # type: ignore[override]
        return Hearer()


@dataclass(frozen=True)
class Unloadable(Settings):
    """Settings that no process can work with."""

    def recognizer(self, _: str = "cpu") -> Hearer:  # type: ignore[override]
        os._exit(3)
