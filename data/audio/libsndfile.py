"""Files by libsndfile: WAV, FLAC, Ogg, AIFF, AU, CAF and many more, and samples without a header."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from oyez.data.audio.raw import RawFormat

BLOCK = 1 << 20  # samples read at a time, over all channels
MALFORMED = 3  # libsndfile's number for a file of a known format with a broken structure

_UNKNOWN_LENGTH = 2**62  # frames: from here on they are those of an encoder that wrote to a pipe
# what libsndfile notes where a header claims more samples than the file has; lengths that programs write which cannot
# know it are no claim
_CLAIM = re.compile(r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_TRUNCATED = ("Seems to be a truncated file", "does not match value from 'ds64' chunk")
_NO_CLAIM = (range(0x7FFE0000, 0x80000000), range(0xFFFE0000, 0x100000000))


class _File(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no type information
    """A file that is read onwards only: soundfile's own seek after each read fails at the end of an unknown length."""

    def seekable(self) -> bool:
        return False


class SndfileSource:
    """An open file.

    Raises:
        soundfile.LibsndfileError, OSError: on opening and on reading.
    """

    def __init__(self, path: Path, raw: RawFormat | None = None) -> None:
        if raw is not None:
            self._file = _File(
                os.fsencode(path),
                samplerate=raw.rate,
                channels=raw.channels,
                format="RAW",
                subtype=raw.subtype,
                endian="BIG" if raw.is_big_endian else "LITTLE",
            )
        elif path.suffix.lower() == ".raw":  # soundfile would ask for the layout; it may have a header for all that
            descriptor = os.open(path, os.O_RDONLY)
            try:
                self._file = _File(descriptor)
            except soundfile.LibsndfileError:
                with suppress(OSError):
                    os.close(descriptor)
                raise
        else:
            self._file = _File(os.fsencode(path))  # as bytes: a name need not be UTF-8
        self.format: str = self._file.format
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int | None = self._file.frames if self._file.frames < _UNKNOWN_LENGTH else None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blocks(self, start: int) -> Iterator[npt.NDArray[np.float32]]:
        """Read from frame `start` on: blocks of shape (frames, channels)."""
        size = max(1, BLOCK // self.channels)
        if start:
            self._file.seek(start)
        left = self.frames
        while left is None or left > 0:
            samples = self._file.read(size if left is None else min(size, left), dtype="float32", always_2d=True)
            if not len(samples):
                return
            left = None if left is None else left - len(samples)
            yield samples

    def claims_more(self) -> bool:
        """Tell whether the header claims more samples than the file has."""
        notes = self._file.extra_info
        if any(mark in notes for mark in _TRUNCATED):
            return True
        for claimed, there in _CLAIM.findall(notes):
            if int(claimed) > int(there) + 8 and not any(int(claimed) in unknown for unknown in _NO_CLAIM):
                return True
        return False
