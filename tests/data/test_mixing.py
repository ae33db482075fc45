"""Samples of any layout become one channel by one rule: nothing is cancelled, clipped or lost without a word."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.audio import (
    SAMPLE_RATE,
    AudioError,
    AudioWarning,
    Mixer,
    StreamResampler,
    Waveform,
    audio_blocks,
    read_audio,
    to_mono,
    to_waveform,
)

SPEECH: Waveform = (0.3 * np.sin(np.arange(SAMPLE_RATE) / 7) * np.sin(np.arange(SAMPLE_RATE) / 900)).astype(np.float32)
NOISE: Waveform = np.random.default_rng(0).normal(0, 0.0005, (SAMPLE_RATE, 2)).astype(np.float32)


def mixed(samples: np.ndarray) -> tuple[Waveform, list[str]]:
    found: list[AudioWarning] = []
    return to_mono(samples, found.append), [str(each) for each in found]


@pytest.mark.parametrize("gain", [-1.0, -0.98, -0.7])
@pytest.mark.parametrize("swapped", [False, True])
def test_channels_of_opposite_phase_do_not_cancel_each_other(gain: float, swapped: bool) -> None:
    channels = np.stack([SPEECH, gain * SPEECH], axis=1) + NOISE
    mono, found = mixed(channels[:, ::-1] if swapped else channels)
    loudest = 2 if swapped else 1
    if gain < -0.7:
        assert np.abs(np.abs(mono[1000:]) - np.abs(SPEECH[1000:])).max() < 0.01
        assert len(found) == 1
        assert "cancel each other" in found[0]
        if gain != -1:
            assert f"channel {loudest}" in found[0]
    else:
        assert np.square(mono).mean() > 0.02 * np.square(SPEECH).mean()


@pytest.mark.parametrize("channels", [2, 3, 8, 64])
@pytest.mark.parametrize("sounding", [1, 2])
def test_channels_that_have_nothing_to_do_with_each_other_are_averaged(channels: int, sounding: int) -> None:
    samples = np.zeros((SAMPLE_RATE, channels), np.float32)
    for number in range(sounding):
        samples[:, -number - 1] = np.roll(SPEECH, 3000 * number)
    mono, found = mixed(samples)
    assert found == []
    assert mono == pytest.approx(samples.mean(axis=1), abs=1e-6)


def test_a_stream_that_turns_into_opposite_phase_and_back_is_heard_all_along() -> None:
    alike, opposite = np.stack([SPEECH, SPEECH], axis=1), np.stack([SPEECH, -SPEECH], axis=1)
    mono, _ = mixed(np.concatenate([alike, *[opposite] * 9, alike]))
    last, before = mono[-SAMPLE_RATE:], mono[-2 * SAMPLE_RATE : -SAMPLE_RATE]
    assert np.square(last).mean() == pytest.approx(np.square(SPEECH).mean(), rel=0.05)
    assert np.square(before).mean() == pytest.approx(np.square(SPEECH).mean(), rel=0.05)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 8000), max_size=8), gain=st.sampled_from([-1.0, -0.9, 0.3, 1.0]))
def test_the_mix_of_a_stream_does_not_depend_on_its_chunks(cuts: list[int], gain: float) -> None:
    samples = np.stack([SPEECH, gain * SPEECH], axis=1)[:8000] + NOISE[:8000]
    mix = Mixer(lambda _: None)
    chunks = [mix(chunk) for chunk in np.split(samples, sorted(cuts))]
    assert np.concatenate(chunks) == pytest.approx(to_mono(samples, lambda _: None), abs=1e-7)


def test_files_blocks_arrays_and_streams_are_mixed_alike(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.stack([SPEECH, -SPEECH], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    expected, _ = mixed(samples)
    monkeypatch.setattr("oyez.data.audio.reading.BLOCK_SECONDS", 0.1)
    monkeypatch.setattr("oyez.data.audio.libsndfile.BLOCK", 1000)
    found: list[AudioWarning] = []
    assert np.array_equal(read_audio(tmp_path / "a.wav", warn=found.append), expected)
    assert np.array_equal(np.concatenate(list(audio_blocks(tmp_path / "a.wav", warn=found.append))), expected)
    assert len(found) == 2
    stream = StreamResampler(SAMPLE_RATE, Mixer(found.append))
    assert np.concatenate([stream(chunk) for chunk in np.array_split(samples, 33)]) == pytest.approx(expected)
    assert np.array_equal(to_waveform(samples, SAMPLE_RATE, found.append), expected)
    with pytest.warns(AudioWarning, match="opposite phase"):
        to_mono(samples)


@pytest.mark.parametrize("scale", [2**15 - 1, 2**23 - 1, 2**31 - 1])
def test_floating_point_samples_in_the_range_of_integers_are_scaled_with_a_warning(scale: int) -> None:
    mono, found = mixed((SPEECH * scale).astype(np.float64))
    assert mono == pytest.approx(SPEECH, abs=2e-3)
    assert len(found) == 1
    assert "scaled as integers" in found[0]


def test_a_single_sample_beyond_the_range_does_not_make_the_rest_silent() -> None:
    samples = SPEECH.copy()
    samples[100] = 3000.0
    mono, _ = mixed(samples)
    assert mono[200:] == pytest.approx(SPEECH[200:])
    assert mono[100] == 1


@pytest.mark.parametrize(
    ("loudness", "message"), [(0.0, "every sample is zero"), (3e-4, "very quiet"), (1e-2, None), (1.0, None)]
)
def test_a_recording_with_hardly_any_sound_is_reported(tmp_path, loudness: float, message: str | None) -> None:
    soundfile.write(tmp_path / "a.wav", loudness * SPEECH, SAMPLE_RATE, subtype="FLOAT")
    found: list[AudioWarning] = []
    waveform = read_audio(tmp_path / "a.wav", warn=found.append)
    assert waveform == pytest.approx(loudness * SPEECH)
    assert [message in str(each) for each in found] == ([] if message is None else [True])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_audio(tmp_path / "a.wav", offset=0.1, duration=0.2)  # a pause in speech is no reason to worry


@pytest.mark.parametrize("shape", [(1, 16_000), (2, 16_000), (16_000, 2, 1)])
def test_arrays_with_their_axes_the_other_way_round_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"\(samples, channels\)"):
        to_mono(np.zeros(shape, np.float32))


@pytest.mark.parametrize("samples", [np.array(["a"]), np.zeros(10, complex), np.zeros(10, bool)])
def test_samples_that_are_no_numbers_of_a_recording_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(AudioError, match="type"):
        to_mono(samples)


def test_lists_and_integers_are_samples_as_well() -> None:
    assert to_mono([0.0, 0.5, -0.5]) == pytest.approx([0.0, 0.5, -0.5])  # type: ignore[arg-type]
    assert to_mono(np.array([2**30, -(2**30)], np.int32)) == pytest.approx([0.5, -0.5])
