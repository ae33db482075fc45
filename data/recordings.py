"""A user's own recordings: a folder with `manifest.jsonl` or `manifest.tsv`, or such a manifest itself."""

from __future__ import annotations

from pathlib import Path

from data.manifest import Utterance, read_manifest


def utterances(root: Path) -> list[Utterance]:
    """List what the manifest lists.

    Raises:
        FileNotFoundError: there is no manifest.
        data.manifest.ManifestError: the manifest is damaged.
    """
    root = Path(root)
    for path in (root, root / "manifest.jsonl", root / "manifest.tsv"):
        if path.is_file():
            return read_manifest(path)
    raise FileNotFoundError(f"{root}: no manifest.jsonl or manifest.tsv here")
