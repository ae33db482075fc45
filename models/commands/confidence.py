"""How sure it is that a sentence of the grammar was said, and not something else that is like none of them.

The sentence's likelihood is set against that of the text that is heard freely (a likelihood ratio, as with the garbage
models of keyword spotting), and what remains comparable between short and long sentences goes through a logistic curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from pydantic import BaseModel
from torch import Tensor

from models.decoding.alignment import AlignedWord, align_words
from models.decoding.closed import rank
from models.decoding.greedy import greedy_search

_FLOOR = -12.0  # log-probability of a letter below which it makes no difference


@dataclass(frozen=True)
class Evidence:
    """What speaks for a sentence; everything is at most 0, and 0 is best."""

    ratio: float  # log-likelihood against that of the free text, by the letter of the longer of the two
    worst_word: float  # mean log-probability of the letters of the word that fits worst
    all_words: float  # and of all letters


class CommandConfidence(BaseModel, frozen=True, extra="forbid"):
    """Weights of the evidence in the logarithm of the odds; saved with the model."""

    ratio: float = 2.0
    worst_word: float = 1.0
    all_words: float = 1.0
    intercept: float = 4.0
    threshold: float = 0.5  # a command below this confidence is refused

    def __call__(self, evidence: Evidence) -> float:
        """Return the probability that the sentence was said."""
        weights = (self.ratio, self.worst_word, self.all_words)
        log_odds = self.intercept + sum(w * value for w, value in zip(weights, astuple(evidence), strict=True))
        return round((1 + math.tanh(log_odds / 2)) / 2, 4)  # 1 / (1 + exp(-log_odds)), which overflows


def weigh(log_probs: Tensor, labels: Sequence[int]) -> tuple[Evidence, list[AlignedWord]]:
    """Return the evidence for a labelling, and its words where they were said.

    Args:
        log_probs: shape (steps, labels), on the CPU.
        labels: not empty, and no longer than the recording (see `align_words`).
    """
    free = greedy_search(log_probs)
    scores = {each.labels: each.score for each in rank(log_probs, [labels, free])}
    ratio = (scores[tuple(labels)] - scores[tuple(free)]) / max(len(labels), len(free))
    words = align_words(log_probs, list(labels))
    letters = sum(len(word.text) for word in words)
    mean = sum(word.score * len(word.text) for word in words) / letters
    return (
        Evidence(
            ratio=max(_FLOOR, min(0.0, ratio)),
            worst_word=max(_FLOOR, min(word.score for word in words)),
            all_words=max(_FLOOR, mean),
        ),
        words,
    )
