"""A user's own recordings: a folder with `manifest.jsonl` or `manifest.tsv`, or such a manifest itself."""

from __future__ import annotations

from pathlib import Path

from oyez.data.corpora.splits import VALIDATION_RECORDINGS, hashed_split
from oyez.data.manifest import Utterance, read_manifest

SPLITS = ("training", "validation")


def split_of(utterance: Utterance) -> str:
    """Return the split of a recording."""
    name = utterance.speaker or utterance.path.stem
    return utterance.split or hashed_split(name, VALIDATION_RECORDINGS)


def utterances(root: Path, split: str | None = None) -> list[Utterance]:
    """List what the manifest lists, or of it the "training" or the "validation" split.

    A recording is for validation if the manifest's field `split` says so; where there is no such field, the hash of
    the speaker's name decides, one speaker in twenty, and of recordings whose speaker has no name the file's name.

    Raises:
        ValueError: there is no such split.
        FileNotFoundError: there is no manifest.
        data.manifest.ManifestError: the manifest is damaged.
    """
    if split not in (None, *SPLITS):
        raise ValueError(f"recordings have no split {split!r}; there are {', '.join(SPLITS)}")
    root = Path(root)
    for path in (root, root / "manifest.jsonl", root / "manifest.tsv"):
        if path.is_file():
            listed = read_manifest(path)
            return listed if split is None else [u for u in listed if split_of(u) == split]
    raise FileNotFoundError(f"{root}: no manifest.jsonl or manifest.tsv here")
