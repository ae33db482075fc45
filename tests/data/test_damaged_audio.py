"""What is no audio, or damaged, is an error that names the file, or gives what there is; nothing worse."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.audio import SAMPLE_RATE, AudioError, audio_blocks, audio_duration, read_audio
from tests.data.formats import FORMATS

UNKNOWN_LENGTH = 0  # in the header of a FLAC: the encoder did not know
MAGIC = st.sampled_from(
    [b"", b"RIFF\x00\x10\x00\x00WAVE", b"fLaC", b"OggS", b"\xff\xfb\x90", b"FORM\x00\x00\x10\x00AIFF"]
)


def claim_length(flac, samples):
    """Overwrite the number of samples (36 bits) that a FLAC file's header claims."""
    content = bytearray(flac.read_bytes())
    content[21] = content[21] & 0xF0 | samples >> 32
    content[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")
    flac.write_bytes(content)
    return flac


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


@pytest.mark.parametrize("ending", ["wav", "mp3"])
def test_an_empty_file_is_called_empty(tmp_path, ending):
    path = tmp_path / f"nothing.{ending}"
    path.touch()

    with pytest.raises(AudioError, match="the file is empty"):
        read_audio(path)


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


def test_an_mp3_that_does_not_tell_its_length_is_read_whole(tmp_path):
    rng = np.random.default_rng(0)
    # few bits for a silence, many for noise: by the first frames the file would seem to be far shorter, or longer
    waveform = np.concatenate([0.5 * rng.standard_normal(16_000), np.zeros(160_000), 0.5 * rng.standard_normal(16_000)])
    path = tmp_path / "stream.mp3"
    settings = {"format": "MP3", "bitrate_mode": "VARIABLE", "compression_level": 0.5}
    soundfile.write(path, np.clip(waveform, -1, 1), SAMPLE_RATE, **settings)
    tag = b"ID3\x04\0\0\0\0\x02\0" + bytes(256)
    content = path.read_bytes()
    path.write_bytes(tag + content.replace(b"Xing", b"\0\0\0\0", 1).replace(b"Info", b"\0\0\0\0", 1))
    with soundfile.SoundFile(path) as file:
        assert file.frames < 0.8 * len(waveform)  # what libsndfile takes it for

    read = read_audio(path)

    assert len(read) == pytest.approx(len(waveform), abs=3000)
    assert np.abs(read[-10_000:]).mean() > 0.2
    assert audio_duration(path) == pytest.approx(len(waveform) / SAMPLE_RATE, abs=0.2)
    assert np.array_equal(read_audio(path, offset=11.0, duration=0.5), read[11 * SAMPLE_RATE :][: SAMPLE_RATE // 2])
    assert np.array_equal(np.concatenate(list(audio_blocks(path))), read)
    path.write_bytes(tag + content)
    assert len(read_audio(path)) == pytest.approx(len(waveform), abs=3000)


def test_a_header_that_claims_days_of_sound_costs_no_memory(tmp_path, write_tone):
    path = claim_length(write_tone(tmp_path / "liar.flac"), 2**36 - 1)

    assert len(read_audio(path)) == SAMPLE_RATE


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
