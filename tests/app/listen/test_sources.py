"""Standard input, raw and as WAV of every width, is the sound that was written into it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.app.listen.sources import CHUNK_SECONDS, Mixed, Recording, StandardInput, open_source
from oyez.data.audio import SAMPLE_RATE, AudioError, RawFormat, Waveform, to_mono
from oyez.data.audio.raw import Encoding
from tests.data.media import write_media


class Pipe:
    """Bytes that can only be read on, as a pipe's."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(size)


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe(data)))


@pytest.fixture
def speech() -> Waveform:
    return np.random.default_rng(0).uniform(-0.9, 0.9, 10_000).astype(np.float32)


@pytest.mark.parametrize("odd_byte", [b"", b"\x01"])
def test_raw_samples_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, speech: Waveform, odd_byte: bytes
) -> None:
    data = (speech * 32767).astype("<i2")
    pipe(monkeypatch, data.tobytes() + odd_byte)
    source = StandardInput()
    assert source.rate == SAMPLE_RATE
    assert np.array_equal(np.concatenate(list(source))[:, 0], data)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x02\x03"])
def test_hardly_any_input_is_no_failure(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    pipe(monkeypatch, data)
    assert sum(len(chunk) for chunk in StandardInput()) == len(data) // 2


@pytest.mark.parametrize(
    ("subtype", "step"),
    [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 1e-7), ("FLOAT", 1e-7), ("DOUBLE", 1e-7)],
)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("header", ["WAV", "WAVEX"])
def test_wav_of_any_width_comes_at_its_own_rate(
    monkeypatch: pytest.MonkeyPatch, speech: Waveform, subtype: str, step: float, channels: int, header: str
) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.stack([speech] * channels, axis=1), 44_100, format=header, subtype=subtype)
    pipe(monkeypatch, file.getvalue())
    source = StandardInput()
    chunks = list(source)
    assert source.rate == 44_100
    assert {len(chunk) for chunk in chunks[:-1]} == {round(44_100 * CHUNK_SECONDS)}
    assert np.abs(to_mono(np.concatenate(chunks)) - speech).max() <= step


def test_wav_without_a_length_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch, speech: Waveform) -> None:
    file = io.BytesIO()
    soundfile.write(file, speech, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    data = bytearray(file.getvalue())
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"  # as programs write it that cannot go back in a pipe
    pipe(monkeypatch, bytes(data))
    assert sum(len(chunk) for chunk in StandardInput()) == len(speech)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"RIFF\x00\x00\x00\x00WAVE", "a damaged WAV file"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a damaged WAV file"),
        (b"RIFF\x10\x00\x00\x00AVI LIST", "AVI that cannot be decoded as it comes"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (b"these are words and no sounds", "text"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b"\0\0\0\x18ftypmp42" + bytes(3000), "MP4 that cannot be decoded as it comes"),
    ],
)
def test_what_cannot_be_listened_to_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, data: bytes, named: str
) -> None:
    pipe(monkeypatch, data)
    with pytest.raises(AudioError, match=f"^standard input: .*{named}"):
        StandardInput()


def test_what_follows_the_samples_of_a_wav_is_not_heard(monkeypatch: pytest.MonkeyPatch, speech: Waveform) -> None:
    file = io.BytesIO()
    soundfile.write(file, speech, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    pipe(monkeypatch, file.getvalue() + b"LIST" + bytes(100))
    assert sum(len(chunk) for chunk in StandardInput()) == len(speech)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "ULAW"), ("WAV", "IMA_ADPCM"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None),
        ("AIFF", "PCM_16"), ("AU", "ULAW"), ("W64", "PCM_16"), ("RF64", "PCM_16"),
    ],
)  # fmt: skip
def test_the_beginning_of_a_stream_tells_its_format(
    monkeypatch: pytest.MonkeyPatch, container: str, subtype: str | None
) -> None:
    speech = (0.5 * np.sin(np.arange(48_000) / 9)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, speech, 48_000, format=container, subtype=subtype)
    pipe(monkeypatch, file.getvalue())
    source = StandardInput()
    heard = np.concatenate([to_mono(chunk) for chunk in source])
    assert source.rate == 48_000
    assert len(heard) == pytest.approx(48_000, rel=0.1)
    assert np.abs(heard[5000:40_000]).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("ending", ["webm", "mkv", "aac", "ac3", "ts", "bare.mp3", "wma"])
def test_streams_of_browsers_and_radios_are_decoded_as_they_come(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    tone = (0.5 * np.sin(np.arange(2 * SAMPLE_RATE) / 9)).astype(np.float32)
    pipe(monkeypatch, write_media(tmp_path / f"a.{ending}", tone, ending).read_bytes())
    source = StandardInput()
    chunks = list(source)
    assert sum(map(len, chunks)) / source.rate == pytest.approx(2.0, abs=0.15)
    assert max(map(len, chunks)) < 0.2 * source.rate
    assert np.abs(to_mono(np.concatenate(chunks))[8000:-8000]).max() == pytest.approx(0.5, abs=0.1)


def test_a_stream_is_decoded_while_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tone = (0.5 * np.sin(np.arange(10 * SAMPLE_RATE) / 9)).astype(np.float32)
    content = write_media(tmp_path / "a.aac", tone, "aac").read_bytes()
    taken = 0

    class Slow(Pipe):
        def read(self, size: int) -> bytes:
            nonlocal taken
            data = super().read(size)
            taken += len(data)
            return data

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Slow(content)))
    chunks = iter(StandardInput())
    next(chunks)
    assert taken < len(content) / 3
    before = taken
    for _ in range(10):
        next(chunks)
    assert taken - before < 8000


@pytest.mark.parametrize("encoding", ["s16be", "s24le", "f32le", "u8", "mulaw", "alaw"])
def test_raw_samples_are_what_they_are_said_to_be(monkeypatch: pytest.MonkeyPatch, encoding: Encoding) -> None:
    raw = RawFormat(8000, 2, encoding)
    file = io.BytesIO()
    sound = np.stack([0.5 * np.sin(np.arange(8000) / 9), np.zeros(8000)], axis=1)
    soundfile.write(file, sound, 8000, raw.subtype, "BIG" if raw.is_big_endian else "LITTLE", "RAW")
    pipe(monkeypatch, file.getvalue())
    source = StandardInput(raw)
    chunks = list(source)
    assert (source.rate, chunks[0].shape) == (8000, (256, 2))
    assert to_mono(np.concatenate(chunks)) == pytest.approx(sound.mean(axis=1), abs=0.02)


def test_raw_samples_that_look_like_a_header_are_samples_where_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"OggS" * 1000)
    assert sum(map(len, StandardInput(RawFormat()))) == 2000


@settings(max_examples=200, deadline=None)
@given(
    begin=st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", b"OggS\0\2", b"fLaC", b"ID3\4",
                           b"\xff\xfb\x90\x64", b"\x1a\x45\xdf\xa3", b"FORM", b"caff", b".snd", b"\0\0\0\x20ftyp"]),
    rest=st.binary(max_size=400),
)  # fmt: skip
def test_any_bytes_are_sound_or_refused_by_name(begin: bytes, rest: bytes) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipe(monkeypatch, begin + rest)
        try:
            source = StandardInput(warn=lambda _: None)
            chunks = list(Mixed(source, lambda _: None))
        except AudioError as error:
            assert str(error).startswith(("standard input: ", "the audio holds samples"))  # noqa: PT017  # either is right
            return
    assert all(np.isfinite(chunk).all() for chunk in chunks)
    assert sum(map(len, chunks)) <= 100_000


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(0, 3000),
    channels=st.integers(1, 4),
    rate=st.sampled_from([8000, 16_000, 44_100]),
    subtype=st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]),
    lost=st.integers(0, 50),
)
def test_a_wav_of_any_kind_that_may_be_cut_gives_what_there_is(
    samples: int, channels: int, rate: int, subtype: str, lost: int
) -> None:
    sound = np.random.default_rng(samples).uniform(-0.9, 0.9, (samples, channels))
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="WAV", subtype=subtype)
    content = file.getvalue()
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipe(monkeypatch, content[: len(content) - min(lost, samples)])
        source = StandardInput(warn=lambda _: None)
        heard = list(source)
    assert source.rate == rate
    assert samples - lost - 1 <= sum(map(len, heard)) <= samples
    if heard:
        expected = sound[: sum(map(len, heard))]
        tolerance = 0.05 if subtype.endswith("LAW") else 0.01
        assert to_mono(np.concatenate(heard)) == pytest.approx(expected.mean(axis=1), abs=tolerance)


def test_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match="closed"):
        StandardInput()


def test_chunks_of_a_recording_are_the_recording(speech: Waveform) -> None:
    assert np.array_equal(np.concatenate(list(Recording(speech, rate=8000))), speech)


def test_a_file_is_a_source_of_one_channel(tmp_path: Path, speech: Waveform) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([speech, 0 * speech], axis=1), SAMPLE_RATE, subtype="FLOAT")
    for channel, expected in ((None, speech / 2), (0, speech), (1, 0 * speech)):
        source = open_source(tmp_path / "a.wav", channel=channel, warn=lambda _: None)
        chunks = list(source)
        assert max(map(len, chunks)) == round(CHUNK_SECONDS * SAMPLE_RATE)
        assert np.concatenate(chunks) == pytest.approx(expected)
    with pytest.raises(AudioError, match="no channel 3"):
        list(open_source(tmp_path / "a.wav", channel=2))


def test_a_channel_of_standard_input_is_taken_alone(monkeypatch: pytest.MonkeyPatch, speech: Waveform) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.stack([0 * speech, speech], axis=1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
    pipe(monkeypatch, file.getvalue())
    assert np.concatenate(list(open_source(Path("-"), channel=1))) == pytest.approx(speech)
