"""Audio of any format, rate and layout is the same waveform."""

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oyez.data.audio import (
    SAMPLE_RATE,
    AudioError,
    StreamResampler,
    audio_duration,
    read_audio,
    to_mono,
    to_waveform,
)
from tests.data.formats import FORMATS, RATES

OPUS_RATES = (8000, 48000)  # it knows no others of these
PATH_CASES = [
    (ending, rate, channels)
    for ending in FORMATS
    for rate in (OPUS_RATES if ending == "opus" else RATES)
    for channels in ((1, 2) if ending == "mp3" else (1, 2, 8))
]


def loudest_hertz(waveform):
    return np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))).argmax() * SAMPLE_RATE / len(waveform)


@pytest.mark.parametrize(("ending", "rate", "channels"), PATH_CASES)
def test_every_format_rate_and_number_of_channels_becomes_the_same_waveform(
    tmp_path, write_tone, ending, rate, channels
):
    path = write_tone(tmp_path / f"tone.{ending}", rate=rate, channels=channels, **FORMATS[ending])

    waveform = read_audio(path)

    assert waveform.dtype == np.float32
    assert waveform.shape == (SAMPLE_RATE,)
    assert loudest_hertz(waveform) == pytest.approx(440, abs=2)
    assert np.abs(waveform[4000:12000]).max() == pytest.approx(0.5, abs=0.06)
    assert audio_duration(path) == pytest.approx(1.0, abs=1e-3)


def test_channels_are_averaged(tmp_path):
    left = np.full(100, 0.8)
    soundfile.write(tmp_path / "a.wav", np.stack([left, -left / 2], axis=1), SAMPLE_RATE, subtype="FLOAT")

    assert read_audio(tmp_path / "a.wav") == pytest.approx(0.2)


@pytest.mark.parametrize("ending", ["pcm16.wav", "flac", "ogg"])
@pytest.mark.parametrize(("offset", "duration"), [(0.0, 0.25), (0.5, 0.25), (0.3, None), (0.75, 9.0)])
def test_offset_and_duration_cut_that_part_out(tmp_path, write_tone, ending, offset, duration):
    path = write_tone(tmp_path / f"tone.{ending}", **FORMATS[ending])

    part = read_audio(path, offset, duration)

    start = round(offset * SAMPLE_RATE)
    whole = read_audio(path)
    expected = whole[start:] if duration is None else whole[start : start + round(duration * SAMPLE_RATE)]
    assert np.array_equal(part, expected)


def test_offset_counts_seconds_at_any_rate(tmp_path, write_tone):
    assert len(read_audio(write_tone(tmp_path / "a.wav", rate=44100), offset=0.5, duration=0.25)) == SAMPLE_RATE // 4


@pytest.mark.parametrize("offset", [1.0, 1.5, -0.5])
def test_offset_outside_the_file_is_an_error_that_names_it(tmp_path, write_tone, offset):
    path = write_tone(tmp_path / "tone.wav")

    with pytest.raises(AudioError, match=r"tone\.wav"):
        read_audio(path, offset)


@pytest.mark.parametrize(("dtype", "silence"), [("int8", 0), ("uint8", 128), ("int16", 0), ("int32", 0)])
def test_integers_are_scaled_by_the_range_of_their_type(dtype, silence):
    limits = np.iinfo(dtype)
    step = 2 / (limits.max - limits.min + 1)

    scaled = to_mono(np.array([limits.min, silence, silence + limits.max // 2 - silence // 2, limits.max], dtype))

    assert scaled == pytest.approx([-1, 0, 0.5, 1], abs=step)
    assert scaled[1] == 0


@pytest.mark.parametrize(
    "silence", [np.zeros(100, "float32"), np.zeros((100, 2), "int16"), np.full(100, 128, "uint8"), np.zeros(0, "int8")]
)
def test_silence_stays_silence(silence):
    assert not to_waveform(silence, 44100).any()


def test_faint_sound_is_not_made_louder():
    assert np.abs(to_waveform(np.array([3, -3, 3], "int16"), SAMPLE_RATE)).max() == pytest.approx(3 / 32768)


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 44100])
def test_samples_never_leave_minus_one_to_one(rate):
    square = 3 * np.sign(np.sin(np.arange(rate) * 440 * 2 * np.pi / rate))
    stream = StreamResampler(rate)

    assert np.abs(to_waveform(square, rate)).max() == 1
    assert np.abs(stream(square, last=True)).max() == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path, bad):
    samples = np.zeros((50, 2), np.float32)
    samples[20, 1] = bad
    soundfile.write(tmp_path / "odd.wav", samples, 44100, subtype="FLOAT")

    with pytest.raises(AudioError, match=r"odd\.wav.*not numbers"):
        read_audio(tmp_path / "odd.wav")
    with pytest.raises(AudioError, match="not numbers"):
        to_waveform(samples, 44100)


@pytest.mark.parametrize("shape", [(), (2, 2, 2), (5, 0)])
def test_samples_of_another_shape_are_refused(shape):
    with pytest.raises(AudioError, match="shape"):
        to_mono(np.zeros(shape, np.float32))


@pytest.mark.parametrize("rate", [0, -16000, 999, 10**9])
def test_rates_that_no_recording_has_are_refused(rate):
    with pytest.raises(AudioError, match=str(rate)):
        to_waveform(np.zeros(10, np.float32), rate)
    with pytest.raises(AudioError, match=str(rate)):
        StreamResampler(rate)


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([8000, 11025, SAMPLE_RATE, 22050, 44100, 48000]),
    cuts=st.lists(st.integers(0, 5000), max_size=12),
)
@example(rate=44100, cuts=[0, 0, 1, 2, 5000])
def test_a_stream_is_the_same_in_any_chunks(rate, cuts):
    signal = (0.3 * np.random.default_rng(0).standard_normal(5000)).astype(np.float32)
    whole = StreamResampler(rate)(signal, last=True)
    stream = StreamResampler(rate)

    chunks = np.split(signal, sorted(cuts))
    resampled = np.concatenate([stream(chunk, last=n == len(chunks) - 1) for n, chunk in enumerate(chunks)])

    assert resampled.dtype == np.float32
    assert len(resampled) == len(whole)
    assert resampled == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_stream_is_close_to_the_file_resampled_at_once(rate):
    signal = (0.1 * np.random.default_rng(0).standard_normal(rate)).astype(np.float32)

    streamed = StreamResampler(rate)(signal, last=True)

    expected = soxr.resample(signal, rate, SAMPLE_RATE)
    assert len(streamed) == pytest.approx(len(expected), abs=2)
    common = min(len(streamed), len(expected))
    assert streamed[:common] == pytest.approx(expected[:common], abs=1e-3)


def test_a_stream_takes_chunks_of_any_layout():
    stereo = np.array([[32767, 0], [0, -32768]], "int16")

    assert StreamResampler(SAMPLE_RATE)(stereo) == pytest.approx([0.5, -0.5], abs=1e-4)


def test_real_clips_are_a_second_of_speech(sample):
    clips = sorted((sample / "SpeechCommands").glob("*/[a-z]*/*.wav"))[:20]

    assert clips
    for clip in clips:
        waveform = read_audio(clip)
        assert 0.2 < len(waveform) / SAMPLE_RATE <= 1.01
        assert audio_duration(clip) == len(waveform) / SAMPLE_RATE
        assert np.abs(waveform).max() > 1e-3
