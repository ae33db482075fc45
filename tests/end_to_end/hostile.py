"""Makes a folder of damaged and hostile files, and good ones among them.

python -m tests.end_to_end.hostile FOLDER
"""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from tests.data.media import MEDIA, write_media

CLIP = Path(__file__).parents[1] / "audio" / "yes.flac"

# of a plain WAV file: where each field of the header lies, and how many bytes it has
WAV_FIELDS = {
    "riff": (0, 4), "riff_size": (4, 4), "wave": (8, 4), "fmt": (12, 4), "fmt_size": (16, 4), "codec": (20, 2),
    "channels": (22, 2), "rate": (24, 4), "byte_rate": (28, 4), "block": (32, 2), "bits": (34, 2), "data": (36, 4),
    "data_size": (40, 4),
}  # fmt: skip
LIES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass
class Corpus:
    """What was made: files that must be transcribed, files that must fail, and files that may do either."""

    good: list[Path] = field(default_factory=list)
    bad: list[Path] = field(default_factory=list)
    either: list[Path] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return self.good + self.bad + self.either


def make(folder: Path) -> Corpus:
    """Fill a folder, which must not exist yet."""
    folder.mkdir(parents=True)
    corpus = Corpus()
    speech, rate = soundfile.read(CLIP, dtype="float32")
    short = speech[: rate // 20]
    for ending, options in {
        "wav": {},
        "float.wav": {"subtype": "FLOAT"},
        "flac": {},
        "ogg": {},
        "mp3": {},
        "aiff": {},
        "w64": {},
        "rf64": {"format": "RF64"},
        "au": {},
        "caf": {},
    }.items():
        content = encoded(short, rate, ending, **options)
        suffix = {"rf64": "wav"}.get(ending, ending)
        for length in cuts(len(content)):
            corpus.either.append(write(folder / f"cut_{ending}_{length:03}.{suffix}", content[:length]))
        corpus.good.append(write(folder / f"whole_{ending}.{suffix}", encoded(speech, rate, ending, **options)))
    for ending in sorted(set(MEDIA) - {"ts"}):  # which goes by content: cut to nothing, it is no recording
        whole = write_media(folder / f"whole_media.{ending}", speech, ending)
        corpus.good.append(whole)
        content = whole.read_bytes()
        for share in (0.02, 0.3, 0.7, 0.98):
            cut = folder / f"cut_media_{share:g}.{ending}"
            corpus.either.append(write(cut, content[: round(len(content) * share)]))
    for ending in ("wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "caf", "w64", "rf64", "voc", "aif"):
        corpus.bad.append(write(folder / f"empty.{ending}", b""))
    corpus.either += lying_headers(folder, encoded(short, rate, "wav"))
    corpus.bad += foreign_content(folder)
    corpus.bad += impossible_samples(folder, short, rate)
    corpus.good += odd_shapes(folder, speech, rate)
    corpus.good += odd_names(folder)
    corpus.bad += no_files(folder)
    return corpus


def encoded(samples: np.ndarray, rate: int, ending: str, **options: str) -> bytes:
    """Return a recording as the bytes of a file."""
    buffer = io.BytesIO()
    options = {"format": ending.rpartition(".")[2].upper(), **options}
    soundfile.write(buffer, samples, rate, **options)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def cuts(size: int) -> list[int]:
    """Lengths that end within each field of a header: every second byte, then ever fewer."""
    return [length for length in [*range(1, 64, 2), *range(64, 256, 24)] if length < size]


def lying_headers(folder: Path, content: bytes) -> Iterator[Path]:
    for name, (place, size) in WAV_FIELDS.items():
        for lie in LIES:
            value = (lie & (1 << 8 * size) - 1).to_bytes(size, "little")
            changed = content[:place] + value + content[place + size :]
            yield write(folder / f"lie_{name}_{lie:x}.wav", changed)
    for hours in (24, 24_000):  # by the header only
        claimed = struct.pack("<I", min(hours * 3600 * 32_000, 0xFFFFFFF0))
        yield write(folder / f"silence_of_{hours}_hours.wav", content[:40] + claimed + bytes(3200))
    for rate in (0, 1, 999, 10_000_000, 0xFFFFFFFF):
        yield write(folder / f"rate_{rate}.wav", content[:24] + struct.pack("<I", rate) + content[28:])


def foreign_content(folder: Path) -> Iterator[Path]:
    for name, content in {
        "page.wav": b"<!doctype html><title>404</title>",
        "picture.flac": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "archive.ogg": b"\x1f\x8b\x08" + bytes(200),
        "zeros.wav": bytes(4096),
        "ones.mp3": b"\xff" * 4096,
        "text.aiff": b"these are words and no sounds\n" * 50,
        "script.wav": b"#!/bin/sh\nrm -rf /\n",
        "utf16.wav": "RIFF".encode("utf-16") * 50,
    }.items():
        yield write(folder / name, content)


def impossible_samples(folder: Path, samples: np.ndarray, rate: int) -> Iterator[Path]:
    for subtype in ("FLOAT", "DOUBLE"):
        for name, value in {"nan": np.nan, "infinity": np.inf, "minus_infinity": -np.inf}.items():
            broken = samples.copy()
            broken[len(broken) // 2] = value
            path = folder / f"{name}_{subtype.lower()}.wav"
            soundfile.write(path, broken, rate, subtype=subtype)
            yield path
    soundfile.write(folder / "no_samples.wav", samples[:0], rate)
    yield folder / "no_samples.wav"


def odd_shapes(folder: Path, speech: np.ndarray, rate: int) -> Iterator[Path]:
    for channels in (2, 7, 64, 255):
        path = folder / f"{channels}_channels.wav"
        soundfile.write(path, np.repeat(speech[:, None], channels, axis=1), rate)
        yield path
    yield write(folder / "really_flac.wav", CLIP.read_bytes())
    yield write(folder / "really_wav.mp3", encoded(speech, rate, "wav"))
    yield write(folder / "with_a_tail.wav", encoded(speech, rate, "wav") + b"tail" * 1000)
    loud = folder / "too_loud.wav"
    soundfile.write(loud, np.clip(speech * 1.5, -1.2, 1.2), rate, subtype="FLOAT")
    yield loud


def odd_names(folder: Path) -> Iterator[Path]:
    content = CLIP.read_bytes()
    names: list[bytes] = [
        b"new\nline.flac", b"tab\there.flac", b"return\rhere.flac", b"escape\x1b[31mred.flac", b"bell\x07.flac",
        b"quote'.flac", b'quotes"".flac', b"back\\slash.flac", b"$(touch pwned).flac", b"semi;colon.flac",
        b"-f.flac", b"--help.flac", b"@list.flac", b"*.flac", b"[a-z].flac", b"  spaces  .flac", b"~.flac",
        b"%s%n%d.flac", b"[bold]markup.flac", b"..flac", b"...flac", b"CON.flac", b"a.b.c.d.flac", b"UPPER.FLAC",
        "emoji 🎙️🇬🇧.flac".encode(), "ünïcödé.flac".encode(), "e\u0301.flac".encode(), "\u202egnp.flac".encode(),
        "\u2028line\u2028separator.flac".encode(), "عربى.flac".encode(), b"caf\xe9.flac", b"\xff\xfe.flac",
        b"x" * 250 + b".flac", "é".encode() * 125 + b".flac",
    ]  # fmt: skip
    for name in names:
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        yield write(path, content)


def no_files(folder: Path) -> Iterator[Path]:
    (folder / "folder.wav").mkdir()  # is searched, and holds nothing
    os.mkfifo(folder / "pipe.wav")
    yield folder / "pipe.wav"
    (folder / "dangling.wav").symlink_to("nowhere.wav")
    yield folder / "dangling.wav"
    (folder / "loop.wav").symlink_to("loop.wav")
    yield folder / "loop.wav"
    with suppress(OSError), socket.socket(socket.AF_UNIX) as listener:  # a path too long for a socket has none
        listener.bind(str(folder / "socket.wav"))
        yield folder / "socket.wav"
    if os.geteuid() != 0:  # whom nothing is forbidden
        locked = write(folder / "locked.wav", CLIP.read_bytes())
        locked.chmod(0)
        yield locked


if __name__ == "__main__":
    made = make(Path(sys.argv[1]))
    sys.stdout.write(f"{len(made.good)} good, {len(made.bad)} bad, {len(made.either)} of either kind\n")
