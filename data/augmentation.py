"""Augmentation of waveforms: the same words from another mouth, room, microphone and moment.

Every function takes its randomness from the generator it is given, so that a run can be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
import numpy.typing as npt
import soxr
from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt
from scipy import fft
from scipy.signal import fftconvolve

from oyez.data.audio import HOP, SAMPLE_RATE, Waveform
from oyez.data.codecs import CODECS, Codec, through_codec
from oyez.data.configuration import Configuration

_QUIETEST = 1e-4  # RMS below which a clip counts as silent and noise is scaled to this instead
_SILENCE_DB = 35.0  # below the loud parts of a clip


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"{bounds[0]:g} is above {bounds[1]:g}; write the lower bound first")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_in_order)]
CountRange = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_in_order)]
PositiveRange = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(_in_order)]


class AugmentationConfig(Configuration, frozen=True):
    """How much of what; a probability of 0 turns a step off. Ranges are (lowest, highest), drawn uniformly."""

    warmup_epochs: int = Field(
        default=0,
        ge=0,
        description="over which the probabilities of the acoustic scene rise from 0; no SpecAugment then",
    )
    speed: PositiveRange = Field(default=(0.9, 1.1), description="factor; pitch changes with it (Ko et al. 2015)")
    speed_probability: float = Field(default=0.5, ge=0, le=1)
    max_cut_seconds: float = Field(
        default=0.03, ge=0, description="most that is lost at either end, as by a late microphone"
    )
    max_silence_seconds: float = Field(default=0.25, ge=0, description="most that is put before, and after")
    reverberation_probability: float = Field(default=0.2, ge=0, le=1)
    reverberation_seconds: PositiveRange = Field(
        default=(0.1, 0.6), description="time in which the echo of a simulated room falls by 60 dB (RT60)"
    )
    measured_room_probability: float = Field(
        default=0.5, ge=0, le=1, description="share of the rooms that are measured ones, if there are any"
    )
    band_probability: float = Field(default=0.25, ge=0, le=1, description="of a limited band, as of a telephone")
    high_pass_hz: PositiveRange = Field(default=(50, 350), description="what is below is taken away")
    low_pass_hz: PositiveRange = Field(default=(3000, 7500), description="what is above is taken away")
    noise_probability: float = Field(default=0.7, ge=0, le=1)
    noise_snr_db: Range = Field(default=(0, 30), description="speech over noise")
    babble_probability: float = Field(default=0.0, ge=0, le=1, description="of people who speak in the background")
    babble_voices: CountRange = Field(default=(3, 8), description="how many clips are mixed")
    babble_snr_db: Range = Field(default=(5, 25), description="speech over babble")
    codec_probability: float = Field(default=0.0, ge=0, le=1)
    codecs: tuple[Codec, ...] = Field(default=CODECS, min_length=1, description="of which one is drawn")
    gain_db: Range = Field(default=(-25, 6), description="change of the level")


@dataclass(frozen=True)
class Augmentation:
    """Applies a configuration; `noises` are recordings of noise to mix in by kind, besides noise that is made here.

    All kinds are drawn equally often, however many recordings there are of each. `voices` are clips of speech for
    babble; without them there is none. `rooms` are measured responses, as `room_response` makes them; a room is drawn
    the more often the shorter its echo is, since people talk in small rooms and those who measure like halls.
    """

    config: AugmentationConfig
    noises: Sequence[Sequence[Waveform]] = ()
    voices: Sequence[Waveform] = ()
    rooms: Sequence[Waveform] = ()

    @cached_property
    def _room_shares(self) -> npt.NDArray[np.float64]:
        weights = np.array([1 / max(decay_seconds(room), 0.1) for room in self.rooms])
        return np.cumsum(weights / weights.sum())

    def perturb_speaker(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Change the speaker of one clip: speed, and how much of its ends was caught."""
        config = self.config
        if rng.random() < config.speed_probability:
            waveform = change_speed(waveform, rng.uniform(*config.speed))
        most = min(config.max_cut_seconds * SAMPLE_RATE, len(waveform) / 10)
        first, last = (int(rng.uniform(0, most)) for _ in range(2))
        return waveform[first : len(waveform) - last]

    def strength(self, epoch: int) -> float:
        """Return the share of its probabilities that `acoustic_scene` has in an epoch.

        During the augmentation warm-up it is below 1: labels are aligned sooner on clear speech.
        """
        return min(1.0, epoch / self.config.warmup_epochs) if self.config.warmup_epochs else 1.0

    def pad_silence(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Put silence before and after."""
        before, after = (int(rng.uniform(0, self.config.max_silence_seconds) * SAMPLE_RATE) for _ in range(2))
        return np.pad(waveform, (before, after))

    def acoustic_scene(self, waveform: Waveform, rng: np.random.Generator, strength: float = 1.0) -> Waveform:
        """Change what lies around the speech, at the same length: room, microphone, noise, loudness."""
        config = self.config
        if rng.random() < strength * config.reverberation_probability:
            waveform = reverberate(waveform, self.room(rng))
        if rng.random() < strength * config.noise_probability:
            waveform = add_noise(waveform, self.noise(len(waveform), rng), rng.uniform(*config.noise_snr_db))
        # what is off draws no number, so that it leaves the rest of a run as it was before there was such a step
        if self.voices and config.babble_probability and rng.random() < strength * config.babble_probability:
            waveform = add_noise(waveform, self.babble(len(waveform), rng), rng.uniform(*config.babble_snr_db))
        if rng.random() < strength * config.band_probability:
            waveform = limit_band(waveform, rng.uniform(*config.high_pass_hz), rng.uniform(*config.low_pass_hz))
        if config.codec_probability and rng.random() < strength * config.codec_probability:
            waveform = through_codec(waveform, config.codecs[rng.integers(len(config.codecs))], rng)
        waveform = waveform * 10 ** (rng.uniform(*config.gain_db) / 20)
        peak = float(np.abs(waveform).max(initial=0.0))
        return (waveform / max(1.0, peak)).astype(np.float32)

    def noise(self, samples: int, rng: np.random.Generator) -> Waveform:
        """Return a stretch of recorded noise, or of coloured noise, RMS 0.05 or as recorded."""
        if self.noises and rng.random() < 0.8:
            kind = self.noises[int(rng.integers(len(self.noises)))]
            recording = kind[int(rng.integers(len(kind)))]
            start = int(rng.integers(max(1, len(recording) - samples)))
            return np.resize(recording[start : start + samples], samples)
        return coloured_noise(samples, rng.uniform(0, 2), rng)

    def room(self, rng: np.random.Generator) -> Waveform:
        """Return the response of a measured room, or of a simulated one."""
        if len(self.rooms) and rng.random() < self.config.measured_room_probability:
            return self.rooms[int(np.searchsorted(self._room_shares, rng.random()).clip(max=len(self.rooms) - 1))]
        return simulated_room(rng.uniform(*self.config.reverberation_seconds), rng)

    def babble(self, samples: int, rng: np.random.Generator) -> Waveform:
        """Return several people who speak at once, each as loud as the others, RMS 0.05."""
        together = np.zeros(samples, np.float32)
        fewest, most = self.config.babble_voices
        for _ in range(rng.integers(fewest, most + 1)):
            voice = self.voices[int(rng.integers(len(self.voices)))]
            # from anywhere in the clip on, and round again if it is too short
            stretch = np.take(voice, np.arange(samples) + rng.integers(len(voice)), mode="wrap")
            together += stretch / np.float32(max(_rms(voice), _QUIETEST))
        return together * np.float32(0.05 / max(_rms(together), _QUIETEST))


def sound_mask(waveform: Waveform, hop: int) -> npt.NDArray[np.bool_]:
    """Return for each `hop` samples whether there is sound: less than 35 dB fainter than the loud parts of the clip.

    Loud parts are the loudest twentieth, so that a click does not make silence of the speech beside it.
    """
    energy = np.square(np.pad(waveform, (0, -len(waveform) % hop))).reshape(-1, hop).sum(axis=1)
    return energy > np.quantile(energy, 0.95) * 10 ** (-_SILENCE_DB / 10) if len(energy) else np.zeros(0, bool)


def trim_silence(waveform: Waveform) -> Waveform:
    """Cut off what lies before and after the sound of a clip, to 10 ms."""
    loud = np.flatnonzero(sound_mask(waveform, HOP))
    return waveform[loud[0] * HOP : (loud[-1] + 1) * HOP] if len(loud) else waveform


def change_speed(waveform: Waveform, factor: float) -> Waveform:
    """Play a clip faster (factor above 1) or slower."""
    return soxr.resample(waveform, SAMPLE_RATE * factor, SAMPLE_RATE, quality="MQ")


def reverberate(waveform: Waveform, response: Waveform) -> Waveform:
    """Put a clip into a room, at the same length; the response begins with the direct sound."""
    return fftconvolve(waveform, response)[: len(waveform)].astype(np.float32)


def simulated_room(seconds: float, rng: np.random.Generator) -> Waveform:
    """Return the response of a simulated room: noise that decays by 60 dB in `seconds`, behind the direct sound."""
    times = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    echo = rng.standard_normal(len(times), dtype=np.float32) * 10 ** (-3 * times / seconds)
    echo *= 10 ** (rng.uniform(-15, 0) / 20) / np.sqrt((echo**2).sum())  # energy of the echo against the direct sound
    echo[0] = 1.0
    return echo.astype(np.float32)


def room_response(recording: Waveform) -> Waveform:
    """Return a measured response from its direct sound on, at most a second, with the energy of the direct sound 1.

    Raises:
        ValueError: the recording is silent.
    """
    if not np.abs(recording).max(initial=0.0):
        raise ValueError("the response of a room is silent")
    first = int(np.abs(recording).argmax())
    direct = recording[max(0, first - SAMPLE_RATE // 1000) : first + SAMPLE_RATE // 400]  # -1 ms to 2.5 ms
    response = recording[max(0, first - SAMPLE_RATE // 1000) :][:SAMPLE_RATE]
    return (response / np.sqrt(np.square(direct).sum())).astype(np.float32)


def decay_seconds(response: Waveform) -> float:
    """Return the time in which a room's echo falls by 60 dB, from the fall between 5 and 25 dB (Schroeder 1965)."""
    left = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]
    level = 10 * np.log10(np.maximum(left / left[0], 1e-12))
    fallen = [int(np.argmax(level < db)) if (level < db).any() else len(level) for db in (-5, -25)]
    return 3 * (fallen[1] - fallen[0]) / SAMPLE_RATE


def limit_band(waveform: Waveform, low_hz: float, high_hz: float) -> Waveform:
    """Take away what lies outside a band, as a telephone or a codec does, with soft edges."""
    size = fft.next_fast_len(len(waveform), real=True)
    spectrum = fft.rfft(waveform, size)
    frequencies = fft.rfftfreq(size, 1 / SAMPLE_RATE)
    high_pass = 1 / (1 + (low_hz / np.maximum(frequencies, 1.0)) ** 8)
    low_pass = 1 / (1 + (frequencies / high_hz) ** 16)
    return fft.irfft(spectrum * np.sqrt(high_pass * low_pass), size)[: len(waveform)].astype(np.float32)


def coloured_noise(samples: int, slope: float, rng: np.random.Generator) -> Waveform:
    """Make noise whose power falls with frequency^slope (0 white, 1 pink, 2 brown), RMS 0.05."""
    size = fft.next_fast_len(samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(size, dtype=np.float32))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** (slope / 2)
    noise = fft.irfft(spectrum, size)[:samples]
    return (noise * (0.05 / max(_rms(noise), _QUIETEST))).astype(np.float32)


def add_noise(waveform: Waveform, noise: Waveform, snr_db: float) -> Waveform:
    """Mix noise of the same length in, so that the speech is `snr_db` louder (by RMS over the whole clip)."""
    level = max(_rms(waveform), _QUIETEST) / 10 ** (snr_db / 20)
    return (waveform + noise * (level / max(_rms(noise), _QUIETEST))).astype(np.float32)


def _rms(waveform: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) if len(waveform) else 0.0
