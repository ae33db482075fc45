"""Audio as every other module sees it: a float32 mono waveform in [-1, 1], shape (samples,), at 16 kHz.

Whatever comes in (a file of any format, rate and number of channels; a chunk from a browser or a sound card) is
converted here, once, and is a plain waveform from then on. Files are read by libsndfile and, where that cannot read
them or would cut them short, by FFmpeg's libraries, which the package `av` brings along.
"""

from oyez.data.audio.formats import RAW_SUFFIXES, SUFFIXES, content_kind, is_media, media_at, media_kind
from oyez.data.audio.raw import ENCODINGS, RawFormat
from oyez.data.audio.reading import audio_blocks, audio_channels, audio_duration, header_duration, read_audio
from oyez.data.audio.waveform import (
    HIGHEST_RATE,
    HOP,
    LOWEST_RATE,
    SAMPLE_RATE,
    AudioError,
    AudioWarning,
    IncompleteAudioWarning,
    Mixer,
    StreamResampler,
    Warn,
    Waveform,
    to_mono,
    to_waveform,
)

__all__ = [
    "ENCODINGS",
    "HIGHEST_RATE",
    "HOP",
    "LOWEST_RATE",
    "RAW_SUFFIXES",
    "SAMPLE_RATE",
    "SUFFIXES",
    "AudioError",
    "AudioWarning",
    "IncompleteAudioWarning",
    "Mixer",
    "RawFormat",
    "StreamResampler",
    "Warn",
    "Waveform",
    "audio_blocks",
    "audio_channels",
    "audio_duration",
    "content_kind",
    "header_duration",
    "is_media",
    "media_at",
    "media_kind",
    "read_audio",
    "to_mono",
    "to_waveform",
]
