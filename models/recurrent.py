"""Stacks of recurrent layers: Elman RNN (tanh or relu), GRU and LSTM, in one or two directions.

A backward direction reads each sequence reversed within its own length, so it never meets the padding, and without
packed sequences, which keep PyTorch off its fused kernels on the CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from oyez.models.config import Cell


def reverse_within(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sequence within its own length; its padding stays where it is.

    Args:
        sequences: shape (batch, frames, features).
        lengths: frames of each, shape (batch,).
    """
    index = torch.arange(sequences.shape[1], device=sequences.device).expand(len(sequences), -1)
    reversed_index = lengths[:, None] - 1 - index
    index = torch.where(reversed_index >= 0, reversed_index, index)
    return sequences.gather(1, index[:, :, None].expand_as(sequences))


def recurrent_layer(cell: Cell, inputs: int, width: int) -> nn.RNNBase:
    """Return one layer in one direction, over (batch, frames, features)."""
    if cell == "lstm":
        layer: nn.RNNBase = nn.LSTM(inputs, width, batch_first=True)
        with torch.no_grad():  # begin with open forget gates (Jozefowicz et al. 2015)
            layer.get_parameter("bias_ih_l0")[width : 2 * width].fill_(1.0)
        return layer
    if cell == "gru":
        return nn.GRU(inputs, width, batch_first=True)
    return nn.RNN(inputs, width, batch_first=True, nonlinearity=cell.removeprefix("rnn-"))


class RecurrentStack(nn.Module):
    """Layers of one cell, (batch, frames, inputs) -> (batch, frames, outputs), that never see the padding.

    Attributes:
        outputs: features a frame that come out: the width, twice that in two directions.
    """

    def __init__(
        self,
        cell: Cell,
        inputs: int,
        width: int,
        layers: int,
        bidirectional: bool = True,
        dropout: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        """Build the stack; `layer_norm` and `dropout` apply after each layer, dropout not after the last."""
        super().__init__()
        self.outputs = width * (2 if bidirectional else 1)
        sizes = [inputs] + [self.outputs] * (layers - 1)
        self.forwards = nn.ModuleList(recurrent_layer(cell, size, width) for size in sizes)
        self.backwards = nn.ModuleList(recurrent_layer(cell, size, width) for size in sizes) if bidirectional else None
        self.norms = nn.ModuleList(nn.LayerNorm(self.outputs) if layer_norm else nn.Identity() for _ in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """Run the layers over padded sequences, shape (batch, frames, inputs), of the given lengths in frames."""
        for number, forwards in enumerate(self.forwards):
            if number:
                sequences = self.dropout(sequences)
            outputs, _ = forwards(sequences)
            if self.backwards is not None:
                backwards, _ = self.backwards[number](reverse_within(sequences, lengths))
                outputs = torch.cat([outputs, reverse_within(backwards, lengths)], dim=-1)
            sequences = self.norms[number](outputs)
        return sequences
