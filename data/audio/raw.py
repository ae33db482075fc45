"""Samples without a header: their rate, channels and encoding are given by whoever reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from oyez.data.audio.waveform import MAX_CHANNELS, SAMPLE_RATE, AudioError, checked_rate

Encoding = Literal[
    "s8", "u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be", "f64le", "f64be",
    "mulaw", "alaw",
]  # fmt: skip
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

_WIDTHS: dict[str, int] = {"s8": 1, "u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8, "mulaw": 1, "alaw": 1}
_SUBTYPES = {  # libsndfile's names
    "s8": "PCM_S8", "u8": "PCM_U8", "s16": "PCM_16", "s24": "PCM_24", "s32": "PCM_32", "f32": "FLOAT", "f64": "DOUBLE",
    "mulaw": "ULAW", "alaw": "ALAW",
}  # fmt: skip


@dataclass(frozen=True)
class RawFormat:
    """How samples without a header are to be read.

    Raises:
        AudioError: no recording has such a rate, such a number of channels or such an encoding.
    """

    rate: int = SAMPLE_RATE  # Hz
    channels: int = 1
    encoding: Encoding = "s16le"

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise AudioError(f"encoding {self.encoding!r} is unknown; there are {', '.join(ENCODINGS)}")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise AudioError(f"{self.channels} channels; expected 1 to {MAX_CHANNELS}")
        checked_rate(self.rate)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of each channel."""
        return _WIDTHS[self._type] * self.channels

    @property
    def is_big_endian(self) -> bool:
        """Whether the first byte of a sample is its highest."""
        return self.encoding.endswith("be")

    @property
    def subtype(self) -> str:
        """The encoding as libsndfile calls it."""
        return _SUBTYPES[self._type]

    @property
    def _type(self) -> str:
        return self.encoding.removesuffix("le").removesuffix("be")

    def samples(self, data: bytes) -> npt.NDArray[Any]:
        """Return whole frames of bytes as samples, shape (samples, channels): integers or floating point."""
        order = ">" if self.is_big_endian else "<"
        samples: npt.NDArray[Any]
        if self._type in ("mulaw", "alaw"):
            table = _mulaw_table() if self._type == "mulaw" else _alaw_table()
            samples = table[np.frombuffer(data, np.uint8)]
        elif self._type == "s24":  # numpy has no such number: the samples become the upper bytes of 32 bits
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
            wide[:, 1:] = triples[:, ::-1] if self.is_big_endian else triples
            samples = wide.view("<i4")[:, 0]
        else:
            kind = {"s": "i", "u": "u", "f": "f"}[self._type[0]]
            samples = np.frombuffer(data, f"{order}{kind}{_WIDTHS[self._type]}")
        return samples.reshape(-1, self.channels)


@cache
def _mulaw_table() -> npt.NDArray[np.int16]:
    """The 16-bit sample of each byte in mu-law (ITU-T G.711)."""
    byte = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return np.where(byte & 0x80, -magnitude, magnitude).astype(np.int16)


@cache
def _alaw_table() -> npt.NDArray[np.int16]:
    """The 16-bit sample of each byte in A-law (ITU-T G.711)."""
    byte = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = byte >> 4 & 7, (byte & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, mantissa + 0x108 << np.maximum(exponent - 1, 0))
    return np.where(byte & 0x80, magnitude, -magnitude).astype(np.int16)
