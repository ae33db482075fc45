"""LibriSpeech in its published layout (Panayotov et al. 2015): SUBSET/SPEAKER/CHAPTER/*.flac and *.trans.txt."""

from __future__ import annotations

from pathlib import Path

from oyez.data.manifest import Utterance

SUBSETS = (
    "dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100", "train-clean-360", "train-other-500",
)  # fmt: skip


def utterances(root: Path, subset: str) -> list[Utterance]:
    """List the utterances of a subset such as "dev-clean". An utterance whose audio is not there is left out.

    Raises:
        FileNotFoundError: there is no transcript of that subset below `root`.
    """
    root = Path(root)
    folder = next((f for f in (root / subset, root / "LibriSpeech" / subset) if f.is_dir()), root / subset)
    transcripts = sorted(folder.glob("*/*/*.trans.txt"))
    if not transcripts:
        raise FileNotFoundError(f"{folder}: no LibriSpeech subset here (expected SPEAKER/CHAPTER/*.trans.txt)")
    found = []
    for transcript in transcripts:
        for line in transcript.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            path = transcript.parent / f"{name}.flac"
            if path.is_file():
                found.append(Utterance(path, text, speaker=name.split("-")[0]))
    return found
