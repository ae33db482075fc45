"""Where live sound comes from: a recording, standard input; the microphone is in microphone.py."""

from __future__ import annotations

import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from data.audio import SAMPLE_RATE, AudioError, Waveform, read_audio

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
    """A WAV file (PCM, any rate), or raw samples (16 bits, little endian, 16 kHz, mono), as they come in."""

    def __init__(self) -> None:
        """Wait for the first bytes. Raises data.audio.AudioError if they begin a WAV file that cannot be read."""
        if sys.stdin is None:
            raise AudioError("standard input is closed")
        self._stream = _Begun(sys.stdin.buffer)
        self._wav: wave.Wave_read | None = None
        self.rate = SAMPLE_RATE
        if self._stream.head == b"RIFF":
            try:
                self._wav = wave.open(self._stream)  # type: ignore[call-overload]  # noqa: SIM115  # a pipe, read to its end
            except (wave.Error, EOFError) as error:
                raise AudioError(f"standard input: a WAV file that is not PCM, or damaged ({error})") from error
            self.rate = self._wav.getframerate()

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        frames = max(1, round(CHUNK_SECONDS * self.rate))
        if self._wav is not None:
            width, channels = self._wav.getsampwidth(), self._wav.getnchannels()
            while data := self._wav.readframes(frames):
                yield _pcm(data[: len(data) // (width * channels) * width * channels], width).reshape(-1, channels)
        else:
            while len(data := self._stream.read(frames * RAW.itemsize)) >= RAW.itemsize:
                yield np.frombuffer(data[: len(data) // RAW.itemsize * RAW.itemsize], RAW)


class _Begun:
    """A stream whose first four bytes are known already."""

    def __init__(self, stream: BinaryIO) -> None:
        self.head = stream.read(4)
        self._unread = self.head
        self._stream = stream

    def read(self, size: int) -> bytes:
        begin, self._unread = self._unread[:size], self._unread[size:]
        return begin + self._stream.read(size - len(begin)) if len(begin) < size else begin


def _pcm(data: bytes, width: int) -> npt.NDArray[Any]:
    if width == 3:  # numpy has no such type: the samples become the upper bytes of 32 bits
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0]
    return np.frombuffer(data, {1: "u1", 2: "<i2", 4: "<i4"}[width])
