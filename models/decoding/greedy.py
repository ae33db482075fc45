"""Greedy CTC decoding: the best label of each step, repeats merged, blanks left out (Graves et al. 2006)."""

from __future__ import annotations

import numpy as np

from oyez.data.alphabet import BLANK
from oyez.models.decoding.decoder import LogProbs


class GreedyDecoder:
    """Takes the best label of each step, which is not always the likeliest text: a text may have many alignments."""

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the best path through log-probabilities of shape (steps, labels)."""
        best = log_probs.argmax(axis=1)
        begins = np.ones(len(best), bool)  # whether a step begins a run of equal labels
        np.not_equal(best[1:], best[:-1], out=begins[1:])
        return best[begins & (best != BLANK)].tolist()
