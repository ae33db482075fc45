"""Pseudo-labels: only where all models agree and are sure, and never for silence."""

from __future__ import annotations

import numpy as np
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.audio import SAMPLE_RATE
from oyez.models.recognizer import Recognizer
from oyez.training.curation.pseudo_labels import agreed

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


def test_a_word_is_given_where_all_models_hear_it() -> None:
    one, other = Hears(["stop", "left", "seven"]), Hears(["stop", "seven", "seven"])
    assert agreed([one], CLIPS, WORDS, 0.95) == ["stop", "left", "seven"]
    assert agreed([one, other], CLIPS, WORDS, 0.95) == ["stop", "", "seven"]
    assert agreed([one, Hears(["", "left", ""])], CLIPS, WORDS, 0.95) == ["", "left", ""]


def test_no_word_is_given_where_a_model_is_not_sure() -> None:
    sure, unsure = Hears(WORDS), Hears(WORDS, margin=0.1)
    assert agreed([sure, unsure], CLIPS, WORDS, 0.95) == ["", "", ""]
    assert agreed([unsure], CLIPS, WORDS, 0.0) != ["", "", ""]
