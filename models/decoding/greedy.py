"""Greedy CTC decoding: the best label of each step, repeats merged, blanks left out (Graves et al. 2006)."""

from __future__ import annotations

import torch
from torch import Tensor

from oyez.data.alphabet import BLANK


def greedy_search(log_probs: Tensor) -> list[int]:
    """Return the labels of the best path through `log_probs`, shape (steps, labels)."""
    best = torch.unique_consecutive(log_probs.argmax(dim=-1))
    return [label for label in best.tolist() if label != BLANK]
