"""Google Speech Commands v0.01 and v0.02 in the published folder layout (Warden 2018, arXiv:1804.03209).

A folder a word, files `<speaker>_nohash_<take>.wav`, `validation_list.txt` and `testing_list.txt`, and
`_background_noise_` with minutes of noise.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from oyez.data.manifest import Utterance

WORDS = (
    "backward", "bed", "bird", "cat", "dog", "down", "eight", "five", "follow", "forward", "four", "go", "happy",
    "house", "learn", "left", "marvin", "nine", "no", "off", "on", "one", "right", "seven", "sheila", "six", "stop",
    "three", "tree", "two", "up", "visual", "wow", "yes", "zero",
)  # fmt: skip
SPLITS = ("training", "validation", "testing")
_MOST_FILES_PER_WORD = 2**27 - 1
_PERCENT = {"validation": 10, "testing": 10}


def utterances(root: Path, split: str) -> list[Utterance]:
    """List the clips of a split: "training", "validation" or "testing".

    The corpus' own lists decide; where one is not there, the published rule (a hash of the speaker) decides for it.

    Raises:
        FileNotFoundError: `root` holds no folder of a word with clips.
        ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"Speech Commands has no split {split!r}; there are {', '.join(SPLITS)}")
    root = _corpus_folder(Path(root))
    listed = {name: _listed(root / f"{name}_list.txt") for name in _PERCENT}
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))):
        for path in sorted(folder.glob("*.wav")):
            if _split_of(path, listed) == split:
                found.append(Utterance(path, text=folder.name, speaker=path.name.split("_")[0]))
    return found


def hashed_split(file_name: str) -> str:
    """Return the split that the published rule gives a file: all takes of one speaker fall into the same one."""
    speaker = re.sub(r"_nohash_.*$", "", file_name)
    digest = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percentage = digest % (_MOST_FILES_PER_WORD + 1) * (100.0 / _MOST_FILES_PER_WORD)
    if percentage < _PERCENT["validation"]:
        return "validation"
    return "testing" if percentage < _PERCENT["validation"] + _PERCENT["testing"] else "training"


def _split_of(path: Path, listed: dict[str, frozenset[str] | None]) -> str:
    for split, names in listed.items():
        if f"{path.parent.name}/{path.name}" in names if names is not None else hashed_split(path.name) == split:
            return split
    return "training"


def _listed(path: Path) -> frozenset[str] | None:
    return frozenset(path.read_text(encoding="utf-8").split()) if path.is_file() else None


def _corpus_folder(root: Path) -> Path:
    """Accept the corpus folder itself or the folder that a download was unpacked to."""
    for folder in (root, *sorted(root.glob("speech_commands_v0.0*"), reverse=True)):
        if any(folder.glob("*/*_nohash_*.wav")):
            return folder
    raise FileNotFoundError(f"{root}: no Speech Commands here (expected folders like {root / 'yes'} with .wav files)")
