"""Decoding within a closed list: which of these is it, given that it is one of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from oyez.data.alphabet import BLANK
from oyez.models.decoding.beam import Hypothesis


def rank(log_probs: Tensor, candidates: Sequence[Sequence[int]]) -> list[Hypothesis]:
    """Score labellings exactly, by the CTC forward algorithm, and return them best first.

    Args:
        log_probs: shape (steps, labels).
        candidates: labellings without blanks. One that is too long for the audio has the score -inf.
    """
    loss = torch.nn.functional.ctc_loss(
        log_probs.float()[:, None].expand(-1, len(candidates), -1),  # (steps, labels) -> (steps, candidates, labels)
        torch.tensor([label for labels in candidates for label in labels], dtype=torch.long),
        torch.full((len(candidates),), len(log_probs)),
        torch.tensor([len(labels) for labels in candidates]),
        blank=BLANK,
        reduction="none",
    )
    hypotheses = [Hypothesis(tuple(labels), -cost) for labels, cost in zip(candidates, loss.tolist(), strict=True)]
    return sorted(hypotheses, key=lambda hypothesis: hypothesis.score, reverse=True)
