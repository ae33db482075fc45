"""How sure it is that a word is right: a logistic curve over what its alignment shows (Platt 1999)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from pydantic import BaseModel, Field

from oyez.models.decoding.alignment import AlignedWord


@dataclass(frozen=True)
class WordEvidence:
    """What speaks for a word, and against it."""

    score: float  # mean log-probability of its letters
    ratio: float  # its log-likelihood against the likeliest labels, whatever they spell
    letters: float  # logarithm of their number
    pace: float  # logarithm of the steps a letter
    utterance: float  # mean score of all words that were heard with it
    alone: float  # 1 / number of those words

    @classmethod
    def of(cls, words: Sequence[AlignedWord]) -> list[WordEvidence]:
        """Return the evidence for each word of one utterance."""
        together = sum(word.score for word in words) / max(1, len(words))
        return [
            cls(
                score=word.score,
                ratio=word.ratio,
                letters=math.log(len(word.text)),
                pace=math.log((word.end - word.start) / len(word.text)),
                utterance=together,
                alone=1 / len(words),
            )
            for word in words
        ]


class WordConfidence(BaseModel, frozen=True, extra="forbid"):
    """Weights of the evidence in the logarithm of the odds; saved with the model (see training.word_confidence)."""

    score: float = Field(default=1.0, ge=0)
    ratio: float = Field(default=0.0, ge=0)
    letters: float = 0.0
    pace: float = 0.0
    utterance: float = 0.0
    alone: float = 0.0
    intercept: float = 0.0

    def __call__(self, evidence: WordEvidence) -> float:
        """Return the probability that a word is right, to four places."""
        weights = (self.score, self.ratio, self.letters, self.pace, self.utterance, self.alone)
        return probability(sum(w * value for w, value in zip(weights, astuple(evidence), strict=True)) + self.intercept)


class Calibration(BaseModel, frozen=True, extra="forbid"):
    """The curve of a single score."""

    slope: float = 1.0
    intercept: float = 0.0

    def probability(self, score: float) -> float:
        """Return the probability of a score, to four places."""
        return probability(self.slope * score + self.intercept)


def probability(log_odds: float) -> float:
    """Return 1 / (1 + exp(-log_odds)), to four places."""
    return round((1 + math.tanh(log_odds / 2)) / 2, 4)  # the exponential would overflow
