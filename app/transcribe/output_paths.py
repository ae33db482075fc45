"""Where the transcripts go: names that never meet."""

from __future__ import annotations

import hashlib
import itertools
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from pathlib import Path

from oyez.app.transcribe.inputs import Input, Key

LONGEST_NAME = 255  # bytes, on all common file systems


def output_stems(
    inputs: Sequence[Input],
    formats: Collection[str],
    folder: Path | None,
    reserved: Collection[Path] = (),
    owner: Callable[[Path], Key | None] = lambda _: None,
) -> list[Path]:
    """Return the path of each input's outputs, to which `.txt` or the like is added; no two are the same.

    `talk.wav` becomes `talk`; beside `talk.mp3` it becomes `talk.wav`; and beside the `talk.wav` of another folder it
    takes that folder's name along. A name that was given once holds (of names that differ in case alone, perhaps not),
    and goes to no other. No output takes the place of an input.

    Args:
        inputs: what is transcribed.
        formats: the suffixes that will be added, without their dot.
        folder: the folder that mirrors the tree of the inputs; None puts each output beside its input.
        reserved: further files that no output may take the place of.
        owner: gives the key of the input that an output was made of by an earlier run.
    """
    absolute = [each.real_path for each in inputs]
    mine = [{each.key} for each in inputs]
    common = Path(os.path.commonpath([path.parent for path in absolute])) if absolute else Path()
    taken = {_alike(path) for path in [*absolute, *map(Path.absolute, reserved)]}

    resolved = cache(Path.resolve)

    @cache
    def owners(stem: Path) -> set[Key | None]:
        """Whose outputs stand there; None: something else."""
        paths = [output_path(stem, name) for name in formats]
        found = {key for path in paths if (key := owner(path)) is not None}
        return found | {None for path in paths if _alike(resolved(stem.parent) / path.name) in taken}

    candidates: list[list[Path]] = []  # of each input, from short to unmistakable
    for each, path, me in zip(inputs, absolute, mine, strict=True):
        top = each.path.parent if folder is None else folder / each.place.parent
        whole = each.place.name or path.name or "_"  # of the folder itself, which a manifest may name
        short = Path(whole).stem if Path(whole).stem.strip(".") else whole  # `.` and `..` are no names
        names = [top / (short + each.part), top / (whole + each.part)]
        if folder is not None:
            relative = path.relative_to(common)
            names.append(folder / relative.parent / (relative.name + each.part))
        possible = itertools.chain(names, *(itertools.takewhile(owners, _numbered(name)) for name in names))
        candidates.append([name for name in possible if owners(name) == me][:1] or names)
    # all who meet at a name leave it for their next one, so that none of them depends on who came first
    stems = [names[0] for names in candidates]
    for level in range(1, max(map(len, candidates), default=0)):
        takers = Counter(map(_alike, stems))
        stems = [
            names[level] if level < len(names) and (takers[_alike(stem)] > 1 or owners(stem) - me) else stem
            for stem, names, me in zip(stems, candidates, mine, strict=True)
        ]
    takers = Counter(map(_alike, stems))
    for number, (stem, me) in enumerate(zip(stems, mine, strict=True)):
        # what is left are names that only some file systems tell apart, and inputs whose names are all another's
        if owners(stem) != me and (takers[_alike(stem)] > 1 or owners(stem)):
            stems[number] = next(name for name in _numbered(stem) if not takers[_alike(name)] and not owners(name) - me)
            takers[_alike(stems[number])] += 1
    return stems


def _numbered(stem: Path) -> Iterator[Path]:
    return (stem.with_name(f"{stem.name}~{count}") for count in itertools.count(2))


def output_path(stem: Path, suffix: str) -> Path:
    """Return the file of an output. A name that would be too long is cut, and told apart by a hash of the whole."""
    return _named(stem, f".{suffix}")


def _named(stem: Path, suffix: str) -> Path:
    name = os.fsencode(stem.name + suffix)
    if len(name) <= LONGEST_NAME:
        return stem.with_name(stem.name + suffix)
    end = f"~{hashlib.sha256(name).hexdigest()[:8]}{suffix}"
    kept = os.fsencode(stem.name)[: LONGEST_NAME - len(end)].decode("utf-8", "ignore")
    return stem.with_name(kept + end)


def _alike(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path).casefold())
