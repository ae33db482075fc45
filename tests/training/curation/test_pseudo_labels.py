"""Pseudo-labels: only where all models agree and are sure, and never for silence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.audio import SAMPLE_RATE
from oyez.data.corpora.speech_commands import hashed_split
from oyez.data.manifest import read_manifest
from oyez.data.synthesis.synthesis import Manner, speak
from oyez.models.recognizer import Recognizer
from oyez.training.curation.pseudo_labels import agreed
from oyez.training.curation.pseudo_labels import main as command

Run = Callable[..., tuple[int, str]]  # exit code and what was said

WORDS = ["stop", "left", "seven"]
CLIPS = [np.zeros(SAMPLE_RATE, np.float32)] * 3


class Hears(Recognizer):
    """Hears a given word in each clip, as surely as it is told."""

    def __init__(self, words: list[str], margin: float = 9.0) -> None:
        self._said, self._margin = words, margin

    def log_probs(self, waveforms):  # type: ignore[no-untyped-def]
        return [self._rows(word) for word, _ in zip(self._said, waveforms, strict=True)]

    def _rows(self, word: str) -> torch.Tensor:
        rows = [row for label in encode(word) for row in (label, BLANK)] or [BLANK] * 20
        scores = torch.zeros(len(rows), LABELS)
        scores[torch.arange(len(rows)), torch.tensor(rows)] = self._margin
        return torch.log_softmax(scores, dim=-1)


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    named = (tmp_path / f"0123456{number}_nohash_0.wav" for number in range(9))
    paths = [path for path in named if hashed_split(path.name) == "training"][:3]
    for path, word in zip(paths, WORDS, strict=True):
        soundfile.write(path, np.pad(speak(word, Manner("hibari-us", 1.0, 1.0)), 2000), SAMPLE_RATE)
    return paths


def test_a_word_is_given_where_all_models_hear_it() -> None:
    one, other = Hears(["stop", "left", "seven"]), Hears(["stop", "seven", "seven"])
    assert agreed([one], CLIPS, WORDS, 0.95) == ["stop", "left", "seven"]
    assert agreed([one, other], CLIPS, WORDS, 0.95) == ["stop", "", "seven"]
    assert agreed([one, Hears(["", "left", ""])], CLIPS, WORDS, 0.95) == ["", "left", ""]


def test_no_word_is_given_where_a_model_is_not_sure() -> None:
    sure, unsure = Hears(WORDS), Hears(WORDS, margin=0.1)
    assert agreed([sure, unsure], CLIPS, WORDS, 0.95) == ["", "", ""]
    assert agreed([unsure], CLIPS, WORDS, 0.0) != ["", "", ""]


@pytest.fixture
def run(invoke: Run) -> Run:
    return partial(invoke, command)


def test_the_command_writes_what_the_shipped_models_agree_on(run: Run, tmp_path: Path, clips: list[Path]) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF....")
    held_out = next(name for name in (f"{n:08x}_nohash_0.wav" for n in range(64)) if hashed_split(name) != "training")
    shutil.copy(clips[0], tmp_path / held_out)
    code, said = run(tmp_path, "--model", "english", *(f"--word={word.title()}" for word in WORDS))
    assert code == 0, said
    assert said.count("left out: ") == 1
    assert "broken.wav" in said
    listed = {utterance.path.name: utterance for utterance in read_manifest(tmp_path / "manifest.jsonl")}
    assert {name: utterance.text for name, utterance in listed.items()} == {
        clip.name: word for clip, word in zip(clips, WORDS, strict=True)
    }
    assert listed[clips[1].name].speaker == clips[1].name[:8]


def test_the_command_says_what_is_wrong_and_writes_nothing(
    run: Run, tmp_path: Path, untrained_classifier: Path
) -> None:
    assert "name them with --word" in run(tmp_path, "--model", "english")[1]
    assert "nowhere" in run(tmp_path, "--model", "nowhere")[1]
    code, said = run(tmp_path, "--model", "commands")
    assert code == 2
    assert "no clip" in said
    assert "unsupported character 'я'" in run(tmp_path, "--model", "english", "--word", "яa")[1]
    assert "is a classifier of words" in run(tmp_path, "--model", untrained_classifier)[1]
    assert not (tmp_path / "manifest.jsonl").exists()
