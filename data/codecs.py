"""Lossy codecs, in memory: what a recording sounds like that came as MP3, or over the telephone.

A model must not learn the codec of a corpus for the speech in it. They differ in what they cost: MP3 as much as five
times ADPCM, Vorbis half of MP3, GSM two fifths, mu-law next to nothing.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal, get_args

import numpy as np
import soundfile
import soxr

from oyez.data.audio import SAMPLE_RATE, Waveform

Codec = Literal["mp3", "vorbis", "adpcm", "gsm", "mu-law"]
CODECS: tuple[Codec, ...] = get_args(Codec)

_TELEPHONE_RATE = 8_000  # Hz
# libsndfile's compression level, 0 (best) to 1. MP3 in its average mode has 56 to 10 kbit/s here, and its decoder takes
# away the delay of the encoder; constant rates below 40 kbit/s leave no room for the header that tells of it
_LEVELS: dict[Codec, tuple[float, float]] = {"mp3": (0.7, 0.99), "vorbis": (0.6, 1.0)}
_FORMATS: dict[Codec, dict[str, str]] = {
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "AVERAGE"},
    "vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "adpcm": {"format": "WAV", "subtype": "IMA_ADPCM"},
    "gsm": {"format": "WAV", "subtype": "GSM610"},  # full rate, as mobile telephones had it first
    "mu-law": {"format": "WAV", "subtype": "ULAW"},  # G.711, of the telephone network
}


def through_codec(waveform: Waveform, codec: Codec, rng: np.random.Generator) -> Waveform:
    """Encode and decode a waveform, at a bit rate drawn from low ones where there is a choice.

    GSM and mu-law do so at the 8 kHz of a telephone. What comes out is as long, and nothing in it is moved. Samples
    beyond 1 may be clipped, and others may come to lie there.
    """
    if not len(waveform):
        return waveform
    settings: dict[str, Any] = dict(_FORMATS[codec])
    if codec in _LEVELS:
        settings["compression_level"] = float(rng.uniform(*_LEVELS[codec]))
    rate = _TELEPHONE_RATE if codec in ("gsm", "mu-law") else SAMPLE_RATE
    encoded = BytesIO()
    soundfile.write(encoded, soxr.resample(waveform, SAMPLE_RATE, rate, quality="MQ"), rate, **settings)
    encoded.seek(0)
    decoded, _ = soundfile.read(encoded, dtype="float32")
    heard = soxr.resample(decoded, rate, SAMPLE_RATE, quality="MQ")[: len(waveform)]
    return np.pad(heard, (0, len(waveform) - len(heard))).astype(np.float32)
