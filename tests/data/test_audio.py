import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.audio import (
    SAMPLE_RATE,
    AudioError,
    StreamResampler,
    audio_blocks,
    audio_channels,
    audio_duration,
    read_audio,
    to_mono,
    to_waveform,
)

FORMATS = {  # ending: options of soundfile.write
    "pcm16.wav": {"subtype": "PCM_16"},
    "pcm24.wav": {"subtype": "PCM_24"},
    "pcm32.wav": {"subtype": "PCM_32"},
    "float.wav": {"subtype": "FLOAT"},
    "double.wav": {"subtype": "DOUBLE"},
    "u8.wav": {"subtype": "PCM_U8"},
    "ulaw.wav": {"subtype": "ULAW"},
    "flac": {},
    "ogg": {"subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {},
    "aiff": {},
}
RATES = (8000, 11025, 22050, 44100, 48000)
OPUS_RATES = (8000, 48000)  # it knows no others of these
PATH_CASES = [
    (ending, rate, channels)
    for ending in FORMATS
    for rate in (OPUS_RATES if ending == "opus" else RATES)
    for channels in ((1, 2) if ending == "mp3" else (1, 2, 8))
]
UNKNOWN_LENGTH = 0  # in the header of a FLAC: the encoder did not know


def loudest_hertz(waveform):
    return np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))).argmax() * SAMPLE_RATE / len(waveform)


def claim_length(flac, samples):
    """Overwrite the number of samples (36 bits) that a FLAC file's header claims."""
    content = bytearray(flac.read_bytes())
    content[21] = content[21] & 0xF0 | samples >> 32
    content[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
    flac.write_bytes(content)
    return flac


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


@pytest.mark.parametrize("function", [read_audio, audio_duration])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.wav", None),
        ("n" * 300 + ".wav", None),
        ("nothing.wav", b""),
        ("words.wav", b"these are words and no sounds" * 20),
        ("riff.wav", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("zeros.flac", bytes(1000)),
        ("page.html.ogg", b"<!doctype html><title>404</title>"),
        ("samples.raw", bytes(1000)),
    ],
)
def test_what_is_no_audio_is_an_error_that_names_the_file(tmp_path, function, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(AudioError, match=name.replace(".", r"\.")):
        function(tmp_path / name)


@pytest.mark.parametrize("function", [read_audio, audio_duration])
def test_a_directory_is_an_error_that_names_it(tmp_path, function):
    (tmp_path / "folder.wav").mkdir()

    with pytest.raises(AudioError, match=r"folder\.wav: not a regular file"):
        function(tmp_path / "folder.wav")


@pytest.mark.parametrize(("samples", "rate"), [(0, SAMPLE_RATE), (1, 48000)])
def test_a_file_without_sound_is_an_error(tmp_path, samples, rate):
    soundfile.write(tmp_path / "empty.wav", np.zeros(samples), rate)

    with pytest.raises(AudioError, match=r"empty\.wav.*no samples"):
        read_audio(tmp_path / "empty.wav")


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("kept", [0.01, 0.3, 0.9])
def test_a_truncated_file_gives_what_there_is_or_an_error(tmp_path, write_tone, ending, kept):
    path = write_tone(tmp_path / f"cut.{ending}", **FORMATS[ending])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])

    try:
        waveform = read_audio(path)
    except AudioError as error:
        assert "cut." in str(error)  # noqa: PT017  # either is right
    else:
        assert 0 < len(waveform) < SAMPLE_RATE


def test_a_flac_that_was_written_to_a_pipe_is_read_whole(tmp_path, write_tone):
    path = claim_length(write_tone(tmp_path / "pipe.flac", rate=44100), UNKNOWN_LENGTH)

    assert len(read_audio(path)) == SAMPLE_RATE
    assert len(read_audio(path, offset=0.5, duration=0.25)) == SAMPLE_RATE // 4
    assert audio_duration(path) == 1.0


def test_a_header_that_claims_days_of_sound_costs_no_memory(tmp_path, write_tone):
    path = claim_length(write_tone(tmp_path / "liar.flac"), 2**36 - 1)

    assert len(read_audio(path)) == SAMPLE_RATE


def test_a_long_file_is_read_block_by_block_without_seams(tmp_path, monkeypatch, write_tone):
    path = write_tone(tmp_path / "a.flac", channels=2)
    whole = read_audio(path)
    monkeypatch.setattr("data.audio._BLOCK", 1001)

    assert np.array_equal(read_audio(path), whole)


MAGIC = st.sampled_from(
    [b"", b"RIFF\x00\x10\x00\x00WAVE", b"fLaC", b"OggS", b"\xff\xfb\x90", b"FORM\x00\x00\x10\x00AIFF"]
)


def assert_audio_or_an_audio_error(path):
    try:
        waveform = read_audio(path)
    except AudioError as error:
        assert path.name in str(error)  # noqa: PT017  # either is right
    else:
        assert np.isfinite(waveform).all()


@settings(max_examples=150, deadline=None)
@given(
    magic=MAGIC, content=st.binary(max_size=300), ending=st.sampled_from(["wav", "flac", "ogg", "mp3", "raw", "txt"])
)
def test_random_bytes_are_audio_or_an_audio_error(tmp_path_factory, magic, content, ending):
    path = tmp_path_factory.getbasetemp() / f"random.{ending}"
    path.write_bytes(magic + content)

    assert_audio_or_an_audio_error(path)


@settings(max_examples=150, deadline=None)
@given(ending=st.sampled_from(sorted(FORMATS)), places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255))))
def test_damaged_files_are_audio_or_an_audio_error(tmp_path_factory, write_tone, ending, places):
    path = write_tone(tmp_path_factory.getbasetemp() / f"damaged.{ending}", 0.1, rate=8000, **FORMATS[ending])
    content = bytearray(path.read_bytes())
    for place, byte in places:
        content[int(place * (len(content) - 1))] = byte
    path.write_bytes(content)

    assert_audio_or_an_audio_error(path)


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


@pytest.fixture
def small_blocks(monkeypatch):
    """Files are read in blocks of a tenth of a second."""
    monkeypatch.setattr("data.audio.BLOCK_SECONDS", 0.1)
    monkeypatch.setattr("data.audio._BLOCK", 1000)


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
        small.setattr("data.audio.BLOCK_SECONDS", block / rate)
        small.setattr("data.audio._BLOCK", block)
        joined = np.concatenate(list(audio_blocks(path)))

    assert len(joined) == pytest.approx(len(whole), abs=2)
    common = min(len(joined), len(whole))
    assert joined[:common] == pytest.approx(whole[:common], abs=0 if rate == SAMPLE_RATE else 5e-3)
