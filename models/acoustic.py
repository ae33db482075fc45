"""The acoustic model: features -> convolutional subsampling -> recurrent stack -> CTC log-probabilities."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from oyez.data.alphabet import LABELS
from oyez.models.frontend import valid_frames
from oyez.models.recurrent import Cell, RecurrentStack

KERNEL = 5  # frames that a convolution sees


class AcousticConfig(BaseModel, frozen=True, extra="forbid"):
    """The shape of the network; saved with the model."""

    channels: int = Field(default=160, ge=1, le=4096)  # of the convolutions
    subsampling: int = Field(default=2, ge=1, le=4)  # frames a step: 2 makes steps of 20 ms
    cell: Cell = "lstm"
    bidirectional: bool = True
    layers: int = Field(default=3, ge=1, le=12)
    width: int = Field(default=160, ge=1, le=4096)  # of a layer, in each direction
    layer_norm: bool = True  # after each layer; without it a deep stack's signal is faint and it learns slowly
    dropout: float = Field(default=0.2, ge=0, lt=1)
    # None: CTC, a row a step. Else a classifier of the vocabulary's words (models/classifier.py), a row an utterance,
    # from the last state of each direction, the mean of the steps, a mean weighted by what the network finds important,
    # or the mean of the features themselves, without convolutions or recurrence: what is left without memory
    pooling: Literal["last", "mean", "attention", "features"] | None = None


class MaskedConvolution(nn.Module):
    """Convolution over time, layer norm and GELU; the padding is silenced first, so that no result depends on it."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convolution = nn.Conv1d(inputs, outputs, KERNEL, stride, padding=KERNEL // 2)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, sequences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, frames, inputs) to (batch, ceil(frames / stride), outputs), and the lengths alike."""
        silenced = sequences.masked_fill(~valid_frames(lengths, sequences.shape[1])[:, :, None], 0.0)
        # (batch, frames, features) -> (batch, features, frames) and back
        convolved = self.convolution(silenced.transpose(1, 2)).transpose(1, 2)
        return nn.functional.gelu(self.norm(convolved)), (lengths + self.stride - 1) // self.stride


class AcousticModel(nn.Module):
    """Log-probabilities over the labels (blank first), one row a step, trained with CTC (Graves et al. 2006)."""

    def __init__(self, config: AcousticConfig, features: int, outputs: int = LABELS) -> None:
        super().__init__()
        self.config = config
        self.convolutions = nn.ModuleList(
            [
                MaskedConvolution(features, config.channels, stride=1),
                MaskedConvolution(config.channels, config.channels, stride=config.subsampling),
            ]
        )
        self.input_dropout = nn.Dropout(config.dropout)
        self.recurrent = RecurrentStack(
            config.cell,
            config.channels,
            config.width,
            config.layers,
            config.bidirectional,
            config.dropout,
            config.layer_norm,
        )
        self.output_dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(self.recurrent.outputs, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute log-probabilities.

        Args:
            features: shape (batch, frames, features); what lies beyond `lengths` has no influence.
            lengths: frames of each utterance, shape (batch,).

        Returns:
            log-probabilities, float32, shape (batch, steps, labels), and their lengths in steps.
        """
        sequences, lengths = self.encode(features, lengths)
        scores = self.output(self.output_dropout(sequences))
        return torch.log_softmax(scores.float(), dim=-1), lengths

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the recurrent layers make of features, shape (batch, steps, outputs), and lengths in steps."""
        sequences = features
        for convolution in self.convolutions:
            sequences, lengths = convolution(sequences, lengths)
        return self.recurrent(self.input_dropout(sequences), lengths), lengths
