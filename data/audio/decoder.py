"""One decoder of files: libsndfile first, FFmpeg's libraries for what it cannot read or would cut short."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy.typing as npt
import soundfile

from oyez.data.audio.ffmpeg import FfmpegSource
from oyez.data.audio.formats import HEAD, RAW_SUFFIXES, UNMARKED_SUFFIXES, content_kind, id3_size, media_kind
from oyez.data.audio.joined import JoinedSource, part_starts
from oyez.data.audio.libsndfile import MALFORMED, SndfileSource
from oyez.data.audio.ogg import OggPages, read_pages
from oyez.data.audio.raw import RawFormat
from oyez.data.audio.waveform import AudioError, checked_rate

# a file that unpacks to more than this is no recording of speech: an hour always may; beyond, the sparsest codec of a
# voice has more bytes a second than these, and two days are the end
_ALWAYS_HOURS, _MAX_HOURS, _MIN_BYTES_PER_SECOND = 1.0, 48.0, 25.0


class Decoder:
    """An open file: a context that closes it.

    Attributes:
        rate: of the samples, in Hz.
        channels: how many there are.
        frames: its length in samples by its header; None if that does not tell.
        problems: what was found missing or damaged so far, in words.

    Raises:
        AudioError: on opening and on reading. The message names the file and the reason.
    """

    def __init__(self, path: Path, raw: RawFormat | None = None) -> None:
        """Open a file; samples without a header as `raw` tells."""
        self.path = path
        self.problems: list[str] = []
        self._spooled: Path | None = None
        self._pages: OggPages | None = None
        self._is_damaged = False  # libsndfile has stopped, and FFmpeg goes on
        try:
            self._file, self._size = self._regular_file()
            self._source = self._opened(raw)
            self.rate = checked_rate(self._source.rate)
        except AudioError as error:
            self.close()
            raise AudioError(f"{path}: {error}") from error
        except (OSError, ValueError) as error:
            self.close()
            raise AudioError(f"{path}: not readable ({getattr(error, 'strerror', None) or error})") from error
        self.channels = self._source.channels
        self.frames = self._source.frames

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(AttributeError):  # it was never opened
            self._source.close()
        if self._spooled is not None:
            self._spooled.unlink(missing_ok=True)

    @property
    def is_certain(self) -> bool:
        """Whether `frames` is what will be read, unless the file is damaged."""
        return isinstance(self._source, SndfileSource)

    def blocks(self, start: int = 0, frames: int | None = None) -> Iterator[npt.NDArray[Any]]:
        """Read `frames` samples from `start` on, or to the end.

        Yields:
            shape (samples, channels), integers or floating point. Where libsndfile stops at damage, FFmpeg goes on.
        """
        limit = round(self._most_seconds() * self.rate)
        place, left = start, frames
        try:
            for samples in self._from(start):
                place += len(samples)
                if place > limit:
                    raise AudioError(
                        f"{self.path}: unpacks to more than {limit / self.rate / 3600:.3g} hours from {self._size:,} "
                        "bytes, as no recording of speech does; if it is one, cut it into parts"
                    )
                if left is not None and len(samples) >= left:
                    yield samples[:left]
                    return
                left = None if left is None else left - len(samples)
                yield samples
        except OSError as error:
            self.problems.append(f"not readable from {place / self.rate:.1f} s on ({error.strerror or error})")
            return
        self._judge(place)

    def _from(self, start: int) -> Iterator[npt.NDArray[Any]]:
        if isinstance(self._source, SndfileSource):
            place = start
            try:
                for samples in self._source.blocks(start):
                    place += len(samples)
                    yield samples
                return
            except soundfile.LibsndfileError:
                source = self._other(place)
            if source is None:
                return
            self._source.close()
            self._source, start = source, place
        yield from self._source.blocks(start)

    def _other(self, place: int) -> FfmpegSource | None:
        """Open the file by FFmpeg where libsndfile has stopped; None if it cannot go on there."""
        source = None
        with suppress(AudioError):
            source = FfmpegSource(self._file, self._size)
        if source is not None and (source.rate, source.channels) == (self.rate, self.channels):
            self._is_damaged = True
            return source
        if source is not None:
            source.close()
        self.problems.append(f"damaged at {place / self.rate:.1f} s")
        return None

    def _judge(self, place: int) -> None:
        """Note what is missing, after everything was read."""
        source = self._source
        if not isinstance(source, SndfileSource):
            problem = source.problem or ("damaged" if self._is_damaged else "")
            if problem and not self.problems:
                self.problems.append(problem)
        elif source.claims_more() or (source.frames is not None and place < source.frames):
            self.problems.append(f"ends early, at {place / self.rate:.1f} s: its header announces more")
        if self._pages is not None and not self.problems:
            if self._pages.damaged:
                self.problems.append("damaged: pages of it are missing or not as they were written")
            elif self._pages.is_cut:
                self.problems.append("ends early: its last page is missing")

    def _most_seconds(self) -> float:
        return min(_MAX_HOURS * 3600, _ALWAYS_HOURS * 3600 + self._size / _MIN_BYTES_PER_SECOND)

    def _regular_file(self) -> tuple[Path, int]:
        """Return the path of a file in which one can go back and forth, and its size in bytes."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            raise AudioError("no such file") from None
        if stat.S_ISFIFO(status.st_mode):
            descriptor, name = tempfile.mkstemp(prefix="oyez-")
            self._spooled = Path(name)
            with os.fdopen(descriptor, "wb") as kept, self.path.open("rb") as pipe:
                shutil.copyfileobj(pipe, kept)
            status = self._spooled.stat()
        elif not stat.S_ISREG(status.st_mode):
            raise AudioError("not a regular file")
        if not status.st_size:
            raise AudioError("not readable as audio (the file is empty)")
        return self._spooled or self.path, status.st_size

    def _opened(self, raw: RawFormat | None) -> SndfileSource | FfmpegSource | JoinedSource:
        """Open the file by the library that reads it, and reads it whole."""
        if raw is not None:
            try:
                return SndfileSource(self._file, raw)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"not readable as raw samples ({_reason(error)})") from error
        with self._file.open("rb") as file:
            head = file.read(HEAD)
            if tag := id3_size(head):
                file.seek(tag)
                head = file.read(HEAD)
        kind = media_kind(head)
        if kind == "MP3":
            # libsndfile believes the frame count of a header, guesses where there is none, and stops there
            with suppress(AudioError):
                return FfmpegSource(self._file, self._size)
        if kind == "Ogg":
            self._pages = read_pages(self._file)
        starts = self._pages.starts if self._pages is not None else part_starts(self._file, kind)
        if len(starts) > 1:
            with suppress(AudioError):
                return JoinedSource(self._file, starts, self._size)
        try:
            source = SndfileSource(self._file)
        except (soundfile.LibsndfileError, TypeError) as error:
            if getattr(error, "code", 0) == MALFORMED:
                self.problems.append("damaged or incomplete")
            return self._by_ffmpeg(head, _reason(error))
        if source.format == "MP3" or (source.format in ("WAV", "WAVEX") and source.frames == 0):
            with suppress(AudioError):
                other = FfmpegSource(self._file, self._size)
                source.close()
                return other
        return source

    def _by_ffmpeg(self, head: bytes, refusal: str) -> FfmpegSource:
        kind = media_kind(head)
        other = None if kind else content_kind(head)
        if other is not None:
            raise AudioError(f"not readable as audio (it is {other})")
        try:
            if kind is None and self.path.suffix.lower() not in UNMARKED_SUFFIXES:  # FFmpeg finds music in any bytes
                raise AudioError("format not recognised")
            return FfmpegSource(self._file, self._size)
        except AudioError as error:
            raise AudioError(f"not readable as audio ({self._explained(kind, head, str(error), refusal)})") from error

    def _explained(self, kind: str | None, head: bytes, error: str, refusal: str) -> str:
        """Return why a file cannot be read, and the way out, in words."""
        if error.startswith(("there is", "its sound")):
            return error
        if kind is None and self.path.suffix.lower() in RAW_SUFFIXES:
            return "samples without a header: give their --rate, --channels and --encoding"
        if not any(head):
            return "it begins with nothing but zeros"
        if kind == "MP4":
            return "an MP4 without its index: the recording was not finished, or only a part of the file is here"
        if kind is not None:
            return f"{kind}, but damaged: {refusal or error}"
        return (
            f"format not recognised; convert it first: ffmpeg -i {self.path.name} {self.path.stem}.wav. "
            "Samples without a header need --rate, --channels and --encoding"
        )


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", None) or error).rstrip(".")
