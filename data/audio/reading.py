"""Files as waveforms: whole, in blocks, and what their headers say."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from oyez.data.audio.decoder import Decoder
from oyez.data.audio.raw import RawFormat
from oyez.data.audio.waveform import (
    AudioError,
    AudioWarning,
    IncompleteAudioWarning,
    Mixer,
    StreamResampler,
    Warn,
    Waveform,
    resampled,
)

BLOCK_SECONDS = 30.0  # of a file that is read block by block


def read_audio(
    path: str | PathLike[str],
    offset: float = 0.0,
    duration: float | None = None,
    raw: RawFormat | None = None,
    warn: Warn = warnings.warn,
) -> Waveform:
    """Read a file, or the part of it from `offset` on, as a waveform.

    Args:
        path: a file of any format that libsndfile or FFmpeg reads (WAV, FLAC, MP3, M4A, WebM, ...), or a pipe.
        offset: where to begin, in seconds.
        duration: how much to read, in seconds; None reads to the end. A file that ends earlier gives what there is.
        raw: how to read samples without a header.
        warn: takes an AudioWarning for each thing that is to be reported; an IncompleteAudioWarning where a part of
            the file is missing or damaged.

    Returns:
        float32, shape (samples,), 16 kHz, channels mixed (see `Mixer`).

    Raises:
        AudioError: the file is missing, is no audio, is damaged, or holds no samples there.
    """
    path = Path(path)
    with Decoder(path, raw) as decoder:
        blocks = list(_mono(decoder, offset, duration, None, warn))
        waveform = resampled(np.concatenate(blocks), decoder.rate) if blocks else np.zeros(0, np.float32)
    if not len(waveform):
        raise _nothing(decoder, offset)
    return waveform


def audio_blocks(
    path: str | PathLike[str],
    offset: float = 0.0,
    duration: float | None = None,
    channel: int | None = None,
    raw: RawFormat | None = None,
    warn: Warn = warnings.warn,
) -> Iterator[Waveform]:
    """Read a file of any length, or a part of it, as the blocks of its waveform; no more than two are in memory.

    Args:
        path: as in `read_audio`.
        offset: where to begin, in seconds.
        duration: how much to read, in seconds; None reads to the end.
        channel: read this one, counted from 0, alone; None mixes all channels.
        raw: as in `read_audio`.
        warn: as in `read_audio`; warnings come before the last block does.

    Yields:
        float32, shape (samples,), 16 kHz, about BLOCK_SECONDS each. What fits in one block is just as `read_audio`
        gives it.

    Raises:
        AudioError: as `read_audio` does, at the latest where the damage is; or there is no such channel.
    """
    path = Path(path)
    with Decoder(path, raw) as decoder:
        if channel is not None and channel >= decoder.channels:
            raise AudioError(f"{path}: no channel {channel + 1}, the file has {decoder.channels}")
        mono = _mono(decoder, offset, duration, channel, warn)
        blocks = _gathered(mono, round(BLOCK_SECONDS * decoder.rate))
        last = next(blocks, np.zeros(0, np.float32))
        second = next(blocks, None)
        if second is None:
            waveform = resampled(last, decoder.rate)
            if not len(waveform):
                raise _nothing(decoder, offset)
            yield waveform
            return
        resample = StreamResampler(decoder.rate)
        for block in itertools.chain([second], blocks):
            yield resample(last)
            last = block
        yield resample(last, last=True)


def audio_duration(path: str | PathLike[str], raw: RawFormat | None = None) -> float:
    """Return the length of a file in seconds. Raises AudioError like `read_audio`.

    It is the header's where that is sure to be right (WAV, FLAC and others); else the file is decoded.
    """
    with Decoder(Path(path), raw) as decoder:
        if decoder.is_certain and decoder.frames is not None:
            return decoder.frames / decoder.rate
        return sum(len(block) for block in decoder.blocks()) / decoder.rate


def header_duration(path: str | PathLike[str], raw: RawFormat | None = None) -> float | None:
    """Return the length of a file in seconds as far as its header tells at once, for a display; else None."""
    try:
        with Decoder(Path(path), raw) as decoder:
            return None if not decoder.frames else decoder.frames / decoder.rate
    except AudioError:
        return None


def audio_channels(path: str | PathLike[str], raw: RawFormat | None = None) -> int:
    """Return the number of channels of a file. Raises AudioError like `read_audio`."""
    with Decoder(Path(path), raw) as decoder:
        return decoder.channels


def _mono(
    decoder: Decoder, offset: float, duration: float | None, channel: int | None, warn: Warn
) -> Iterator[Waveform]:
    """Read a part of a file as blocks of one channel, at the file's rate, and report what was found."""
    path, rate = decoder.path, decoder.rate
    start = round(offset * rate)
    if start < 0 or (start and decoder.is_certain and decoder.frames is not None and start >= decoder.frames):
        raise _nothing(decoder, offset)

    def named(warning: AudioWarning) -> None:
        warn(type(warning)(f"{path}: {warning}"))

    mix = Mixer(named, channel)
    samples = 0
    try:
        for block in decoder.blocks(start, None if duration is None else round(duration * rate)):
            samples += len(block)
            yield mix(block)
    except AudioError as error:
        raise error if str(error).startswith(f"{path}: ") else AudioError(f"{path}: {error}") from error
    if samples:
        for problem in decoder.problems:
            named(IncompleteAudioWarning(problem))
        if not start and duration is None and not decoder.problems:
            mix.finish()


def _nothing(decoder: Decoder, offset: float) -> AudioError:
    """Return the error for a part of a file in which there is nothing."""
    if offset and decoder.frames and decoder.is_certain:
        end = f", the file ends at {decoder.frames / decoder.rate:g} s"
    else:
        end = ""
    where = f"nothing to read at {offset:g} s{end}" if offset else "the file holds no samples"
    reason = f" ({decoder.problems[0]})" if decoder.problems else ""
    return AudioError(f"{decoder.path}: {where}{reason}")


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
