"""What can be added to the CTC loss: label smoothing, and the same loss in the middle of the network.

Neither adds a parameter: a model that was trained with them has the same shape as one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from models.acoustic import AcousticModel
from models.features import valid_frames


def smoothed(loss: Tensor, log_probs: Tensor, steps: Tensor, weight: float) -> Tensor:
    """Return (1 - weight) * loss + weight * KL(model || uniform), the latter by the step as the loss is.

    The divergence is log(labels) less the entropy of a step's distribution: it keeps a network from being surer than
    it has reason to (Pereyra et al. 2017, arXiv:1701.06548; for CTC Kim et al. 2017, arXiv:1711.02212).

    Args:
        loss: a scalar.
        log_probs: shape (batch, steps, labels); what lies beyond `steps` has no influence.
        steps: length of each, shape (batch,).
        weight: between 0 (the loss alone) and 1.
    """
    if not weight:
        return loss
    inside = valid_frames(steps, log_probs.shape[1])  # (batch, steps)
    entropy = -(log_probs.exp() * log_probs).sum(-1)[inside].mean()
    return (1 - weight) * loss + weight * (math.log(log_probs.shape[2]) - entropy)


@contextmanager
def middle_of(acoustic: nn.Module, enabled: bool = True) -> Iterator[list[Tensor]]:
    """Watch what the middle recurrent layer, the ⌊layers / 2⌋th, gives in a forward pass.

    Yields:
        a list that the forward pass adds to, shape (batch, steps, outputs). It stays empty if this is not enabled.
    """
    seen: list[Tensor] = []
    if not enabled:
        yield seen
        return
    assert isinstance(acoustic, AcousticModel)
    layer = acoustic.recurrent.norms[acoustic.config.layers // 2 - 1]
    hook = layer.register_forward_hook(lambda _module, _inputs, outputs: seen.append(outputs))
    try:
        yield seen
    finally:
        hook.remove()


def early_log_probs(acoustic: nn.Module, sequences: Tensor) -> Tensor:
    """Return what the output layer makes of the middle of the network, (batch, steps, outputs) -> (..., labels).

    Trained with CTC like the last layer's, it leads the lower layers to what is wanted of them (Lee and Watanabe 2021,
    arXiv:2102.03216). The output layer is the last layer's own, and the model that is saved knows nothing of it.
    """
    assert isinstance(acoustic, AcousticModel)
    scores = acoustic.output(acoustic.output_dropout(sequences))
    return torch.log_softmax(scores.float(), dim=-1)
