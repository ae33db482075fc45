"""The pages of an Ogg file (RFC 3533): what its decoders do not say, that it has several parts, or lacks some."""

from __future__ import annotations

import mmap
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = struct.Struct("<4sBBqIIIB")  # mark, version, flags, granule, serial, sequence, checksum, segments
_FIRST, _LAST = 2, 4  # flags of a page
_CHECKSUM = slice(22, 26)  # where it stands in a page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass
class OggPages:
    """What the pages tell."""

    starts: list[int] = field(default_factory=list)  # bytes at which the parts begin that follow each other
    damaged: int = 0  # pages that are missing, or are not as they were written
    is_cut: bool = True  # whether the end is missing


def read_pages(path: Path) -> OggPages:
    """Go from page to page of an Ogg file. Raises OSError and, of an empty file, ValueError."""
    pages = OggPages()
    expected: dict[int, int] = {}  # sequence number of the next page of each stream, once it has sound
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b"OggS")
        is_beginning = False
        while place >= 0 and place + _HEADER.size <= len(content):
            mark, _, flags, granule, serial, sequence, checksum, segments = _HEADER.unpack_from(content, place)
            if mark != b"OggS":
                pages.damaged += 1
                place = content.find(b"OggS", place)
                continue
            table = place + _HEADER.size
            end = table + segments + sum(content[table : table + segments])
            if end > len(content):
                pages.is_cut = True
                break
            is_next = flags & _FIRST or sequence == expected.get(serial, sequence)
            if not is_next or _checksum(content[place:end]) != checksum:
                pages.damaged += 1
            if granule > 0:  # a stream that somebody tuned in to begins with its headers, and goes on anywhere
                expected[serial] = sequence + 1 & 0xFFFFFFFF
            if flags & _FIRST and not is_beginning:
                pages.starts.append(place)
            is_beginning = bool(flags & _FIRST)  # the first pages of streams that accompany each other stand together
            pages.is_cut = not flags & _LAST
            place = end
    return pages


def _checksum(page: bytes) -> int:
    """Return the checksum of a page: a CRC whose bits run the other way than those of zlib's, from 0 on."""
    zeroed = page[: _CHECKSUM.start] + bytes(4) + page[_CHECKSUM.stop :]
    reversed_crc = zlib.crc32(zeroed.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reversed_crc:032b}"[::-1], 2)
