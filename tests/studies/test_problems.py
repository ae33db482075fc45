"""Study 1 and 2: the problem, the gradients through time, and the length at which memory fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from studies import gradients, memory
from studies.problems import GUESSING, adding_problem


@pytest.fixture(autouse=True)
def same_weights_at_every_run():
    torch.manual_seed(3)


def test_adding_problem_marks_one_number_in_each_half_and_asks_for_their_sum():
    inputs, answers = adding_problem(200, 9, torch.Generator().manual_seed(1))
    numbers, marks = inputs.unbind(-1)
    assert (marks[:, :4].sum(1) == 1).all()
    assert (marks[:, 4:].sum(1) == 1).all()
    torch.testing.assert_close((numbers * marks).sum(1), answers)
    many = adding_problem(20_000, 10, torch.Generator().manual_seed(1))[1]
    assert ((many - 1) ** 2).mean() == pytest.approx(GUESSING, abs=0.005)


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.25])
def test_gradient_of_a_chain_without_saturation_is_multiplied_by_its_weight(gain):
    model = gradients.StepByStep("rnn-relu", 2, 4)
    with torch.no_grad():
        model.cell.weight_hh.copy_(gain * torch.eye(4))
        model.cell.weight_ih.abs_()
        model.cell.bias_ih.fill_(0.5)  # so that every unit is always on
        model.cell.bias_hh.zero_()
    inputs, answers = adding_problem(5, 12, torch.Generator().manual_seed(1))
    norms = gradients.gradient_by_distance(model, inputs, answers)["hidden"]
    assert len(norms) == 12
    for distance, norm in enumerate(norms):
        assert norm / norms[0] == pytest.approx(gain**distance, rel=1e-6)
    assert gradients.factor_a_step(norms) == pytest.approx(gain)


def test_orthogonal_weights_have_the_wanted_size():
    model = gradients.with_orthogonal_weights(gradients.StepByStep("rnn-tanh", 2, 6), 1.7)
    torch.testing.assert_close(torch.linalg.svdvals(model.cell.weight_hh), torch.full((6,), 1.7))


def test_only_the_lstm_has_a_cell_state_and_its_steps_are_torchs():
    inputs, answers = adding_problem(3, 6, torch.Generator().manual_seed(1))
    for name in gradients.CELLS:
        norms = gradients.gradient_by_distance(gradients.StepByStep(name, 2, 5), inputs, answers)
        assert norms.keys() == ({"hidden", "cell"} if name == "lstm" else {"hidden"})
    model = gradients.StepByStep("lstm", 2, 5)
    fused = nn.LSTM(2, 5, batch_first=True)
    fused.load_state_dict({f"{name}_l0": value for name, value in model.cell.state_dict().items()})
    _, hidden_states, _ = model(inputs)
    torch.testing.assert_close(torch.stack(hidden_states, dim=1), fused(inputs)[0])


def test_sigmoid_cell_follows_its_equation():
    cell = gradients.SigmoidCell(2, 3)
    inputs, hidden = torch.randn(4, 2), torch.randn(4, 3)
    expected = torch.sigmoid(inputs @ cell.weight_ih.T + cell.bias_ih + hidden @ cell.weight_hh.T + cell.bias_hh)
    torch.testing.assert_close(cell(inputs, hidden), expected)


def test_what_is_short_is_remembered_and_what_was_too_long_twice_is_not_tried():
    settings = replace(memory.Settings(), width=16, steps=800, test_examples=100)
    solved = memory.learn("gru", 4, settings)
    assert solved.solved
    assert solved.steps < 800
    hopeless = replace(memory.SMALL, lengths=(4, 6, 8), steps=1)
    table = memory.study(hopeless).tables[0]
    assert [row[-1] for row in table.rows] == ["not tried"] * len(memory.CELLS)
    assert all(row[1].endswith("failed") for row in table.rows)


def test_the_same_seed_gives_the_same_outcome():
    assert memory.learn("lstm", 4, memory.SMALL) == memory.learn("lstm", 4, memory.SMALL)
