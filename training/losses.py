"""The CTC loss and what can be added to it: label smoothing, and the same loss in the middle of the network.

Neither addition has parameters: a model that was trained with them has the same shape as one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from oyez.data.alphabet import BLANK, encode
from oyez.models.acoustic import AcousticModel
from oyez.models.config import classes_of
from oyez.models.frontend import valid_frames

LABEL_IN_SILENCE = 10.0  # taken off the log-probability of a letter where there is no sound


def ctc_loss(log_probs: Tensor, steps: Tensor, texts: Sequence[str], sound: Tensor | None = None) -> Tensor:
    """Return the CTC loss a step, in float32. Texts too long for their audio count 0.

    It is taken by the step, not by the label, so that silence (the empty text) weighs no more than speech.

    Args:
        log_probs: shape (batch, steps, labels).
        steps: length of each, shape (batch,).
        texts: normalised; the empty text trains silence.
        sound: shape (batch, hops), bool, the hops spread evenly over the steps. Where there is none, labels are made
            unlikely, so that they are learned where they are spoken: left to itself, a bidirectional network writes
            the first and the last letter at the very ends of a clip.
    """
    if sound is not None:
        silent = ~_heard_by_steps(sound, log_probs.shape[1])[:, :, None]  # (batch, steps, 1)
        labels_only = torch.arange(log_probs.shape[2], device=log_probs.device) != BLANK
        log_probs = log_probs - LABEL_IN_SILENCE * (silent & labels_only)
    labels = [encode(text) for text in texts]
    loss = nn.functional.ctc_loss(
        log_probs.float().transpose(0, 1),  # (batch, steps, labels) -> (steps, batch, labels)
        torch.tensor([label for text in labels for label in text], dtype=torch.long, device=log_probs.device),
        steps,
        torch.tensor([len(text) for text in labels], device=log_probs.device),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return loss / steps.sum()


def classification_loss(log_probs: Tensor, texts: Sequence[str], vocabulary: Sequence[str]) -> Tensor:
    """Return the cross-entropy of a classifier, log-probabilities of shape (batch, 1, classes); texts are classes."""
    number = {text: index for index, text in enumerate(classes_of(vocabulary))}
    return nn.functional.nll_loss(
        log_probs[:, 0], torch.tensor([number[text] for text in texts], device=log_probs.device)
    )


def _heard_by_steps(sound: Tensor, steps: int) -> Tensor:
    """Return for each step whether there was sound in it or beside it, shape (batch, steps)."""
    by_step = nn.functional.adaptive_max_pool1d(sound.float(), steps)
    return nn.functional.max_pool1d(by_step, 3, stride=1, padding=1) > 0


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
