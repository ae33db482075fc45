"""The recursion over the states of CTC labellings (Graves et al. 2006): forward algorithm and Viterbi algorithm.

A labelling of n labels has 2n + 1 states: a blank before, between and after its labels. The states of all labellings
lie in one row, so that a step of the recursion takes four array operations however many labellings there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from oyez.data.alphabet import BLANK
from oyez.models.decoding.decoder import LogProbs

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_BARRIER = -1  # in place of a label: a state that is never reached, between labellings


class LabellingStates:
    """The states of some labellings in one row: two barriers, then each labelling's states and a barrier."""

    def __init__(self, labellings: Sequence[Sequence[int]]) -> None:
        """Lay out the states of labellings without blanks. Raises ValueError for a labelling with a blank."""
        row = [_BARRIER, _BARRIER]
        first: list[int] = []
        for labelling in labellings:
            first.append(len(row))
            for symbol in labelling:
                row += (BLANK, symbol)
            row += (BLANK, _BARRIER)
        self.labels: Ints = np.array(row, np.int64)  # of each state
        self.first: Ints = np.array(first, np.int64)  # state of each labelling
        self.last: Ints = np.array([*first[1:], len(row)], np.int64)[: len(first)] - 2
        self._barriers = np.flatnonzero(self.labels == _BARRIER)
        # a blank may be skipped between two different labels: 0 for the second of them, else -inf
        label, before = self.labels[2:], self.labels[:-2]
        self.skips: Floats = np.where((label > BLANK) & (label != before), 0.0, -np.inf).astype(np.float32)
        if np.count_nonzero(label == BLANK) != sum(map(len, labellings)) + len(labellings):
            raise ValueError("a labelling holds a blank, which stands for no label")

    def emissions(self, log_probs: LogProbs) -> Floats:
        """Return the log-probability of each state's label at each step, shape (steps, states)."""
        emissions = log_probs[:, self.labels]
        emissions[:, self._barriers] = -np.inf
        return emissions

    def scores(self, emissions: Floats, combine: np.ufunc) -> Floats:
        """Return the log-probability of all paths to each state together, or of the best one.

        Args:
            emissions: shape (steps, states).
            combine: np.logaddexp (forward algorithm) or np.maximum (Viterbi algorithm).

        Returns:
            before the first step and after each step: shape (steps + 1, states).
        """
        scores = np.empty((len(emissions) + 1, len(self.labels)), np.float32)
        scores[0] = scores[:, 0] = scores[:, 1] = -np.inf
        scores[0, self.first] = 0.0
        entering = np.empty(len(self.labels) - 2, np.float32)
        for skipped, moved, stayed, emission, following in zip(
            scores[:-1, :-2], scores[:-1, 1:-1], scores[:-1, 2:], emissions[:, 2:], scores[1:, 2:], strict=True
        ):
            np.add(skipped, self.skips, out=entering)
            combine(entering, moved, out=entering)
            combine(entering, stayed, out=entering)
            np.add(entering, emission, out=following)
        return scores


def forward_scores(log_probs: LogProbs, states: LabellingStates) -> Floats:
    """Return the log-likelihood of each labelling, shape (labellings,); -inf of one that has no path.

    Args:
        log_probs: shape (steps, labels).
        states: of the labellings.
    """
    ends = states.scores(states.emissions(log_probs), np.logaddexp)[-1]
    # the empty labelling has no last label: what is before its only state is a barrier
    return np.logaddexp(ends[states.last], ends[states.last - 1])
