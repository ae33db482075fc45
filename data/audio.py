"""Audio as every other module sees it: a float32 mono waveform in [-1, 1], shape (samples,), at 16 kHz.

Whatever comes in (a file of any format, rate and number of channels; a chunk from a browser or a sound card) is
converted here, once, and is a plain waveform from then on.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from os import PathLike
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

SAMPLE_RATE = 16_000  # samples per second, everywhere
HOP = SAMPLE_RATE // 100  # samples from one frame of analysis to the next: 10 ms
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000  # Hz; a header that says otherwise is damaged or no recording of speech

#: The file endings that are taken for audio when a folder is searched.
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"} | {".aif", ".oga", ".opus"}

BLOCK_SECONDS = 30.0  # of a file that is read block by block

_BLOCK = 1 << 20  # samples read at a time, over all channels
_LONGEST_MP3_FRAME = 2881  # bytes
_UNKNOWN_LENGTH = 2**63 - 1  # frames, as libsndfile says of a FLAC whose encoder wrote to a pipe, and of a stream

Waveform = npt.NDArray[np.float32]


class AudioError(Exception):
    """Audio that cannot be read. The message names the file and the reason."""


def read_audio(path: str | PathLike[str], offset: float = 0.0, duration: float | None = None) -> Waveform:
    """Read a file, or the part of it from `offset` on, as a waveform.

    Args:
        path: a file of any format that libsndfile reads (WAV, FLAC, OGG, Opus, MP3, AIFF, ...).
        offset: where to begin, in seconds.
        duration: how much to read, in seconds; None reads to the end. A file that ends earlier gives what there is.

    Returns:
        float32, shape (samples,), 16 kHz, channels averaged.

    Raises:
        AudioError: the file is missing, is no audio, is damaged, or holds no samples there.
    """
    path = Path(path)
    with _opened(path) as file:
        rate, start = _rate_and_start(file, path, offset)
        blocks = list(_blocks(file, path, start, file.frames if duration is None else round(duration * rate)))
    try:
        waveform = to_waveform(np.concatenate(blocks), rate) if blocks else np.zeros(0, np.float32)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from error
    if not len(waveform):
        raise AudioError(f"{path}: the file holds no samples")
    return waveform


def audio_blocks(
    path: str | PathLike[str], offset: float = 0.0, duration: float | None = None, channel: int | None = None
) -> Iterator[Waveform]:
    """Read a file of any length, or a part of it, as the blocks of its waveform; no more than two are in memory.

    Args:
        path: as in `read_audio`.
        offset: where to begin, in seconds.
        duration: how much to read, in seconds; None reads to the end.
        channel: read this one, counted from 0, alone; None averages all channels.

    Yields:
        float32, shape (samples,), 16 kHz, about BLOCK_SECONDS each. What fits in one block is just as `read_audio`
        gives it.

    Raises:
        AudioError: as `read_audio` does, at the latest where the damage is; or there is no such channel.
    """
    path = Path(path)
    with _opened(path) as file:
        rate, start = _rate_and_start(file, path, offset)
        if channel is not None and channel >= file.channels:
            raise AudioError(f"{path}: no channel {channel + 1}, the file has {file.channels}")
        frames = file.frames if duration is None else round(duration * rate)
        mono = (_mono(samples, path, channel) for samples in _blocks(file, path, start, frames))
        blocks = _gathered(mono, round(BLOCK_SECONDS * rate))
        last = next(blocks, np.zeros(0, np.float32))
        second = next(blocks, None)
        if second is None:
            waveform = to_waveform(last, rate)
            if not len(waveform):
                raise AudioError(f"{path}: the file holds no samples")
            yield waveform
            return
        resample = StreamResampler(rate)
        for block in itertools.chain([second], blocks):
            yield resample(last)
            last = block
        yield resample(last, last=True)


def audio_duration(path: str | PathLike[str]) -> float:
    """Return the length of a file in seconds, as its header gives it. Raises AudioError like `read_audio`."""
    path = Path(path)
    with _opened(path) as file:
        rate = _checked_rate(file.samplerate, path)
        if file.frames == _UNKNOWN_LENGTH:
            return sum(len(block) for block in _blocks(file, path, 0, _UNKNOWN_LENGTH)) / rate
        return float(file.frames / rate)


def audio_channels(path: str | PathLike[str]) -> int:
    """Return the number of channels of a file. Raises AudioError like `read_audio`."""
    with _opened(Path(path)) as file:
        return int(file.channels)


def to_waveform(samples: npt.NDArray[Any], rate: int) -> Waveform:
    """Convert samples of any layout to a waveform.

    Args:
        samples: shape (samples,) or (samples, channels); floating point in [-1, 1], or integers, which are scaled by
            the range of their type (never by their own maximum: silence stays silence).
        rate: their sample rate in Hz.

    Raises:
        AudioError: the rate is out of range, or a sample is not a finite number.
    """
    scaled = to_mono(samples)
    if rate == SAMPLE_RATE:
        return scaled
    # what is loud to the limit overshoots it when its edges are rounded
    return np.clip(soxr.resample(scaled, _checked_rate(rate), SAMPLE_RATE), -1.0, 1.0)


def to_mono(samples: npt.NDArray[Any]) -> Waveform:
    """Scale samples (see `to_waveform`) to float32 in [-1, 1] and average their channels, at the rate they have."""
    if samples.ndim not in (1, 2) or 0 in samples.shape[1:]:
        raise AudioError(f"samples have shape {samples.shape}; expected (samples,) or (samples, channels)")
    scaled = samples.astype(np.float32)
    if np.issubdtype(samples.dtype, np.integer):
        limits = np.iinfo(samples.dtype)
        middle = (limits.max + limits.min + 1) / 2  # 0 for signed types, half the range for unsigned ones
        scaled = ((scaled - middle) / (limits.max - middle + 1)).astype(np.float32)
    if not np.isfinite(scaled).all():
        raise AudioError("the audio holds samples that are not numbers (NaN or infinity)")
    if scaled.ndim == 2:
        scaled = scaled.mean(axis=1)  # (samples, channels) -> (samples,)
    return np.clip(scaled, -1.0, 1.0)


class StreamResampler:
    """Turns chunks of a stream at any rate into chunks of the same stream at 16 kHz, without clicks at the seams."""

    def __init__(self, rate: int) -> None:
        self.rate = _checked_rate(rate)
        self._stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def __call__(self, samples: npt.NDArray[Any], last: bool = False) -> Waveform:
        """Convert the next chunk, shape (samples,) or (samples, channels). `last` also returns what was held back."""
        mono = to_mono(samples)
        return mono if self._stream is None else np.clip(self._stream.resample_chunk(mono, last=last), -1.0, 1.0)


class _Source(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no type information
    """A file that is read onwards only: soundfile's own seek after each read fails at the end of an unknown length."""

    is_stream = False  # it comes through a pipe

    def seekable(self) -> bool:
        return False


def _opened(path: Path) -> _Source:
    try:
        if not path.exists():
            raise AudioError(f"{path}: no such file")
        if not path.is_file():
            raise AudioError(f"{path}: not a regular file")
        if not path.stat().st_size:
            raise AudioError(f"{path}: not readable as audio (the file is empty)")
        source = _Source(os.fsencode(path))  # as bytes: a name need not be UTF-8
        if source.format != "MP3" or _tells_its_length(path):
            return source
        # libsndfile would guess the length by the first frames, and stop there
        source.close()
        return _streamed(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        # soundfile takes a .raw file for headerless samples and asks for their layout by a TypeError
        reason = getattr(error, "error_string", None) or error
        raise AudioError(f"{path}: not readable as audio ({str(reason).rstrip('.')})") from error


def _tells_its_length(path: Path) -> bool:
    """Whether an MP3's first frame tells how many there are; what was cut out of a stream has none that does."""
    with path.open("rb") as file:
        head = file.read(10)
        tag = 0  # bytes of an ID3v2 tag before the frame
        if head.startswith(b"ID3"):
            for byte in head[6:]:  # seven bits each
                tag = tag << 7 | byte & 0x7F
            tag += 10
        file.seek(tag)
        frame = file.read(_LONGEST_MP3_FRAME)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def _streamed(path: Path) -> _Source:
    """Open a file as a stream, of which libsndfile reads what comes."""
    reading, writing = os.pipe()

    def feed() -> None:
        # who reads may stop before the end
        with suppress(OSError), os.fdopen(writing, "wb") as pipe, path.open("rb") as file:
            shutil.copyfileobj(file, pipe)

    Thread(target=feed, daemon=True).start()
    source = _Source(reading)
    source.is_stream = True
    return source


def _rate_and_start(file: _Source, path: Path, offset: float) -> tuple[int, int]:
    """Return the rate of a file in Hz and the frame at `offset` seconds."""
    rate = _checked_rate(file.samplerate, path)
    start = round(offset * rate)
    if start and start >= file.frames:
        raise AudioError(f"{path}: nothing to read at {offset:g} s, the file ends at {file.frames / rate:g} s")
    return rate, start


def _mono(samples: npt.NDArray[np.float32], path: Path, channel: int | None) -> Waveform:
    try:
        return to_mono(samples if channel is None else samples[:, channel])
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from error


def _gathered(blocks: Iterable[Waveform], size: int) -> Iterator[Waveform]:
    """Join blocks to longer ones of at least `size` samples, but for the last."""
    waiting: list[Waveform] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= size:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _blocks(file: _Source, path: Path, start: int, frames: int) -> Iterator[npt.NDArray[np.float32]]:
    """Read in blocks of shape (frames, channels): memory goes by what is there, not by what the header claims."""
    block = max(1, _BLOCK // file.channels)
    try:
        if file.is_stream:
            while start and (passed := len(file.read(min(start, block), dtype="float32"))):
                start -= passed
        elif start:
            file.seek(start)
        while frames > 0 and len(samples := file.read(min(frames, block), dtype="float32", always_2d=True)):
            yield samples
            frames -= len(samples)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path}: damaged audio ({error.error_string.rstrip('.')})") from error


def _checked_rate(rate: int, path: Path | None = None) -> int:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        where = f"{path}: " if path else ""
        raise AudioError(f"{where}sample rate {rate} Hz is outside {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    return int(rate)
