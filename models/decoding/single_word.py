"""Decoding within a closed list: which of these is it, given that it is one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oyez.data.alphabet import encode
from oyez.models.decoding.beam import Hypothesis
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.forward import LabellingStates, forward_scores


class SingleWordDecoder:
    """Finds the word of a list that is likeliest to be said, for recordings that are known to hold one."""

    name = "word"

    def __init__(self, words: Sequence[str]) -> None:
        """Make a decoder. Raises ValueError for no words, and for a word with characters outside the alphabet."""
        if not words:
            raise ValueError("a decoder of single words needs at least one word")
        self._labellings = [encode(word) for word in words]
        self._states = LabellingStates(self._labellings)

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the likeliest word, given log-probabilities of shape (steps, labels).

        There are none if the steps are too few for any word.
        """
        scores = forward_scores(log_probs, self._states)
        best = int(np.argmax(scores))
        return list(self._labellings[best]) if scores[best] > -math.inf else []


def score_candidates(log_probs: LogProbs, candidates: Sequence[Sequence[int]]) -> list[Hypothesis]:
    """Score labellings exactly, by the CTC forward algorithm, and return them best first.

    Args:
        log_probs: shape (steps, labels).
        candidates: labellings without blanks. One that is too long for the audio has the score -inf.
    """
    scores = forward_scores(log_probs, LabellingStates(candidates))
    hypotheses = [Hypothesis(tuple(labels), score) for labels, score in zip(candidates, scores.tolist(), strict=True)]
    return sorted(hypotheses, key=lambda hypothesis: hypothesis.score, reverse=True)
