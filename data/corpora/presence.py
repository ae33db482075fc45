"""Whether a corpus is there, found out without reading it."""

from __future__ import annotations

from pathlib import Path


def find_corpus(kind: str, root: Path, split: str | None = None) -> Path:
    """Return a file of a corpus that is there; arguments as of `load_corpus`.

    Raises:
        FileNotFoundError: the folder does not hold such a corpus.
    """
    root = Path(root)
    match kind:
        case "recordings":
            candidates = iter(path for path in (root, root / "manifest.jsonl", root / "manifest.tsv") if path.is_file())
            missing = f"{root}: no manifest.jsonl or manifest.tsv here"
        case "librispeech":
            subsets = (root / str(split), root / "LibriSpeech" / str(split))
            candidates = (path for subset in subsets for path in subset.glob("*/*/*.trans.txt"))
            missing = f"{subsets[1]}: no LibriSpeech subset here"
        case _:
            folders = ("*", "speech_commands_v0.0*/*")
            candidates = (path for folder in folders for path in root.glob(f"{folder}/*_nohash_*.wav"))
            missing = f"{root}: no Speech Commands here"
    found = next(candidates, None)
    if found is None:
        raise FileNotFoundError(missing)
    return found
