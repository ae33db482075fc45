"""Hold out a part of somebody's recordings: whole speakers, or of a single speaker whole recordings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from oyez.data.manifest import Utterance
from oyez.training.errors import DataError

ONE_IN = 5  # speakers or recordings is held out


def hold_out(utterances: Sequence[Utterance], root: Path) -> tuple[list[Utterance], list[Utterance]]:
    """Split recordings into those to learn from and those to measure on.

    Args:
        utterances: of one folder. Where there are several speakers, whole speakers are held out; of a single one, or
            of speakers without names, whole recordings.
        root: the folder; recordings count by their path below it, so that the split stays when the folder is moved.

    Raises:
        DataError: there is only one recording.
    """
    several = len({utterance.speaker for utterance in utterances}) > 1
    root = root.resolve() if root.is_dir() else root.resolve().parent
    names = [utterance.speaker if several else os.path.relpath(utterance.path, root) for utterance in utterances]
    if len(set(names)) < 2:
        raise DataError(f"{root}: one recording is too few to train on some and measure on others")
    held_out = _held_out(set(names))
    named = list(zip(names, utterances, strict=True))
    training, validation = (
        [utterance for name, utterance in named if (name in held_out) is wanted] for wanted in (False, True)
    )
    return training, validation


def _held_out(names: Collection[str]) -> set[str]:
    """Return one in five of at least two names, by a hash, so that it hardly depends on the others which they are."""

    def position(name: str) -> int:
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])

    first, *others, _ = sorted(names, key=position)  # one at least is held out, and one is not
    return {first, *(name for name in others if position(name) < 2**32 // ONE_IN)}
