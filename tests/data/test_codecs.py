"""Codecs in memory: lossy, but nothing is moved, lost or added."""

from __future__ import annotations

import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE, read_audio
from oyez.data.codecs import CODECS, through_codec


def rng(seed=0):
    return np.random.default_rng(seed)


def delay(before, after):
    """Samples by which a sound comes later, from the peak of the cross-correlation."""
    size = 2 * len(before)
    correlation = np.fft.irfft(np.fft.rfft(before, size).conj() * np.fft.rfft(after, size))
    peak = int(correlation.argmax())
    return peak if peak < len(before) else peak - size


@pytest.mark.parametrize("codec", CODECS)
def test_speech_stays_where_it_was_and_loses_something(codec, spoken):
    speech = read_audio(spoken / "left_right_stop.flac")

    for seed in range(4):  # bit rates differ
        heard = through_codec(speech, codec, rng(seed))
        assert (len(heard), heard.dtype) == (len(speech), np.float32)
        assert abs(delay(speech, heard)) <= 1
        similar = np.corrcoef(speech, heard)[0, 1]
        assert 0.8 < similar < 0.99999


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_seed_gives_the_same_sound(codec, spoken):
    speech = read_audio(spoken / "yes.flac")

    assert np.array_equal(through_codec(speech, codec, rng(3)), through_codec(speech, codec, rng(3)))


@pytest.mark.parametrize("codec", ["mp3", "vorbis"])
def test_bit_rates_differ(codec, spoken):
    speech = read_audio(spoken / "yes.flac")

    assert not np.array_equal(through_codec(speech, codec, rng(1)), through_codec(speech, codec, rng(2)))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("samples", [0, 1, 2, 159, 1000, SAMPLE_RATE])
@pytest.mark.parametrize("loudness", [0.0, 0.5, 3.0])
def test_clips_of_any_length_and_loudness_keep_their_length(codec, samples, loudness):
    clip = (loudness * np.sin(np.arange(samples) / 9)).astype(np.float32)

    heard = through_codec(clip, codec, rng())

    assert (len(heard), heard.dtype) == (samples, np.float32)
    assert np.isfinite(heard).all()
    if not loudness:
        assert np.abs(heard).max(initial=0.0) < 2e-3  # mu-law and ADPCM have no zero


@pytest.mark.parametrize("codec", ["gsm", "mu-law"])
def test_over_the_telephone_nothing_is_left_above_4_khz(codec):
    noise = (0.1 * rng().standard_normal(SAMPLE_RATE)).astype(np.float32)

    power = np.abs(np.fft.rfft(through_codec(noise, codec, rng()))) ** 2  # bins of 1 Hz

    assert power[4500:].mean() < 1e-4 * power[500:3000].mean()
