"""Recordings in the formats of telephones, browsers and video cameras, written by FFmpeg's libraries."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr

#: ending -> (codec, rate in Hz, container's name where the ending does not tell)
MEDIA: dict[str, tuple[str, int, str | None]] = {
    "m4a": ("aac", 16_000, "ipod"),
    "alac.m4a": ("alac", 16_000, "ipod"),
    "mp4": ("aac", 44_100, None),
    "mov": ("aac", 16_000, None),
    "3gp": ("aac", 16_000, None),
    "webm": ("libopus", 48_000, None),
    "mkv": ("libmp3lame", 16_000, None),
    "mka": ("libopus", 48_000, "matroska"),
    "avi": ("libmp3lame", 16_000, None),
    "wma": ("wmav2", 16_000, "asf"),
    "aac": ("aac", 16_000, "adts"),
    "ac3": ("ac3", 48_000, None),
    "mp2": ("mp2", 48_000, None),
    "ts": ("aac", 16_000, "mpegts"),
    "bare.mp3": ("libmp3lame", 16_000, "mp3"),
}


def write_media(path: Path, waveform: npt.NDArray[np.float32], ending: str | None = None) -> Path:
    """Write a mono waveform at 16 kHz to a file of one of the kinds above; return its path."""
    codec, rate, container = MEDIA[ending or path.suffix[1:]]
    samples = soxr.resample(waveform, 16_000, rate).astype(np.float32)
    options = {"write_xing": "0", "id3v2_version": "0"} if ending == "bare.mp3" else {}
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if codec in ("libmp3lame", "wmav2"):
            stream.codec_context.bit_rate = 48_000
        convert = av.AudioResampler(stream.codec_context.format or "s16", "mono", rate, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for piece in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path
