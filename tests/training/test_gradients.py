"""Gradient norms: those of torch.autograd, by layer and through time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from oyez.models.acoustic import AcousticConfig, AcousticModel
from oyez.training.gradients import norms_by_layer, norms_by_step


@pytest.fixture(autouse=True)
def same_weights_at_every_run():
    torch.manual_seed(6)


def test_norms_by_layer_make_up_the_norm_of_the_whole_gradient():
    network = AcousticModel(AcousticConfig(channels=5, width=4, layers=2), 6)
    log_probs, _ = network(torch.randn(2, 12, 6), torch.tensor([12, 9]))
    log_probs[:, :, 3].sum().backward()
    norms = norms_by_layer(network)
    assert "recurrent.forwards.0" in norms
    assert "recurrent.backwards.1" in norms
    whole = torch.cat([p.grad.flatten() for p in network.parameters()]).norm()
    assert torch.tensor(list(norms.values())).norm() == pytest.approx(float(whole), rel=1e-5)


class LastStep(nn.Module):
    """Two recurrent layers, asked after the last step."""

    def __init__(self):
        super().__init__()
        self.first = nn.GRU(3, 5, batch_first=True)
        self.second = nn.LSTM(5, 4, batch_first=True)

    def forward(self, sequences):
        self.between = self.first(sequences)[0]
        self.between.retain_grad()
        return self.second(self.between)[0][:, -1].sum()


def test_norms_by_step_are_those_of_what_each_layer_reads():
    network = LastStep()
    sequences = torch.randn(2, 7, 3, requires_grad=True)
    with norms_by_step(network) as norms:
        network(sequences).backward()
    assert norms.keys() == {"first", "second"}
    torch.testing.assert_close(norms["first"], sequences.grad.transpose(0, 1).flatten(1).norm(dim=1))
    torch.testing.assert_close(norms["second"], network.between.grad.transpose(0, 1).flatten(1).norm(dim=1))
    assert norms["second"][-1] > 3 * norms["second"][0]  # it vanishes


def test_nothing_is_watched_afterwards_and_inputs_without_gradient_are_left_alone():
    network = LastStep()
    with norms_by_step(network) as norms:
        network(torch.randn(2, 7, 3)).backward()
    assert norms.keys() == {"second"}
    norms.clear()
    network(torch.randn(2, 7, 3, requires_grad=True)).backward()
    assert norms == {}
