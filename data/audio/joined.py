"""Files that were joined end to end, as `cat` and web radio do it: where each part begins, and one source for all."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from oyez.data.audio.ffmpeg import FfmpegSource
from oyez.data.audio.waveform import AudioError

_FLAC = b"fLaC\x00\x00\x00\x22"  # with the beginning of the block that is always the first


def part_starts(path: Path, kind: str | None) -> list[int]:
    """Return the bytes at which the parts of a FLAC or WAV file begin; of any other kind, where the file does.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty.
    """
    starts = [0]
    if kind not in ("FLAC", "WAV"):
        return starts
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if kind == "FLAC":
            while (place := content.find(_FLAC, starts[-1] + 4)) > 0:
                starts.append(place)
        else:
            place = 0
            while content[place : place + 4] == b"RIFF" and content[place + 8 : place + 12] == b"WAVE":
                starts += [place] if place else []
                size = int.from_bytes(content[place + 4 : place + 8], "little")
                place += 8 + size + size % 2
    return starts


class JoinedSource:
    """The parts of a file, one after the other, at the rate and with the channels of the first.

    Attributes: as of `FfmpegSource`.
    """

    frames = None  # each part has a length of its own

    def __init__(self, path: Path, starts: list[int], size: int) -> None:
        """Open a file of `size` bytes whose parts begin at `starts`. Raises AudioError and OSError."""
        self._path = path
        self._spans = list(zip(starts, [*starts[1:], size], strict=True))
        self._part = self._open(0)
        self.rate, self.channels = self._part.rate, self._part.channels
        self.problem = ""

    def close(self) -> None:
        """Close the file."""
        self._part.close()

    def blocks(self, start: int) -> Iterator[npt.NDArray[Any]]:
        """Decode part after part, and pass over `start` samples: blocks of shape (samples, channels)."""
        layout = ""
        for number in range(len(self._spans)):
            if number:
                self._part.close()
                try:
                    self._part = self._open(number)
                except AudioError as error:
                    self.problem = self.problem or f"part {number + 1} of {len(self._spans)} cannot be read ({error})"
                    continue
                self._part.convert_to(self.rate, layout)
            for samples in self._part.blocks(0):
                skipped = min(start, len(samples))
                start -= skipped
                if skipped < len(samples):
                    yield samples[skipped:]
            layout = layout or self._part.layout
            if self._part.problem:
                self.problem = self.problem or f"part {number + 1} of {len(self._spans)}: {self._part.problem}"

    def _open(self, number: int) -> FfmpegSource:
        begin, end = self._spans[number]
        return FfmpegSource(_Span(self._path, begin, end), end - begin)


class _Span(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, path: Path, begin: int, end: int) -> None:
        self._file = path.open("rb")
        self._begin, self._end = begin, end
        self._file.seek(begin)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._end - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: self._begin, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._end}[whence]
        return self._file.seek(max(self._begin, origin + offset)) - self._begin

    def tell(self) -> int:
        return self._file.tell() - self._begin

    def close(self) -> None:
        self._file.close()
        super().close()
