"""A file in blocks is the file as a whole."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.audio import SAMPLE_RATE, AudioError, audio_blocks, audio_channels, read_audio
from tests.data.formats import FORMATS, RATES


@pytest.fixture
def small_blocks(monkeypatch):
    """Files are read in blocks of a tenth of a second."""
    monkeypatch.setattr("oyez.data.audio.reading.BLOCK_SECONDS", 0.1)
    monkeypatch.setattr("oyez.data.audio.libsndfile.BLOCK", 1000)
    monkeypatch.setattr("oyez.data.audio.ffmpeg.BLOCK", 1000)


def test_a_long_file_is_read_block_by_block_without_seams(tmp_path, monkeypatch, write_tone):
    path = write_tone(tmp_path / "a.flac", channels=2)
    whole = read_audio(path)
    monkeypatch.setattr("oyez.data.audio.libsndfile.BLOCK", 1001)

    assert np.array_equal(read_audio(path), whole)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("rate", [SAMPLE_RATE, 48000])
def test_a_file_in_blocks_is_the_file_as_a_whole(tmp_path, write_tone, small_blocks, ending, rate):
    path = write_tone(tmp_path / f"tone.{ending}", rate=rate, channels=2, **FORMATS[ending])

    blocks = list(audio_blocks(path))

    whole = read_audio(path)
    joined = np.concatenate(blocks)
    assert len(blocks) > 5
    assert all(block.dtype == np.float32 for block in blocks)
    assert abs(len(joined) - len(whole)) <= 2
    common = min(len(joined), len(whole))
    tolerance = 0 if rate == SAMPLE_RATE else 2e-3
    assert joined[:common] == pytest.approx(whole[:common], abs=tolerance)


@pytest.mark.parametrize("rate", RATES)
def test_what_fits_in_one_block_is_what_read_audio_gives(tmp_path, write_tone, rate):
    path = write_tone(tmp_path / "a.flac", rate=rate, channels=2)

    [block] = audio_blocks(path, offset=0.25, duration=0.5)

    assert np.array_equal(block, read_audio(path, 0.25, 0.5))


def test_a_channel_is_read_alone(tmp_path, small_blocks):
    left, right = np.full(SAMPLE_RATE, 0.25), np.full(SAMPLE_RATE, -0.5)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), SAMPLE_RATE)

    assert audio_channels(tmp_path / "a.wav") == 2
    assert np.concatenate(list(audio_blocks(tmp_path / "a.wav", channel=0))) == pytest.approx(left)
    assert np.concatenate(list(audio_blocks(tmp_path / "a.wav", channel=1))) == pytest.approx(right)
    with pytest.raises(AudioError, match=r"a\.wav: no channel 3, the file has 2"):
        list(audio_blocks(tmp_path / "a.wav", channel=2))


def test_damage_far_into_a_file_is_found_when_it_is_reached(tmp_path, small_blocks):
    samples = np.zeros(SAMPLE_RATE, np.float32)
    samples[-1] = np.nan
    soundfile.write(tmp_path / "odd.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    blocks = audio_blocks(tmp_path / "odd.wav")

    assert len(next(blocks)) >= SAMPLE_RATE // 10
    with pytest.raises(AudioError, match=r"odd\.wav.*not numbers"):
        list(blocks)


@pytest.mark.parametrize("name", ["missing.wav", "empty.wav"])
def test_a_file_without_blocks_is_an_error_that_names_it(tmp_path, name):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), SAMPLE_RATE)

    with pytest.raises(AudioError, match=name):
        list(audio_blocks(tmp_path / name))


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 9000),
    rate=st.sampled_from([8000, 11025, SAMPLE_RATE, 44100]),
    channels=st.integers(1, 3),
    block=st.integers(50, 5000),
)
def test_no_sample_is_lost_between_blocks(tmp_path_factory, samples, rate, channels, block):
    path = tmp_path_factory.getbasetemp() / "blocks.wav"
    generator = np.random.default_rng(samples)
    soundfile.write(path, 0.1 * generator.standard_normal((samples, channels)), rate, subtype="FLOAT")
    try:
        whole = read_audio(path)
    except AudioError:
        return  # too few samples to make one at 16 kHz
    with pytest.MonkeyPatch.context() as small:
        small.setattr("oyez.data.audio.reading.BLOCK_SECONDS", block / rate)
        small.setattr("oyez.data.audio.libsndfile.BLOCK", block)
        joined = np.concatenate(list(audio_blocks(path)))

    assert len(joined) == pytest.approx(len(whole), abs=2)
    common = min(len(joined), len(whole))
    assert joined[:common] == pytest.approx(whole[:common], abs=0 if rate == SAMPLE_RATE else 5e-3)
