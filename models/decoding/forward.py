"""The CTC forward algorithm (Graves et al. 2006): the likelihood of labellings, summed over all their alignments.

A labelling of n labels has 2n + 1 states: a blank before, between and after its labels. The states of all labellings
lie in one row, so that a step of the algorithm costs a few array operations however many labellings there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from oyez.data.alphabet import BLANK
from oyez.models.decoding.decoder import LogProbs

_LEAST = -1e30  # log-probability that stands for -inf where differences are taken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class LabellingStates:
    """The states of some labellings, one labelling after the other.

    Attributes:
        labels: the label of each state, shape (states,).
        entries: log-weights of entering a state, shape (3, states): from the state two before it, from the one before
            it, from itself; 0 where that is allowed, -inf where it is not.
        first: each labelling's first state, shape (labellings,).
        last: each labelling's last state, shape (labellings,).
    """

    def __init__(self, labellings: Sequence[Sequence[int]]) -> None:
        """Lay out the states of labellings without blanks. Raises ValueError for a labelling with a blank."""
        if any(BLANK in labelling for labelling in labellings):
            raise ValueError("a labelling holds a blank, which stands for no label")
        sizes = np.array([2 * len(labelling) + 1 for labelling in labellings], np.int64)
        self.last: Ints = np.cumsum(sizes) - 1
        self.first: Ints = self.last - sizes + 1
        self.labels: Ints = np.full(int(sizes.sum()), BLANK, np.int64)
        for first, labelling in zip(self.first.tolist(), labellings, strict=True):
            self.labels[first + 1 : first + 2 * len(labelling) : 2] = labelling
        self.entries: Floats = np.zeros((3, len(self.labels)))
        self.entries[1, self.first] = -np.inf  # the state before belongs to another labelling
        # the blank between two different labels of a labelling may be skipped
        self.entries[0] = -np.inf
        self.entries[0, 2:][(self.labels[2:] != BLANK) & (self.labels[2:] != self.labels[:-2])] = 0.0
        self.entries[0, self.first + np.minimum(1, sizes - 1)] = -np.inf

    def start(self) -> Floats:
        """Return the scores of the states before the first step, with two more in front that are never reached."""
        scores = np.full(2 + len(self.labels), -np.inf)
        scores[2 + self.first] = 0.0
        return scores

    def emissions(self, log_probs: LogProbs) -> Floats:
        """Return the log-probability of each state's label at each step, shape (steps, states); a number, never -inf."""
        return np.maximum(log_probs[:, self.labels], _LEAST, dtype=np.float64)


def forward_scores(log_probs: LogProbs, states: LabellingStates) -> list[float]:
    """Return the log-likelihood of each labelling; -inf of one that has no alignment.

    Args:
        log_probs: shape (steps, labels).
        states: of the labellings.
    """
    scores = np.maximum(states.start(), _LEAST)
    entries = np.maximum(states.entries, _LEAST)
    current = scores[2:]
    before = sliding_window_view(scores, len(current))  # row k: the scores of the states 2 - k before each
    terms, largest, total = np.empty_like(entries), np.empty_like(current), np.empty_like(current)
    for emission in states.emissions(log_probs):
        # current = emission + log(sum(exp(before + entries))), with the largest term taken out of the sum
        np.add(before, entries, out=terms)
        np.maximum.reduce(terms, axis=0, out=largest)
        np.subtract(terms, largest, out=terms)
        np.exp(terms, out=terms)
        np.add.reduce(terms, axis=0, out=total)
        np.log(total, out=total)
        np.add(total, largest, out=total)
        np.add(total, emission, out=current)
    last_label = np.where(states.last > states.first, current[states.last - 1], _LEAST)  # the empty one has none
    ends = np.logaddexp(current[states.last], last_label)
    return np.where(ends > _LEAST / 2, ends, -np.inf).tolist()
