"""Where live sound comes from: a recording, standard input; the microphone is in microphone.py."""

from __future__ import annotations

import io
import struct
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy.typing as npt

from oyez.data.audio import (
    SAMPLE_RATE,
    AudioError,
    IncompleteAudioWarning,
    Mixer,
    RawFormat,
    Warn,
    Waveform,
    audio_blocks,
    content_kind,
    media_kind,
)
from oyez.data.audio.ffmpeg import FfmpegSource
from oyez.data.audio.formats import HEAD
from oyez.data.audio.raw import Encoding

CHUNK_SECONDS = 0.032  # a block of voice activity: a smaller chunk brings nothing sooner


class Source(Protocol):
    """Chunks of sound, shape (samples,) or (samples, channels), at a rate in Hz."""

    rate: int

    def __iter__(self) -> Iterator[npt.NDArray[Any]]: ...


@dataclass
class Recording:
    """A waveform as a source, as fast as it is taken."""

    waveform: Waveform
    rate: int = SAMPLE_RATE

    def __iter__(self) -> Iterator[Waveform]:
        size = round(CHUNK_SECONDS * self.rate)
        return (self.waveform[start : start + size] for start in range(0, len(self.waveform), size))


@dataclass
class RecordedFile:
    """A file as a source, as fast as it is taken, of any length."""

    path: Path
    channel: int | None = None  # counted from 0; None mixes all
    raw: RawFormat | None = None  # how to read samples without a header
    warn: Warn = warnings.warn
    rate: int = SAMPLE_RATE

    def __iter__(self) -> Iterator[Waveform]:
        """Raises data.audio.AudioError."""
        for block in audio_blocks(self.path, channel=self.channel, raw=self.raw, warn=self.warn):
            yield from Recording(block)


class Mixed:
    """A source whose channels are mixed, or of which one is taken alone; what is odd about it is reported."""

    def __init__(self, source: Source, warn: Warn = warnings.warn, channel: int | None = None) -> None:
        self.rate = source.rate
        self._source = source
        self._mix = Mixer(warn, channel)

    def __iter__(self) -> Iterator[Waveform]:
        """Raises data.audio.AudioError."""
        return (self._mix(chunk) for chunk in self._source)


def open_source(
    path: Path, raw: RawFormat | None = None, channel: int | None = None, warn: Warn = warnings.warn
) -> Source:
    """Return a file, or `-` for standard input, as a source of one channel. Raises data.audio.AudioError.

    Args:
        path: see above.
        raw: how to read samples without a header.
        channel: take this one, counted from 0, alone; None mixes all.
        warn: takes what is to be reported.
    """
    if str(path) == "-":
        return Mixed(StandardInput(raw, warn), warn, channel)
    return RecordedFile(path, channel, raw, warn)


class StandardInput:
    """What comes through standard input, as it comes: a file of any format that can be read onwards, or raw samples.

    The first bytes tell the format. What begins in no known way are raw samples: 16 bits, little endian, 16 kHz, mono.
    """

    def __init__(self, raw: RawFormat | None = None, warn: Warn = warnings.warn) -> None:
        """Wait for the first bytes; with `raw`, all of them are such samples.

        Raises data.audio.AudioError if they begin something that cannot be listened to as it comes.
        """
        if sys.stdin is None:
            raise AudioError("standard input is closed")
        self._warn = warn
        self._stream = _Begun(sys.stdin.buffer, 0 if raw else HEAD)
        self._decoder: FfmpegSource | None = None
        self._raw, self._bytes = raw or RawFormat(), None
        kind = None if raw else media_kind(self._stream.head)
        other = None if raw or kind else content_kind(self._stream.head)
        if other is not None:
            raise AudioError(f"standard input: it is {other}; expected a recording, or raw samples")
        header = wav_header(self._stream) if kind == "WAV" and self._stream.head.startswith(b"RIFF") else None
        if header is not None:
            self._raw, self._bytes = header
        elif kind is not None:
            self._decoder = self._opened(kind)
        self.rate = self._raw.rate if self._decoder is None else self._decoder.rate

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        """Give chunks, shape (samples, channels)."""
        if self._decoder is None:
            yield from self._samples()
            return
        yield from self._decoder.chunks()
        if self._decoder.problem:
            self._warn(IncompleteAudioWarning(f"standard input: {self._decoder.problem}"))

    def _samples(self) -> Iterator[npt.NDArray[Any]]:
        frame, left = self._raw.frame_bytes, self._bytes
        wanted = frame * max(1, round(CHUNK_SECONDS * self.rate))
        while len(data := self._stream.read(wanted if left is None else min(wanted, left))) >= frame:
            left = None if left is None else left - len(data)
            yield self._raw.samples(data[: len(data) // frame * frame])

    def _opened(self, kind: str) -> FfmpegSource:
        try:
            return FfmpegSource(_AsItComes(self._stream))
        except AudioError as error:
            raise AudioError(
                f"standard input: {kind} that cannot be decoded as it comes ({error}); `oyez transcribe -` reads it, "
                "once it has ended"
            ) from error


# by WAV's number, which is 1 for PCM, 3 for float, 6 and 7 for the telephone's codecs, and bits
_ENCODINGS: dict[tuple[int, int], Encoding] = {
    (1, 8): "u8", (1, 16): "s16le", (1, 24): "s24le", (1, 32): "s32le", (3, 32): "f32le", (3, 64): "f64le",
    (6, 8): "alaw", (7, 8): "mulaw",
}  # fmt: skip
_EXTENSIBLE = 0xFFFE  # then the number stands further on
_ENDLESS = 0x7FFFF000  # lengths from here on are those of programs that cannot know it


def wav_header(stream: _Begun) -> tuple[RawFormat, int | None] | None:
    """Read a WAV file up to its samples: their format, and their bytes where that is known.

    None, and the stream at its beginning again, if they are in a codec. Python 3.11's wave knows PCM alone, and not in
    the longer header. Raises AudioError if the file is damaged.
    """
    stream.read(12)  # RIFF, its length, WAVE
    form: tuple[int, ...] = ()
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and form:
            kind, channels, rate, _, _, bits = form
            if (kind, bits) in _ENCODINGS:
                try:
                    return RawFormat(rate, channels, _ENCODINGS[kind, bits]), size if 0 < size < _ENDLESS else None
                except AudioError as error:
                    raise AudioError(f"standard input: a damaged WAV file: {error}") from error
            if not stream.rewind():
                raise AudioError(f"standard input: a WAV file in codec {kind}, whose header is too long to go back")
            return None
        content = stream.read(size + size % 2)
        if name == b"fmt " and len(content) >= 16:
            form = struct.unpack("<HHIIHH", content[:16])
            if form[0] == _EXTENSIBLE and len(content) >= 26:
                form = (*struct.unpack("<H", content[24:26]), *form[1:])
    raise AudioError("standard input: a damaged WAV file: it ends before its samples")


class _Begun:
    """A stream whose first bytes are known already."""

    def __init__(self, stream: BinaryIO, head: int) -> None:
        self.head = stream.read(head) if head else b""
        self._unread = self.head
        self._stream = stream
        self._has_passed = False  # bytes behind the first ones were read

    def read(self, size: int) -> bytes:
        """Read so many bytes; fewer at the end only."""
        begin, self._unread = self._unread[:size], self._unread[size:]
        if len(begin) == size:
            return begin
        self._has_passed = True
        return begin + self._stream.read(size - len(begin))

    def read_some(self, size: int) -> bytes:
        """Read what is there, up to so many bytes; nothing at the end only."""
        if self._unread:
            return self.read(min(size, len(self._unread)))
        self._has_passed = True
        return getattr(self._stream, "read1", self._stream.read)(size)

    def rewind(self) -> bool:
        """Go back to the beginning, if that is possible."""
        if not self._has_passed:
            self._unread = self.head
        return not self._has_passed


class _AsItComes(io.RawIOBase):
    """A stream for a decoder, which takes what is there and does not wait for more."""

    def __init__(self, stream: _Begun) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._stream.read_some(max(1, size))
