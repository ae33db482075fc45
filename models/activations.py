"""What goes on inside an LSTM: its gates and its cell state, step by step.

PyTorch's fused kernels give only the hidden states, so the gates are computed again from the weights, by the equations
of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oyez.models.acoustic import AcousticModel
from oyez.models.recurrent import reverse_within


@dataclass(frozen=True)
class LstmActivations:
    """Of one layer in one direction over one batch; each of shape (batch, steps, width)."""

    input_gate: Tensor  # in 0..1: how much of the candidate is written
    forget_gate: Tensor  # in 0..1: how much of the cell state is kept
    candidate: Tensor  # in -1..1
    output_gate: Tensor  # in 0..1: how much of the cell state is shown
    cell: Tensor  # forget_gate * the cell state before + input_gate * candidate
    hidden: Tensor  # output_gate * tanh(cell): what the layer hands on


def lstm_activations(layer: nn.RNNBase, sequences: Tensor) -> LstmActivations:
    """Run one LSTM layer step by step and keep everything.

    Args:
        layer: an nn.LSTM of one layer and one direction, batch first.
        sequences: shape (batch, steps, inputs); the initial state is zero.
    """
    if not isinstance(layer, nn.LSTM) or layer.num_layers != 1 or layer.bidirectional or not layer.batch_first:
        raise ValueError(f"{layer} has no gates to show: it must be an LSTM of one layer and direction, batch first")
    weight_ih, weight_hh = layer.get_parameter("weight_ih_l0"), layer.get_parameter("weight_hh_l0")
    bias_ih, bias_hh = layer.get_parameter("bias_ih_l0"), layer.get_parameter("bias_hh_l0")
    from_inputs = nn.functional.linear(sequences, weight_ih, bias_ih)  # (batch, steps, 4 * width)
    hidden = cell = sequences.new_zeros(len(sequences), layer.hidden_size)
    kept: list[tuple[Tensor, ...]] = []
    for step in from_inputs.unbind(1):
        scores = step + nn.functional.linear(hidden, weight_hh, bias_hh)
        i, f, g, o = scores.chunk(4, dim=1)  # torch's order
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell = f * cell + i * g
        hidden = o * cell.tanh()
        kept.append((i, f, g, o, cell, hidden))
    return LstmActivations(*(torch.stack(values, dim=1) for values in zip(*kept, strict=True)))


@dataclass(frozen=True)
class LayerActivations:
    """Of one layer of a stack, in the order of time whatever the direction."""

    forwards: LstmActivations
    backwards: LstmActivations | None  # None in a one-directional stack


def acoustic_activations(model: AcousticModel, features: Tensor, lengths: Tensor) -> list[LayerActivations]:
    """Return the activations of every recurrent layer of an LSTM acoustic model, as it hears some features.

    Args:
        model: with `cell` "lstm", in evaluation mode.
        features: shape (batch, frames, features); what lies beyond `lengths` has no influence on what lies within.
        lengths: in frames, shape (batch,).

    Raises ValueError for a model of other cells.
    """
    sequences = features
    for convolution in model.convolutions:
        sequences, lengths = convolution(sequences, lengths)
    stack = model.recurrent
    layers = []
    for number, forwards in enumerate(stack.forwards):
        ahead = lstm_activations(_lstm(forwards), sequences)
        back = None
        outputs = ahead.hidden
        if stack.backwards is not None:
            reversed_ = lstm_activations(_lstm(stack.backwards[number]), reverse_within(sequences, lengths))
            back = LstmActivations(*(reverse_within(values, lengths) for values in vars(reversed_).values()))
            outputs = torch.cat([outputs, back.hidden], dim=-1)
        layers.append(LayerActivations(ahead, back))
        sequences = stack.norms[number](outputs)
    return layers


def _lstm(layer: nn.Module) -> nn.RNNBase:
    assert isinstance(layer, nn.RNNBase)
    return layer
