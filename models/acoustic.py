"""The acoustic model: features -> convolutional subsampling -> recurrent stack -> CTC log-probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from oyez.data.alphabet import LABELS
from oyez.models.config import AcousticConfig
from oyez.models.frontend import valid_frames
from oyez.models.recurrent import RecurrentStack

KERNEL = 5  # frames that a convolution sees


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
