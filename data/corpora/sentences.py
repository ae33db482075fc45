"""Text to learn a language from: any file of UTF-8 text, plain or gzip, one sentence a line."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from oyez.data.text import TextError, normalise

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Sentences:
    """What a file holds."""

    texts: list[str]  # normalised, none empty
    left_out: list[str]  # a line for each that cannot be spelled, naming it


def read_sentences(path: Path) -> Sentences:
    """Read and normalise the lines of a file.

    Raises:
        TextError: the file cannot be read, is no text, or holds no sentence that can be spelled.
    """
    try:
        content = path.read_bytes()
        lines = (gzip.decompress(content) if content.startswith(_GZIP) else content).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise TextError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TextError(f"{path}: a damaged gzip file ({error})") from error
    except OSError as error:
        raise TextError(f"{path}: cannot be read ({error.strerror})") from error
    texts: list[str] = []
    left_out: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            text = normalise(line)
        except TextError as error:
            left_out.append(f"{path}, line {number}: {error}")
            continue
        if text:
            texts.append(text)
    if not texts:
        raise TextError(f"{path}: no sentence in it (expected one a line)")
    return Sentences(texts, left_out)
