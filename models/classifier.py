"""Utterances into classes: the usual way of keyword spotting, many steps in and one word out.

The front end and the recurrent stack are those of the acoustic model; the steps are pooled into one, and a softmax
chooses among the words and nothing. Unlike CTC it cannot write two words in a row, nor say when one was spoken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from oyez.models.acoustic import AcousticModel
from oyez.models.config import AcousticConfig, classes_of
from oyez.models.frontend import valid_frames


def acoustic_model(config: AcousticConfig, features: int, vocabulary: Sequence[str]) -> nn.Module:
    """Return the network of a configuration: for CTC, or a classifier of the vocabulary's words if it pools.

    All of them map (batch, frames, features) and lengths to log-probabilities (batch, steps, ...) and lengths; a
    classifier gives one step.
    """
    if config.pooling is None:
        return AcousticModel(config, features)
    classes = len(classes_of(vocabulary))
    if config.pooling == "features":
        return AveragedFeatures(config, features, classes)
    return PooledAcousticModel(config, features, classes)


class PooledAcousticModel(AcousticModel):
    """An acoustic model that gives one row an utterance: the log-probability of each class."""

    def __init__(self, config: AcousticConfig, features: int, classes: int) -> None:
        super().__init__(config, features, classes)
        self.attention = nn.Linear(self.recurrent.outputs, 1) if config.pooling == "attention" else None

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, frames, features) to log-probabilities (batch, 1, classes), and lengths, which are 1."""
        sequences, lengths = self.encode(features, lengths)
        scores = self.output(self.output_dropout(self._pooled(sequences, lengths)))
        return torch.log_softmax(scores.float(), dim=-1)[:, None], torch.ones_like(lengths)

    def _pooled(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        if self.config.pooling == "last":
            last = sequences[torch.arange(len(sequences), device=lengths.device), lengths - 1]  # (batch, outputs)
            if self.recurrent.backwards is None:
                return last
            width = self.config.width  # the backward direction ends at the first step
            return torch.cat([last[:, :width], sequences[:, 0, width:]], dim=1)
        if self.attention is None:
            return average(sequences, lengths)
        inside = valid_frames(lengths, sequences.shape[1])[:, :, None]
        weights = self.attention(sequences).masked_fill(~inside, -math.inf).softmax(dim=1)  # (batch, steps, 1)
        return (weights * sequences.masked_fill(~inside, 0.0)).sum(1)


class AveragedFeatures(nn.Module):
    """The same task without memory: the features of all frames are averaged, and two linear layers judge the mean."""

    def __init__(self, config: AcousticConfig, features: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, config.width)
        self.output = nn.Linear(config.width, classes)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, frames, features) to log-probabilities (batch, 1, classes), and lengths, which are 1."""
        scores = self.output(nn.functional.gelu(self.hidden(average(features, lengths))))
        return torch.log_softmax(scores.float(), dim=-1)[:, None], torch.ones_like(lengths)


def average(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean of each sequence within its length, (batch, steps, features) -> (batch, features)."""
    inside = valid_frames(lengths, sequences.shape[1])[:, :, None]
    return sequences.masked_fill(~inside, 0.0).sum(1) / lengths[:, None]
