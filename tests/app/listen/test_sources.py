"""Standard input, raw and as WAV of every width, is the sound that was written into it."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from oyez.app.listen.sources import CHUNK_SECONDS, Recording, StandardInput
from oyez.data.audio import SAMPLE_RATE, AudioError, Waveform, to_mono


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
    assert np.array_equal(np.concatenate(list(source)), data)


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


@pytest.mark.parametrize("data", [b"RIFF", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"RIFF\x10\x00\x00\x00AVI LIST"])
def test_damaged_wav_is_told(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    pipe(monkeypatch, data)
    with pytest.raises(AudioError, match=r"standard input: a .*WAV file"):
        StandardInput()


def test_what_follows_the_samples_of_a_wav_is_not_heard(monkeypatch: pytest.MonkeyPatch, speech: Waveform) -> None:
    file = io.BytesIO()
    soundfile.write(file, speech, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    pipe(monkeypatch, file.getvalue() + b"LIST" + bytes(100))
    assert sum(len(chunk) for chunk in StandardInput()) == len(speech)


@pytest.mark.parametrize(
    ("container", "subtype", "named"),
    [("WAV", "ULAW", "format 7"), ("FLAC", "PCM_16", "FLAC"), ("OGG", "VORBIS", "Ogg"), ("AIFF", "PCM_16", "AIFF")],
)
def test_what_cannot_be_heard_as_it_comes_is_told(
    monkeypatch: pytest.MonkeyPatch, speech: Waveform, container: str, subtype: str, named: str
) -> None:
    file = io.BytesIO()
    soundfile.write(file, speech, SAMPLE_RATE, format=container, subtype=subtype)
    pipe(monkeypatch, file.getvalue())
    with pytest.raises(AudioError, match=f"standard input: .*{named}"):
        StandardInput()


def test_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match="closed"):
        StandardInput()


def test_chunks_of_a_recording_are_the_recording(speech: Waveform) -> None:
    assert np.array_equal(np.concatenate(list(Recording(speech, rate=8000))), speech)
