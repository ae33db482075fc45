"""A problem made to test memory, and a network of one cell to solve it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from oyez.models.recurrent import Cell, recurrent_layer

GUESSING = 1 / 6  # mean squared error of the adding problem for who always answers 1: the variance of the sum
SOLVED = 0.01  # mean squared error: answers that are right to about a tenth


def adding_problem(batch: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw examples of the adding problem (Hochreiter and Schmidhuber 1997, experiment 4).

    Of two numbers in each step, the first is random and the second marks two steps, one in each half. The answer,
    asked for after the last step, is the sum of the two marked numbers.

    Returns:
        inputs, shape (batch, length, 2), and answers, shape (batch,).
    """
    numbers = torch.rand(batch, length, generator=generator)
    first = torch.randint(0, length // 2, (batch, 1), generator=generator)
    second = torch.randint(length // 2, length, (batch, 1), generator=generator)
    marks = torch.zeros(batch, length).scatter_(1, first, 1.0).scatter_(1, second, 1.0)
    return torch.stack([numbers, marks], dim=-1), (numbers * marks).sum(1)


class Adder(nn.Module):
    """One recurrent layer that reads the problem, and a linear layer that answers from its last output."""

    def __init__(self, cell: Cell, width: int) -> None:
        super().__init__()
        self.layer = recurrent_layer(cell, 2, width)
        self.answer = nn.Linear(width, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, length, 2) to answers (batch,)."""
        outputs, _ = self.layer(inputs)
        return self.answer(outputs[:, -1])[:, 0]


def adam_step(model: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor, norm: float) -> None:
    """Follow the gradient, clipped to a norm (Pascanu et al. 2013)."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own
    nn.utils.clip_grad_norm_(model.parameters(), norm)
    optimiser.step()
