"""How much of the loss's gradient reaches a state that lies so many steps back? Vanishing and exploding gradients.

    python -m studies.gradients --out docs/studies

Networks of one layer read the adding problem and answer after the last step. Each is run step by step, so that every
hidden state (and the LSTM's cell state) can be asked for its gradient: with PyTorch's initial weights, with recurrent
weights of a chosen size, and after training.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal

import torch
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from studies.problems import SOLVED, adam_step, adding_problem
from studies.report import OutOption, Report, SmallOption, Table, progress, run

CellName = Literal["rnn-sigmoid", "rnn-tanh", "rnn-relu", "gru", "lstm"]
CELLS: tuple[CellName, ...] = ("rnn-sigmoid", "rnn-tanh", "rnn-relu", "gru", "lstm")
_COLOURS: dict[str, str] = dict(zip(CELLS, ("C5", "C0", "C1", "C2", "C3"), strict=True))
_LEAST_SHOWN = 1e-16
_BATCHES_OF_ERROR = 50


@dataclass(frozen=True)
class Settings:
    """The size of the study."""

    length: int = 50
    width: int = 48
    batch: int = 32
    steps: int = 3000  # of training, at most
    learning_rate: float = 5e-3
    max_grad_norm: float = 1.0
    gains: tuple[float, ...] = (0.7, 1.0, 2.0)  # sizes of orthogonal recurrent weights
    seed: int = 1


SMALL = replace(Settings(), length=8, width=6, steps=20)


class SigmoidCell(nn.RNNCell):
    """An Elman cell with the logistic function, which torch does not have."""

    def forward(self, inputs: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the next hidden state, shape (batch, width)."""
        scores = nn.functional.linear(inputs, self.weight_ih, self.bias_ih)
        if hidden is not None:
            scores = scores + nn.functional.linear(hidden, self.weight_hh)
        return torch.sigmoid(scores + self.bias_hh)


class StepByStep(nn.Module):
    """One cell that is run over a sequence in a loop, and keeps every state."""

    def __init__(self, name: CellName, inputs: int, width: int) -> None:
        super().__init__()
        self.cell = _cell(name, inputs, width)
        self.answer = nn.Linear(width, 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Map (batch, length, inputs) to answers (batch,), and the hidden and cell states of each step.

        There are cell states only of an LSTM.
        """
        hidden_states: list[Tensor] = []
        cell_states: list[Tensor] = []
        state: Tensor | tuple[Tensor, Tensor] | None = None
        for step in inputs.unbind(1):
            state = self.cell(step, state)
            if isinstance(state, tuple):
                hidden_states.append(state[0])
                cell_states.append(state[1])
            else:
                assert state is not None
                hidden_states.append(state)
        return self.answer(hidden_states[-1])[:, 0], hidden_states, cell_states


def gradient_by_distance(model: StepByStep, inputs: Tensor, answers: Tensor) -> dict[str, list[float]]:
    """Return the norm of the loss's gradient with respect to the state so many steps before the last one.

    Returns:
        "hidden", and of an LSTM "cell": the mean norm over the batch at distances 0, 1, ... The state of the last step
        has only the answer after it.
    """
    model = model.double()  # the smallest gradients of interest are below what float32 can tell from 0
    answer, hidden_states, cell_states = model(inputs.double())
    loss = nn.functional.mse_loss(answer, answers.double(), reduction="sum")
    norms = {}
    for name, states in (("hidden", hidden_states), ("cell", cell_states)):
        if states:
            gradients = torch.autograd.grad(loss, states, retain_graph=True)
            norms[name] = [float(gradient.norm(dim=1).mean()) for gradient in reversed(gradients)]
    model.float()
    return norms


def with_orthogonal_weights(model: StepByStep, gain: float) -> StepByStep:
    """Make the recurrent weights of an Elman network `gain` times a random rotation: all singular values are `gain`."""
    nn.init.orthogonal_(model.cell.get_parameter("weight_hh"), gain)
    return model


def train(model: StepByStep, settings: Settings, generator: torch.Generator) -> float:
    """Train on the adding problem until it is solved or the steps are used up.

    Returns the mean squared error over the last batches.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    losses: deque[float] = deque(maxlen=_BATCHES_OF_ERROR)
    for _ in range(settings.steps):
        inputs, answers = adding_problem(settings.batch, settings.length, generator)
        loss = nn.functional.mse_loss(model(inputs)[0], answers)
        adam_step(model, optimiser, loss, settings.max_grad_norm)
        losses.append(loss.item())
        if len(losses) == _BATCHES_OF_ERROR and fmean(losses) < SOLVED:
            break
    return fmean(losses)


def study(settings: Settings) -> Report:
    """Measure every cell at the start, with chosen weights, and after training."""
    generator = torch.Generator().manual_seed(settings.seed)
    inputs, answers = adding_problem(settings.batch, settings.length, generator)
    at_start: dict[str, list[float]] = {}
    trained: dict[str, list[float]] = {}
    errors: dict[str, float] = {}
    chosen: dict[str, list[float]] = {}
    for name in CELLS:
        torch.manual_seed(settings.seed)
        model = StepByStep(name, 2, settings.width)
        at_start |= _curves(name, gradient_by_distance(model, inputs, answers))
        errors[name] = train(model, settings, torch.Generator().manual_seed(settings.seed + 1))
        trained |= _curves(name, gradient_by_distance(model, inputs, answers))
        progress(f"{name}: error {errors[name]:.4f} after training")
    for elman in ("rnn-tanh", "rnn-relu"):
        for gain in settings.gains:
            torch.manual_seed(settings.seed)
            model = with_orthogonal_weights(StepByStep(elman, 2, settings.width), gain)
            chosen[f"{elman}, {gain:g}"] = gradient_by_distance(model, inputs, answers)["hidden"]
    return Report(
        name="gradients",
        title="Gradients through time",
        setting=(
            f"One layer of {settings.width} units reads {settings.length} steps of the adding problem; the norm of the "
            "loss's gradient with respect to each state, as a share of that at the last step, mean over "
            f"{settings.batch} sequences. Training: until the error is below {SOLVED:g}, at most {settings.steps} "
            f"batches of {settings.batch}, Adam at {settings.learning_rate:g}, gradients clipped to "
            f"{settings.max_grad_norm:g}, seed {settings.seed}. The LSTM begins with a forget bias of 1."
        ),
        figure=_figure(at_start, chosen, trained),
        tables=[
            _table("With PyTorch's initial weights", at_start, {}),
            _table("At the start, with orthogonal recurrent weights of this gain", chosen, {}),
            _table("After training", trained, errors),
        ],
    )


def factor_a_step(norms: Sequence[float]) -> float:
    """Return by how much the gradient is multiplied from one step to the one before it, on geometric average."""
    return (norms[-1] / norms[0]) ** (1 / (len(norms) - 1)) if norms[-1] > 0 else 0.0


def _cell(name: CellName, inputs: int, width: int) -> nn.RNNCellBase:
    if name == "lstm":
        lstm = nn.LSTMCell(inputs, width)
        with torch.no_grad():  # as in models/recurrent.py
            lstm.bias_ih[width : 2 * width].fill_(1.0)
        return lstm
    if name == "gru":
        return nn.GRUCell(inputs, width)
    if name == "rnn-sigmoid":
        return SigmoidCell(inputs, width)
    return nn.RNNCell(inputs, width, nonlinearity=name.removeprefix("rnn-"))


def _curves(name: str, norms: dict[str, list[float]]) -> dict[str, list[float]]:
    curves = {name: norms["hidden"]}
    if "cell" in norms:
        curves[f"{name}, cell state"] = norms["cell"]
    return curves


def _table(title: str, curves: dict[str, list[float]], errors: dict[str, float]) -> Table:
    last = len(next(iter(curves.values()))) - 1
    distances = [distance for distance in (1, 10, 30, last) if distance <= last]
    headings = ("state", *(f"{distance} back" for distance in distances), "factor a step")
    rows = []
    for name, norms in curves.items():
        cells = [name, *(f"{norms[distance] / norms[0]:.2g}" for distance in distances), f"{factor_a_step(norms):.3f}"]
        if errors:
            cells.append(f"{errors[name]:.4f}" if name in errors else "")
        rows.append(tuple(cells))
    return Table(title, (*headings, "error") if errors else headings, rows)


def _figure(
    at_start: dict[str, list[float]], chosen: dict[str, list[float]], trained: dict[str, list[float]]
) -> Figure:
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True)
    for axes, curves, title in [(left, at_start, "initial weights"), (right, trained, "after training")]:
        for name, norms in curves.items():
            cell, _, state = name.partition(",")
            _draw(axes, norms, name, _COLOURS[cell], "--" if state else "-")
        axes.set_title(title)
    widths = [1.0, 2.0, 3.0]
    for number, (name, norms) in enumerate(chosen.items()):
        cell, _, gain = name.partition(", ")
        _draw(middle, norms, f"{cell}, gain {gain}", _COLOURS[cell], "-", widths[number % 3])
    middle.set_title("orthogonal recurrent weights")
    left.set_ylabel("gradient norm, last step = 1")
    for axes in (left, middle, right):
        axes.set_yscale("log")
        axes.set_ylim(_LEAST_SHOWN, 1e8)
        axes.set_xlabel("steps back in time")
        axes.axhline(1, color="grey", linewidth=0.5)
        axes.legend(fontsize=7)
    return figure


def _draw(axes: Axes, norms: list[float], label: str, colour: str, style: str, width: float = 1.5) -> None:
    shares = [norm / norms[0] if norm > 0 else math.nan for norm in norms]
    axes.plot(range(len(shares)), shares, label=label, color=colour, linestyle=style, linewidth=width)


def command(
    out: OutOption = Path("docs/studies"),
    seed: Annotated[int, typer.Option(min=0)] = 1,
    small: SmallOption = False,
) -> None:
    """Measure the gradient by its distance in time, for each cell."""
    settings = replace(SMALL if small else Settings(), seed=seed)
    size = " --small" if small else ""
    run(lambda: study(settings), out, f"python -m studies.gradients --seed {seed}{size}")


if __name__ == "__main__":
    typer.run(command)
