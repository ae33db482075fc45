"""What a file is: by its ending where a folder is searched, by its first bytes everywhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import soundfile

HEAD = 4096  # bytes that tell what a file is

#: Endings of samples without a header, which are read only where their format is given.
RAW_SUFFIXES = frozenset({".raw", ".pcm", ".sln", ".sw", ".ul", ".al", ".ulaw", ".alaw", ".s16", ".f32"})

_ENDINGS = (
    "3g2 3ga 3gp 3gpp 8svx aac aax ac3 adts adx aif aifc aiff aiffc amr ape asf asx au avi avr awb bwf caf cda dff "
    "divx dsf dss dts dtshd dv ec3 eac3 f4a f4b f4v flac flv gsm ircam m1a m2a m2ts m4a m4b m4p m4r m4v mka mkv mlp "
    "mov mp+ mp1 mp2 mp3 mp4 mp4a mpa mpc mpeg mpg mpga mpv mxf nist nsv nut oga ogg ogm ogv oma omg opus qcp qt ra "
    "ram rf64 rm rmvb sd2 snd sph spx tak tta vob voc vox w64 wav wave webm wma wmv wtv wv "
)
_UNMARKED_ENDINGS = (
    "aac aax ac3 adts adx cda dsf dss dts dtshd dv ec3 eac3 m1a m2a m2ts mlp mp+ mp1 mp2 mp3 mpa mpeg mpg mpga mpv mxf "
    "nsv nut oma omg qcp ra ram rm rmvb tak vob wtv"
)

#: The endings that are taken for recordings when a folder is searched. What is also the ending of something else
#: (.ts, .mts, .it, .mat) goes by content.
SUFFIXES = (
    frozenset(f".{name}" for name in [*map(str.lower, soundfile.available_formats()), *_ENDINGS.split()]) - RAW_SUFFIXES
)

#: Endings of formats that begin in no way of their own, or in one that is not known here: FFmpeg judges them by more.
UNMARKED_SUFFIXES = frozenset(f".{name}" for name in _UNMARKED_ENDINGS.split())

_MEDIA: tuple[tuple[int, bytes, str], ...] = (  # where it stands, the bytes, what it is
    (0, b"RF64", "RF64"), (0, b"RIFX", "WAV"), (0, b"BW64", "RF64"), (8, b"WAVE", "WAV"), (8, b"AVI ", "AVI"),
    (0, b"riff\x2e\x91\xcf\x11", "W64"), (0, b"fLaC", "FLAC"), (0, b"OggS", "Ogg"), (0, b"ID3", "MP3"),
    (0, b"FORM", "AIFF"), (0, b".snd", "AU"), (0, b"dns.", "AU"), (0, b"caff", "CAF"), (0, b"#!AMR", "AMR"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"), (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (4, b"ftyp", "MP4"), (4, b"moov", "MP4"), (4, b"mdat", "MP4"), (4, b"wide", "MP4"), (4, b"skip", "MP4"),
    (0, b"FLV\x01", "Flash video"), (0, b"MAC ", "Monkey's Audio"), (0, b"wvpk", "WavPack"), (0, b"TTA1", "TTA"),
    (0, b"tBaK", "TAK"), (0, b"DSD ", "DSF"), (0, b"FRM8", "DFF"), (0, b"MPCK", "Musepack"), (0, b"MP+", "Musepack"),
    (0, b".RMF", "RealMedia"), (0, b".ra\xfd", "RealAudio"), (0, b"NIST_1A", "NIST SPHERE"),
    (0, b"Creative Voice File", "VOC"), (0, b"ADIF", "AAC"), (0, b"\x64\xa3", "IRCAM"),
    (0, b"\x00\x00\x01\xba", "MPEG"), (0, b" paf", "PAF"), (0, b"fap ", "PAF"), (0, b"2BIT", "AVR"),
    (0, b"PVF1", "PVF"),
)  # fmt: skip

_OTHER: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the file itself: git lfs pull"),
    (0, b"%PDF", "a PDF document"), (0, b"PK\x03\x04", "a ZIP archive"), (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (0, b"Rar!", "a RAR archive"), (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"), (0, b"GIF8", "a GIF picture"), (0, b"MThd", "MIDI: notes, not sound"),
    (0, b"\x7fELF", "a program"), (0, b"\x00\x05\x16\x07", "a resource fork that macOS left beside a file"),
    (0, b"SQLite format 3", "a database"),
)  # fmt: skip

_HTML = re.compile(rb"^\s*(<!doctype html|<html)", re.IGNORECASE)
_BITRATES = {  # kbit/s of an MPEG audio frame, by the index in its header
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),  # MPEG 1, layer II
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
}
_FRAMES = 3  # of MPEG audio in a row: chance does not make them of other bytes


def is_media(head: bytes) -> bool:
    """Tell whether a file that begins so is a recording or a film, of any kind that has a header."""
    return media_kind(head) is not None


def media_at(path: Path) -> bool:
    """Tell whether a regular file begins as a recording or a film does. Raises OSError."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_media(file.read(HEAD))


def media_kind(head: bytes) -> str | None:
    """Return the name of the media format that a file begins in; None if it is none that is known."""
    for start, mark, name in _MEDIA:
        if head.startswith(mark, start) and (start < 8 or head.startswith(b"RIFF")):
            return name
    if _repeats(head, 0, _adts_frame_size):
        return "AAC"
    # what was cut out of a stream begins anywhere
    if any(_repeats(head, match.start(), mpeg_frame_size) for match in re.finditer(rb"\xff[\xe2-\xe5\xf2-\xfd]", head)):
        return "MP3"
    if head.startswith(b"\x0b\x77") and len(head) > 5 and head[5] >> 3 in (*range(4, 9), 16):
        return "AC-3"
    for size, first in ((188, 0), (192, 4)):
        if len(head) > first + 3 * size and all(head[first + number * size] == 0x47 for number in range(4)):
            return "MPEG transport stream"
    return None


def content_kind(head: bytes) -> str | None:
    """Return what a file that is no recording is, by its first bytes, in words; None if that cannot be told."""
    for start, mark, name in _OTHER:
        if head.startswith(mark, start):
            return name
    if _HTML.match(head):
        return "an HTML page, as a failed download leaves it"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or is_text(head):
        return "text"
    return None


def is_text(head: bytes) -> bool:
    """Tell whether bytes are plain text: at least 16 of them, and no control character among them."""
    return len(head) >= 16 and all(byte in b"\t\n\r\f" or 32 <= byte != 127 for byte in head) and _is_utf8(head)


def id3_size(head: bytes) -> int:
    """Return the bytes of the ID3v2 tag that a file begins with, of whatever kind it is; 0 if there is none."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:  # seven bits each
        size = size << 7 | byte & 0x7F
    return size + 10


def mpeg_frame_size(header: bytes) -> int:
    """Return the bytes of the MPEG audio frame (MP2, MP3) that a header of four bytes begins; 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # version 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer not in (2, 3) or bitrate in (0, 15) or rate == 3:
        return 0
    generation = 1 if version == 3 else 2
    kbits = _BITRATES[generation, layer if generation == 1 else 2][bitrate - 1]
    hertz = (44100, 48000, 32000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    slots = 72 if (generation, layer) == (2, 3) else 144
    return slots * kbits * 1000 // hertz + (header[2] >> 1 & 1)


def _adts_frame_size(header: bytes) -> int:
    """Return the bytes of the AAC frame that a header of seven bytes begins; 0 if it is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return 0
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > 7 else 0


def _repeats(head: bytes, start: int, frame_size: Callable[[bytes], int]) -> bool:
    """Whether frames of one kind follow each other, each where the one before it ends, as far as the bytes go."""
    kind = head[start + 1 : start + 2]
    for number in range(_FRAMES):
        if number >= 2 and start + 7 > len(head):
            return True
        size = frame_size(head[start : start + 7])
        if size == 0 or head[start + 1 : start + 2] != kind:
            return False
        start += size
    return True


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(content) - 3  # a letter that was cut in two
    return True
