"""Samples in an array, of any type, rate and number of channels, as a waveform."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oyez.data.audio import SAMPLE_RATE, AudioError, Waveform, to_waveform

_HIGHEST_RATE = 768_000  # Hz; nothing records faster
_MOST_CHANNELS = 64


def as_waveform(samples: npt.NDArray[Any], rate: int = SAMPLE_RATE) -> Waveform:
    """Return samples as float32, mono, in [-1, 1], at 16 kHz.

    Args:
        samples: shape (samples,) or (samples, channels); or (channels, samples), as torchaudio has it, where there are
            many more columns than rows. Floating point in [-1, 1], or integers, which are scaled by their range.
        rate: of the samples, in Hz.

    Raises:
        AudioError: the array has another shape or type, values that are no numbers, or values far beyond 1.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer) or not 1_000 <= rate <= _HIGHEST_RATE:
        raise AudioError(f"rate={rate!r}: expected whole samples a second, 1000 to {_HIGHEST_RATE}")
    if samples.ndim == 2 and samples.shape[0] <= _MOST_CHANNELS and samples.shape[1] > 2 * _MOST_CHANNELS:
        samples = samples.T  # (channels, samples) -> (samples, channels)
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 1 <= samples.shape[1] <= _MOST_CHANNELS):
        raise AudioError(f"samples of shape {samples.shape}: expected (samples,) or (samples, channels)")
    if not np.issubdtype(samples.dtype, np.floating) and not np.issubdtype(samples.dtype, np.integer):
        raise AudioError(f"samples of type {samples.dtype}: expected floating point or integers")
    if np.issubdtype(samples.dtype, np.floating):
        if not np.isfinite(samples).all():
            raise AudioError("the samples hold values that are no numbers (NaN or infinity)")
        if len(samples) and (peak := float(np.abs(samples).max())) > 4.0:
            raise AudioError(
                f"the samples reach {peak:g}: floating-point samples lie in [-1, 1]; divide those of 16 bits by 32768"
            )
    return to_waveform(samples, int(rate))
