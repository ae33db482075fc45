"""The gates computed from the weights are those of torch's own LSTM, in a lone layer and within the acoustic model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from oyez.data.alphabet import LABELS
from oyez.models.acoustic import AcousticConfig, AcousticModel
from oyez.models.activations import acoustic_activations, lstm_activations

FEATURES = 6


@pytest.fixture(autouse=True)
def same_weights_at_every_run():
    torch.manual_seed(5)


def test_hidden_and_cell_states_are_torchs():
    layer = nn.LSTM(FEATURES, 9, batch_first=True)
    sequences = torch.randn(3, 14, FEATURES)
    activations = lstm_activations(layer, sequences)
    outputs, (hidden, cell) = layer(sequences)
    torch.testing.assert_close(activations.hidden, outputs)
    torch.testing.assert_close(activations.hidden[:, -1], hidden[0])
    torch.testing.assert_close(activations.cell[:, -1], cell[0])


def test_gates_do_what_their_names_say():
    layer = nn.LSTM(FEATURES, 4, batch_first=True)
    sequences = torch.randn(2, 10, FEATURES)
    a = lstm_activations(layer, sequences)
    before = nn.functional.pad(a.cell, (0, 0, 1, 0))[:, :-1]
    torch.testing.assert_close(a.cell, a.forget_gate * before + a.input_gate * a.candidate)
    torch.testing.assert_close(a.hidden, a.output_gate * a.cell.tanh())
    for gate in (a.input_gate, a.forget_gate, a.output_gate):
        assert ((gate > 0) & (gate < 1)).all()
    with torch.no_grad():  # a forget gate that is shut, whatever comes in
        layer.weight_ih_l0[4:8] = 0
        layer.weight_hh_l0[4:8] = 0
        layer.bias_ih_l0[4:8] = -50
    assert lstm_activations(layer, sequences).forget_gate.max() < 1e-6


@pytest.mark.parametrize("bidirectional", [True, False])
def test_activations_of_the_last_layer_give_the_acoustic_models_output(bidirectional):
    config = AcousticConfig(channels=5, width=7, layers=3, subsampling=2, bidirectional=bidirectional)
    model = AcousticModel(config, FEATURES).eval()
    features, lengths = torch.randn(3, 21, FEATURES), torch.tensor([21, 13, 4])
    layers = acoustic_activations(model, features, lengths)
    assert len(layers) == 3
    last = layers[-1]
    assert (last.backwards is not None) == bidirectional
    hidden = last.forwards.hidden
    if last.backwards is not None:
        hidden = torch.cat([hidden, last.backwards.hidden], dim=-1)
    log_probs, steps = model(features, lengths)
    ours = model.output(model.recurrent.norms[-1](hidden)).log_softmax(-1)
    assert log_probs.shape[2] == LABELS
    for row, length in enumerate(steps.tolist()):
        torch.testing.assert_close(ours[row, :length], log_probs[row, :length], atol=1e-5, rtol=1e-5)


def test_a_model_without_gates_is_refused():
    model = AcousticModel(AcousticConfig(channels=4, width=4, layers=1, cell="gru"), FEATURES)
    with pytest.raises(ValueError, match="GRU"):
        acoustic_activations(model, torch.randn(1, 5, FEATURES), torch.tensor([5]))
