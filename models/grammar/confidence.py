"""How sure it is that a sentence of the grammar was said, and not something that is none of its sentences.

The sentence is set against the best labels of each step, whatever they spell (a likelihood ratio, as with the garbage
models of keyword spotting). Each letter that was said as it should be speaks for the sentence, each nat that the free
labels fit better speaks against it; and the word that fits worst has a say of its own, so that a sentence does not get
through with one word that was never said. A filler of the 3,000 commonest words beside the free labels gained nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from pydantic import BaseModel, Field

from oyez.models.confidence import probability
from oyez.models.decoding.alignment import AlignedWord

_MOST_AGAINST, _MOST_LETTERS, _WORST = -200.0, 60, -12.0  # beyond these more makes no difference


@dataclass(frozen=True)
class Evidence:
    """What speaks for a sentence, and against it."""

    against: float  # log-likelihood ratio of the sentence to the free labels, at most 0
    letters: int
    worst_word: float  # the lowest ratio of a word, by its letter

    @classmethod
    def of(cls, words: Sequence[AlignedWord]) -> Evidence:
        """Return the evidence for a sentence of at least one word, as it was aligned."""
        return cls(
            against=max(_MOST_AGAINST, sum(word.ratio for word in words)),
            letters=min(_MOST_LETTERS, sum(len(word.text) for word in words)),
            worst_word=max(_WORST, min(word.ratio / len(word.text) for word in words)),
        )


class CommandConfidence(BaseModel, frozen=True, extra="forbid"):
    """Weights of the evidence in the logarithm of the odds; saved with the model (see training.command_confidence)."""

    against: float = Field(default=0.18, ge=0)
    letters: float = Field(default=0.33, ge=0)
    worst_word: float = Field(default=0.56, ge=0)
    intercept: float = 1.0
    threshold: float = Field(default=0.5, ge=0, le=1)  # a command below this confidence is refused
    prior_weight: float = Field(default=0.3, ge=0)  # of the label prior, taken off before the sentence is looked for
    wake_threshold: float = Field(default=0.05, ge=0, le=1)  # a wake phrase below this one is not heard

    def __call__(self, evidence: Evidence, prior: float = 0.0) -> float:
        """Return the probability that the sentence was said, where sentences and other speech are equally frequent.

        `prior` is the logarithm of the odds where they are not.
        """
        weights = (self.against, self.letters, self.worst_word)
        log_odds = prior + self.intercept + sum(w * value for w, value in zip(weights, astuple(evidence), strict=True))
        return probability(log_odds)
