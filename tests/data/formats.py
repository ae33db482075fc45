"""The formats and rates that recordings come in."""

FORMATS = {  # ending: options of soundfile.write
    "pcm16.wav": {"subtype": "PCM_16"},
    "pcm24.wav": {"subtype": "PCM_24"},
    "pcm32.wav": {"subtype": "PCM_32"},
    "float.wav": {"subtype": "FLOAT"},
    "double.wav": {"subtype": "DOUBLE"},
    "u8.wav": {"subtype": "PCM_U8"},
    "ulaw.wav": {"subtype": "ULAW"},
    "flac": {},
    "ogg": {"subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {},
    "aiff": {},
}
RATES = (8000, 11025, 22050, 44100, 48000)
