"""The waveform, its constants, and the one way in which samples of any layout become one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

SAMPLE_RATE = 16_000  # samples per second, everywhere
HOP = SAMPLE_RATE // 100  # samples from one frame of analysis to the next: 10 ms
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; a header that says otherwise is damaged or no recording of speech
MAX_CHANNELS = 256  # an array with more has its axes the other way round

Waveform = npt.NDArray[np.float32]

_WINDOW = 256  # samples after which the choice between the mean and one channel is made anew
_MEMORY = 0.999  # share of the energies that is kept from one window to the next: some seconds
_CANCELLED = 0.2  # of the energy that the mean of unrelated channels has; less means that they cancel each other
_INTEGER_PEAK = 16.0  # floating-point samples up to this may be just loud
_INTEGER_SHARE = 0.25  # of the samples that are not zero lie beyond 1 where they are integers
_INTEGER_SCALES = (2.0**15, 2.0**23, 2.0**31)
_QUIET = 0.001  # peak below which a whole recording is called very quiet: -60 dB of full scale


class AudioError(Exception):
    """Audio that cannot be read. The message names the file and the reason."""


class AudioWarning(Warning):
    """Audio that was read, with something about it that its owner should know."""


class IncompleteAudioWarning(AudioWarning):
    """Audio of which a part is missing or damaged; what there is was read."""


#: Takes the warnings of a reader; `warnings.warn` is one.
Warn = Callable[[AudioWarning], object]


class Mixer:
    """Scales the chunks of a stream to float32 in [-1, 1] and mixes their channels; the same for any chunks.

    The mean of the channels is taken. Where they cancel each other (opposite phase, as of a cable with its wires
    crossed), it is the channel that has been the loudest so far instead. Floating-point samples in the range of
    integers are scaled as those. Each is reported once.
    """

    def __init__(self, warn: Warn = warnings.warn, channel: int | None = None) -> None:
        """Make a mixer; with a `channel`, counted from 0, it takes that one alone."""
        self.warn = warn
        self.channel = channel
        self.peak = 0.0  # of what was mixed so far
        self._scale = 1.0  # by which floating-point samples are divided
        self._energies = np.zeros(0)  # (channels + 1,): of each channel and, last, of their mean
        self._window_energies = np.zeros(0)  # of the window that has begun
        self._filled = 0  # samples of that window
        self._chosen: int | None = None  # channel; None: the mean
        self._warned = False

    def __call__(self, samples: npt.NDArray[Any]) -> Waveform:
        """Mix the next chunk, shape (samples,) or (samples, channels). Raises AudioError as `to_mono` does."""
        scaled = self._scaled(_checked(samples))
        if scaled.ndim == 2:
            if self.channel is not None:
                if self.channel >= scaled.shape[1]:
                    raise AudioError(f"no channel {self.channel + 1}, there are {scaled.shape[1]}")
                scaled = scaled[:, self.channel]
            else:
                scaled = scaled[:, 0] if scaled.shape[1] == 1 else self._mixed(scaled)
        if len(scaled):
            self.peak = max(self.peak, float(np.abs(scaled).max()))
        return np.clip(scaled, -1.0, 1.0)

    def finish(self) -> None:
        """Report what only the whole recording shows: that there is hardly any sound in it."""
        if self.peak == 0:
            self.warn(AudioWarning("every sample is zero: was the microphone muted?"))
        elif self.peak < _QUIET:
            level = 20 * np.log10(self.peak)
            self.warn(AudioWarning(f"very quiet: its loudest sample is at {level:.0f} dB of full scale; amplify it"))

    def _scaled(self, samples: npt.NDArray[Any]) -> Waveform:
        if np.issubdtype(samples.dtype, np.integer):
            limits = np.iinfo(samples.dtype)
            middle = (limits.max + limits.min + 1) / 2  # 0 for signed types, half the range for unsigned ones
            scaled: Waveform = ((samples.astype(np.float32) - middle) / (limits.max - middle + 1)).astype(np.float32)
            return scaled
        scaled = samples.astype(np.float32)
        if not np.isfinite(scaled).all():
            raise AudioError("the audio holds samples that are not numbers (NaN or infinity)")
        if scaled.size and self._scale == 1.0:
            self._scale = self._integer_scale(scaled)
        return scaled if self._scale == 1.0 else scaled / np.float32(self._scale)

    def _integer_scale(self, samples: Waveform) -> float:
        """Return what floating-point samples are to be divided by: 1 unless they are integers by their range."""
        magnitudes = np.abs(samples)
        peak = float(magnitudes.max())
        if peak <= _INTEGER_PEAK or (magnitudes > 1).sum() < _INTEGER_SHARE * np.count_nonzero(magnitudes):
            return 1.0  # a glitch, or just loud
        self.warn(AudioWarning(f"floating-point samples up to {peak:.0f} instead of 1: scaled as integers"))
        return next((scale for scale in _INTEGER_SCALES if peak <= scale), peak)

    def _mixed(self, samples: Waveform) -> Waveform:
        """Mix (samples, channels) to (samples,): in each window as the windows before it have shown."""
        mean = samples.mean(axis=1)
        channels = samples.shape[1]
        if len(self._energies) != channels + 1:
            self._energies, self._window_energies = np.zeros(channels + 1), np.zeros(channels + 1)
            self._filled, self._chosen = 0, None
        squares = np.square(np.column_stack([samples, mean]), dtype=np.float64)
        begin = 0
        while begin < len(mean):
            end = min(len(mean), begin + _WINDOW - self._filled)
            if self._chosen is not None:
                mean[begin:end] = samples[begin:end, self._chosen]
            self._window_energies += squares[begin:end].sum(axis=0)
            self._filled += end - begin
            begin = end
            if self._filled == _WINDOW:
                self._choose(channels)
        return mean

    def _choose(self, channels: int) -> None:
        """Decide by the energies up to here what the next window is made of."""
        self._energies = _MEMORY * self._energies + self._window_energies
        self._window_energies, self._filled = np.zeros(channels + 1), 0
        unrelated = float(self._energies[:channels].sum()) / channels**2
        if unrelated == 0 or self._energies[channels] >= _CANCELLED * unrelated:
            self._chosen = None
            return
        self._chosen = int(self._energies[:channels].argmax())
        if not self._warned and unrelated > _WINDOW * _QUIET**2:
            self._warned = True
            number = self._chosen + 1
            self.warn(AudioWarning(f"its channels cancel each other (opposite phase): only channel {number} is used"))


def to_waveform(samples: npt.NDArray[Any], rate: int, warn: Warn = warnings.warn) -> Waveform:
    """Convert samples of any layout to a waveform.

    Args:
        samples: shape (samples,) or (samples, channels); floating point in [-1, 1], or integers, which are scaled by
            the range of their type (never by their own maximum: silence stays silence). See `Mixer`.
        rate: their sample rate in Hz.
        warn: takes what is to be reported of them.

    Raises:
        AudioError: the rate is out of range, or a sample is not a finite number.
    """
    return resampled(to_mono(samples, warn), rate)


def to_mono(samples: npt.NDArray[Any], warn: Warn = warnings.warn) -> Waveform:
    """Scale samples (see `to_waveform`) to float32 in [-1, 1] and mix their channels, at the rate they have."""
    return Mixer(warn)(samples)


def resampled(mono: Waveform, rate: int) -> Waveform:
    """Return mono sound at 16 kHz. Raises AudioError for a rate out of range."""
    if rate == SAMPLE_RATE:
        return mono
    # what is loud to the limit overshoots it when its edges are rounded
    return np.clip(soxr.resample(mono, checked_rate(rate), SAMPLE_RATE), -1.0, 1.0)


class StreamResampler:
    """Turns chunks of a stream at any rate into chunks of the same stream at 16 kHz, without clicks at the seams."""

    def __init__(self, rate: int, mixer: Mixer | None = None) -> None:
        self.rate = checked_rate(rate)
        self._mix = mixer or Mixer()
        self._stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def __call__(self, samples: npt.NDArray[Any], last: bool = False) -> Waveform:
        """Convert the next chunk, shape (samples,) or (samples, channels). `last` also returns what was held back."""
        mono = self._mix(samples)
        return mono if self._stream is None else np.clip(self._stream.resample_chunk(mono, last=last), -1.0, 1.0)


def checked_rate(rate: int) -> int:
    """Return a sample rate that a recording of speech may have. Raises AudioError for any other."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"sample rate {rate} Hz is outside {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    return int(rate)


def _checked(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or 0 in samples.shape[1:]:
        raise AudioError(f"samples have shape {samples.shape}; expected (samples,) or (samples, channels)")
    if samples.ndim == 2 and samples.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"samples have shape {samples.shape}; expected (samples, channels) with at most {MAX_CHANNELS} channels: "
            "are its axes the other way round?"
        )
    if not (np.issubdtype(samples.dtype, np.floating) or np.issubdtype(samples.dtype, np.integer)):
        raise AudioError(f"samples of type {samples.dtype}; expected integers or floating-point numbers")
    return samples
