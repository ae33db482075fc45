"""Where live sound comes from: a recording, standard input; the microphone is in microphone.py."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from oyez.data.audio import SAMPLE_RATE, AudioError, Waveform, read_audio

CHUNK_SECONDS = 0.032  # a block of voice activity: a smaller chunk brings nothing sooner
RAW = np.dtype("<i2")  # what standard input holds if it is no WAV file: 16-bit samples, 16 kHz, mono


class Source(Protocol):
    """Chunks of sound, shape (samples,) or (samples, channels), at a rate in Hz."""

    rate: int

    def __iter__(self) -> Iterator[npt.NDArray[Any]]: ...


@dataclass
class Recording:
    """A waveform as a source, as fast as it is taken."""

    waveform: Waveform
    rate: int = SAMPLE_RATE

    @classmethod
    def of(cls, path: Path) -> Recording:
        """Read a file. Raises data.audio.AudioError."""
        return cls(read_audio(path))

    def __iter__(self) -> Iterator[Waveform]:
        size = round(CHUNK_SECONDS * self.rate)
        return (self.waveform[start : start + size] for start in range(0, len(self.waveform), size))


class StandardInput:
    """A WAV file (PCM or float, any rate), or raw samples (16 bits, little endian, 16 kHz, mono), as they come in."""

    def __init__(self) -> None:
        """Wait for the first bytes. Raises data.audio.AudioError if they begin a file that cannot be read so."""
        if sys.stdin is None:
            raise AudioError("standard input is closed")
        self._stream = _Begun(sys.stdin.buffer)
        self._sound = _Sound(SAMPLE_RATE, 1, RAW, None)
        for begin, name in _OF_FILES.items():
            if self._stream.head.startswith(begin):
                raise AudioError(f"standard input: {name}, not WAV; `oyez transcribe -` reads it, once it has ended")
        if self._stream.head == b"RIFF":
            self._sound = _wav_header(self._stream)
        self.rate = self._sound.rate

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        sound = self._sound
        frame = sound.channels * sound.sample.itemsize
        left = sound.bytes
        wanted = frame * max(1, round(CHUNK_SECONDS * self.rate))
        while len(data := self._stream.read(wanted if left is None else min(wanted, left))) >= frame:
            left = None if left is None else left - len(data)
            samples = _samples(data[: len(data) // frame * frame], sound.sample)
            yield samples.reshape(-1, sound.channels) if sound.is_wav else samples


# how files begin that are no sound as it is
_OF_FILES = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"RF64": "RF64",
    b"FORM": "AIFF",
}
# by WAV's number, which is 1 for PCM and 3 for float, and bits
_THREE_BYTES = np.dtype("V3")
_SAMPLES: dict[tuple[int, int], np.dtype[Any]] = {
    (1, 8): np.dtype("u1"), (1, 16): np.dtype("<i2"), (1, 24): _THREE_BYTES, (1, 32): np.dtype("<i4"),
    (3, 32): np.dtype("<f4"), (3, 64): np.dtype("<f8"),
}  # fmt: skip
_EXTENSIBLE = 0xFFFE  # then the number stands further on
_ENDLESS = 0x7FFFF000  # lengths from here on are those of programs that cannot know it


@dataclass(frozen=True)
class _Sound:
    """What stands in a header."""

    rate: int
    channels: int
    sample: np.dtype[Any]
    bytes: int | None  # None: as many as come
    is_wav: bool = False


def _wav_header(stream: _Begun) -> _Sound:
    """Read a WAV file up to its samples; Python 3.11's wave knows PCM alone, and not in the longer header."""
    stream.read(8)  # RIFF and its length
    if stream.read(4) != b"WAVE":
        raise AudioError("standard input: a RIFF file, and no WAV file")
    form: tuple[int, ...] = ()
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and form:
            kind, channels, rate, _, _, bits = form
            if (kind, bits) not in _SAMPLES or not channels or not rate:
                raise AudioError(
                    f"standard input: WAV with samples of format {kind}, {bits} bits, {channels} channels, {rate} Hz; "
                    "PCM of 8 to 32 bits and float can be heard"
                )
            return _Sound(rate, channels, _SAMPLES[kind, bits], size if 0 < size < _ENDLESS else None, is_wav=True)
        content = stream.read(size + size % 2)
        if name == b"fmt " and len(content) >= 16:
            form = struct.unpack("<HHIIHH", content[:16])
            if form[0] == _EXTENSIBLE and len(content) >= 26:
                form = (*struct.unpack("<H", content[24:26]), *form[1:])
    raise AudioError("standard input: a WAV file that is damaged: it ends before its samples")


class _Begun:
    """A stream whose first four bytes are known already."""

    def __init__(self, stream: BinaryIO) -> None:
        self.head = stream.read(4)
        self._unread = self.head
        self._stream = stream

    def read(self, size: int) -> bytes:
        begin, self._unread = self._unread[:size], self._unread[size:]
        return begin + self._stream.read(size - len(begin)) if len(begin) < size else begin


def _samples(data: bytes, sample: np.dtype[Any]) -> npt.NDArray[Any]:
    if sample == _THREE_BYTES:  # numpy has no such number: the samples become the upper bytes of 32 bits
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0]
    return np.frombuffer(data, sample)
