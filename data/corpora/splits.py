"""Splits of what has none of its own: by a hash of the name, so that they stay the same wherever the files lie."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

HashedSplit = Literal["training", "validation"]
VALIDATION_RECORDINGS = 20  # of recordings without a split of their own, one in so many is for validation
VALIDATION_NOISES = 8  # likewise of recordings of noise

_COUNTER = re.compile(
    r"[-_]?\d+$"
)  # the number of a piece, at the end of the names of what was cut out of one recording


def hashed_split(name: str, validation_one_in: int) -> HashedSplit:
    """Return the split of a recording by its name: one in `validation_one_in` names is for validation."""
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
    return "validation" if int.from_bytes(digest[:8], "big") % validation_one_in == 0 else "training"


def noise_files(files: Iterable[Path], split: HashedSplit) -> list[Path]:
    """Return the recordings of noise of a split; pieces of one recording, named by a number, stay together."""
    return [file for file in files if hashed_split(_COUNTER.sub("", file.stem), VALIDATION_NOISES) == split]
