"""Files and streams by FFmpeg's libraries (PyAV): what libsndfile does not read, or would cut short."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, cast

import av
import numpy as np
import numpy.typing as npt

from oyez.data.audio.formats import mpeg_frame_size
from oyez.data.audio.waveform import AudioError

BLOCK = 1 << 16  # samples that are gathered before they are handed on, over all channels
LIVE_BUFFER = 2048  # bytes that are asked of a stream at once

_TOLERANCE = 0.1  # seconds by which a header's length and the decoded one differ in whole files: an encoder's delay
_WIDE_TOLERANCE = {"matroska": 0.15, "asf": 0.15}  # where that is not taken off
# of these the length stands in the header; of others it is estimated
_TELLING = {
    "mov",
    "avi",
    "asf",
    "wav",
    "w64",
    "flac",
    "aiff",
    "au",
    "caf",
    "flv",
    "matroska",
    "nistsphere",
    "rm",
    "ape",
}
_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICS", b"3DI")  # what may stand between and behind MPEG audio frames
_COUNT = re.compile(rb"(?:Xing|Info)(....)(.{8})", re.DOTALL)  # flags, and frames and bytes where they are given
_COUNTS_BOTH = 3  # in the flags
_LONGEST_FRAME = 2881  # bytes
_SIDE_INFORMATION = 36  # bytes that may lie between the beginning of a frame and that count
# a playlist must not open what it names: nothing is fetched, and no file is read but the one that was given
_OPTIONS = {"protocol_whitelist": "none"}
_FOREIGN_BYTES = 512  # that may stand behind the last frame of a stream: tags
_MAX_FAILURES = 100_000  # packets that cannot be decoded, after which no more are tried
_LIVE_OPTIONS = {"analyzeduration": "200000", "probesize": "8192"}  # microseconds, bytes

av.logging.set_level(None)


class FfmpegSource:
    """An open file, or a stream that comes as it is read.

    Attributes:
        rate: of the samples, in Hz.
        channels: of the first audio stream.
        problem: what was wrong with what was read so far, in words; empty if nothing was.

    Raises:
        AudioError: on opening: it cannot be read; the message gives the reason without the name. On reading nothing is
            raised for damage: it is passed over and noted in `problem`.
    """

    def __init__(self, source: Path | IO[bytes] | io.RawIOBase, size: int = 0) -> None:
        """Open a file of `size` bytes; or, without a size, a stream, of which no more is read ahead than needs be."""
        self._file = _File(source) if isinstance(source, Path) else source
        self._size = size
        try:
            if size:
                self._container = av.open(self._file, "r", options=_OPTIONS, metadata_errors="replace")
            else:
                options = _OPTIONS | _LIVE_OPTIONS
                self._container = av.open(
                    self._file, "r", options=options, buffer_size=LIVE_BUFFER, metadata_errors="replace"
                )
        except (av.FFmpegError, ValueError) as error:
            self._file.close()
            raise AudioError(_reason(error)) from error
        try:
            stream = self._container.streams.best("audio")
            if stream is None:
                kinds = {each.type for each in self._container.streams}
                raise AudioError("there is no sound in it" + (", only pictures" if "video" in kinds else ""))
            context = cast("av.AudioCodecContext | None", stream.codec_context)
            if context is None or not context.sample_rate:
                raise AudioError("its sound is encrypted, or in a codec that is unknown")
            context.options = {"err_detect": "crccheck"}
            self._stream = stream
            self.format: str = self._container.format.name.partition(",")[0]
            self.rate: int = context.sample_rate
            self.channels: int = context.channels
            self.problem = ""
            self.layout = ""  # of the channels, once there is a sample
            self._converted = ("", 0)  # what the converter is made for
            self._convert: av.AudioResampler | None = None
        except BaseException:
            self.close()
            raise

    @property
    def frames(self) -> int | None:
        """The length by the header, in samples; None if it does not stand there."""
        seconds = self._header_seconds()
        return None if seconds is None else round(seconds * self.rate)

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()

    def blocks(self, start: int) -> Iterator[npt.NDArray[Any]]:
        """Decode, and pass over `start` samples: blocks of shape (samples, channels), integers or floating point."""
        passed = 0
        waiting: list[npt.NDArray[Any]] = []
        size = 0
        for samples in self._decoded():
            if passed < start:
                skipped = min(start - passed, len(samples))
                passed += skipped
                samples = samples[skipped:]
            if len(samples):
                if waiting and waiting[-1].dtype != samples.dtype:
                    yield np.concatenate(waiting)
                    waiting, size = [], 0
                waiting.append(samples)
                size += samples.size
            if size >= BLOCK:
                yield np.concatenate(waiting)
                waiting, size = [], 0
        if waiting:
            yield np.concatenate(waiting)

    def convert_to(self, rate: int, layout: str) -> None:
        """Have all samples at this rate and with this layout of channels."""
        self.rate, self.layout = rate, layout

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        """Decode what comes, packet by packet."""
        return self._decoded()

    def _decoded(self) -> Iterator[npt.NDArray[Any]]:
        decoded = 0  # samples
        failures: list[float] = []  # seconds at which a packet could not be decoded
        track = _Track()
        packets = self._container.demux(self._stream)
        while len(failures) <= _MAX_FAILURES:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError, IndexError):  # the last of a stream that damage seems to begin
                failures.append(decoded / self.rate)
                break
            if packet is None:
                break
            track.take(packet)
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                # in front of the first frame, and between tags, there may be anything
                if self.format != "mp3" or (decoded and not bytes(packet).startswith(_TAGS)):
                    failures.append(decoded / self.rate)
                continue
            for frame in frames:
                for samples in self._samples(frame):  # type: ignore[arg-type]  # an audio stream has no other frames
                    decoded += len(samples)
                    yield samples
        self.problem = self._judgement(decoded / self.rate, failures, track)

    def _samples(self, frame: av.AudioFrame) -> Iterator[npt.NDArray[Any]]:
        """Give a frame's samples, shape (samples, channels), at the rate and with the channels of the first one."""
        layout, rate = frame.layout.name, frame.sample_rate
        self.layout = self.layout or layout
        if (layout, rate) != self._converted:  # a chained file may go on in another way
            self._converted = (layout, rate)
            is_same = (layout, rate) == (self.layout, self.rate)
            self._convert = None if is_same else av.AudioResampler("fltp", self.layout, self.rate)
        frames = [frame]
        if self._convert is not None:
            frame.pts = None
            try:
                frames = self._convert.resample(frame)
            except (av.FFmpegError, ValueError):
                frames = []
        for each in frames:
            array = each.to_ndarray()  # (channels, samples) if planar, else (1, samples x channels)
            yield array.T if each.format.is_planar else array.reshape(-1, each.layout.nb_channels)

    def _judgement(self, seconds: float, failures: list[float], track: _Track) -> str:
        """Return what is missing of what was read to its end; nothing if it is whole."""
        if len(failures) > 1:
            return f"damaged in {len(failures)} places from {failures[0]:.1f} s on"
        if failures:
            return f"damaged at {failures[0]:.1f} s"
        expected = self._header_seconds()
        if expected is not None and expected > seconds + max(
            _WIDE_TOLERANCE.get(self.format, _TOLERANCE), 0.001 * expected
        ):
            return f"ends early or is damaged: {seconds:.1f} s of the {expected:.1f} s that its header gives"
        if self.format == "mp3" and (
            track.size < mpeg_frame_size(track.head) or self._counted_bytes(track.first) > self._size
        ):
            return "ends early"
        if self.format == "ac3" and track.size < track.size_before - 2:  # all its frames are of one size
            return "ends early"
        if self.format == "aac" and not track.first and self._size - track.total > _FOREIGN_BYTES:
            return "damaged: parts of it are not AAC"
        if self.format == "wav" and track.total and self._size - track.total > max(4096, track.total // 10):
            return f"damaged: only {seconds:.1f} s of its samples were found"
        return ""

    def _counted_bytes(self, first: int) -> int:
        """Return where an MP3 ends by the count in the frame before its `first` one; 0 if there is no count."""
        if not first or not self._size:
            return 0
        begin = max(0, first - _LONGEST_FRAME)
        self._file.seek(begin)
        count = _COUNT.search(self._file.read(first - begin))
        if count is None or int.from_bytes(count[1], "big") & _COUNTS_BOTH != _COUNTS_BOTH:
            return 0
        return begin + count.start() - _SIDE_INFORMATION + int.from_bytes(count[2][4:], "big")

    def _header_seconds(self) -> float | None:
        if self.format not in _TELLING:
            return None
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        if self.format == "matroska" and len(self._container.streams) > 1:
            tag = re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", self._stream.metadata.get("DURATION", "").rstrip("\0"))
            return None if tag is None else int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        return None if self._container.duration is None else float(Fraction(self._container.duration, av.time_base))


class _File(io.FileIO):
    """A file for FFmpeg, which a damaged one may send to places that do not exist: it is told so, and goes on."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError):
            return -1


@dataclass
class _Track:
    """What the packets of a file show of its bytes."""

    first: int = 0  # where the first one begins
    total: int = 0  # of all
    size: int = 0  # of the last one
    size_before: int = 0  # of the last but one
    head: bytes = b""  # the last one's first bytes

    def take(self, packet: av.Packet[Any]) -> None:
        if not packet.size:  # the end
            return
        if not self.total:
            self.first = packet.pos or 0
        self.total += packet.size
        self.size_before, self.size = self.size, packet.size
        self.head = bytes(packet)[:4]


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
