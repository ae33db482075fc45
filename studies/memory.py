"""How long can each cell remember? The adding problem at growing lengths.

    python -m studies.memory --out docs/studies

Every cell gets the same width, the same examples and the same number of steps. The LSTM appears twice: with the
forget bias that it has everywhere in this project, and with one that keeps its gates all but open at the start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from matplotlib.figure import Figure
from torch import nn

from oyez.models.recurrent import Cell
from studies.problems import GUESSING, SOLVED, Adder, adam_step, adding_problem
from studies.report import OutOption, Report, SmallOption, Table, progress, run

OPEN = 5.0  # a forget bias: sigmoid(5) = 0.993
CELLS: dict[str, tuple[Cell, float | None]] = {  # name -> cell, forget bias if it is not the usual one
    "rnn-tanh": ("rnn-tanh", None),
    "rnn-relu": ("rnn-relu", None),
    "gru": ("gru", None),
    "lstm": ("lstm", None),
    f"lstm, forget bias {OPEN:g}": ("lstm", OPEN),
}
FAILURES = 2  # a cell that fails at so many lengths in a row is not tried on longer ones
_CHECK_EVERY = 50  # steps


@dataclass(frozen=True)
class Settings:
    """The size of the study."""

    lengths: tuple[int, ...] = (10, 30, 100, 200, 500)
    width: int = 48
    batch: int = 32
    steps: int = 4000
    learning_rate: float = 5e-3
    max_grad_norm: float = 1.0
    test_examples: int = 500
    seed: int = 1


SMALL = replace(Settings(), lengths=(4, 8), width=8, steps=60, test_examples=50)


@dataclass(frozen=True)
class Outcome:
    """What a cell made of one length."""

    cell: str
    length: int
    error: float  # mean squared, on examples that it did not learn from; the least over the run
    steps: int  # until it was solved, or all of them

    @property
    def solved(self) -> bool:
        """Whether the answers are right."""
        return self.error < SOLVED


def learn(name: str, length: int, settings: Settings) -> Outcome:
    """Train one of CELLS on one length until it is solved or the steps are used up."""
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    cell, forget_bias = CELLS[name]
    model = Adder(cell, settings.width)
    if forget_bias is not None:
        with torch.no_grad():
            model.layer.get_parameter("bias_ih_l0")[settings.width : 2 * settings.width].fill_(forget_bias)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    test_inputs, test_answers = adding_problem(settings.test_examples, length, generator)
    least = float("inf")
    for step in range(1, settings.steps + 1):
        inputs, answers = adding_problem(settings.batch, length, generator)
        loss = nn.functional.mse_loss(model(inputs), answers)
        adam_step(model, optimiser, loss, settings.max_grad_norm)
        if step % _CHECK_EVERY == 0 or step == settings.steps:
            with torch.inference_mode():
                least = min(least, float(nn.functional.mse_loss(model(test_inputs), test_answers)))
            if least < SOLVED:
                break
    return Outcome(name, length, least, step)


def study(settings: Settings) -> Report:
    """Train every cell on every length."""
    outcomes = []
    for cell in CELLS:
        failures = 0
        for length in settings.lengths:
            if failures == FAILURES:
                break
            outcome = learn(cell, length, settings)
            failures = 0 if outcome.solved else failures + 1
            progress(f"{cell}, length {length}: error {outcome.error:.4f} after {outcome.steps} steps")
            outcomes.append(outcome)
    return Report(
        name="memory",
        title="How long each cell remembers: the adding problem",
        setting=(
            f"One layer of {settings.width} units, Adam at {settings.learning_rate:g}, gradients clipped to "
            f"{settings.max_grad_norm:g}, at most {settings.steps} batches of {settings.batch}, seed {settings.seed}. "
            f"An error below {SOLVED:g} counts as solved; always answering 1 gives {GUESSING:.3f}. A cell that failed "
            f"at {FAILURES} lengths in a row was not tried on longer ones."
        ),
        figure=_figure(outcomes, settings),
        tables=[
            Table(
                f"Mean squared error, and the batches after which it was below {SOLVED:g}",
                ("cell", *(f"length {length}" for length in settings.lengths)),
                [(cell, *(_written(cell, length, outcomes) for length in settings.lengths)) for cell in CELLS],
            )
        ],
    )


def _written(cell: str, length: int, outcomes: list[Outcome]) -> str:
    for outcome in outcomes:
        if (outcome.cell, outcome.length) == (cell, length):
            return f"{outcome.error:.4f}" + (f" ({outcome.steps})" if outcome.solved else ", failed")
    return "not tried"


def _figure(outcomes: list[Outcome], settings: Settings) -> Figure:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for cell in CELLS:
        own = [outcome for outcome in outcomes if outcome.cell == cell]
        axes.plot([o.length for o in own], [o.error for o in own], marker="o", label=cell)
    axes.axhline(GUESSING, color="grey", linestyle=":")
    axes.annotate("always answering 1", (settings.lengths[0], GUESSING), color="grey", va="bottom")
    axes.axhline(SOLVED, color="grey", linestyle="--")
    axes.annotate("solved", (settings.lengths[0], SOLVED), color="grey", va="bottom")
    axes.set(xscale="log", yscale="log", xlabel="length of the sequence, in steps", ylabel="mean squared error")
    axes.set_xticks(settings.lengths, [str(length) for length in settings.lengths])
    axes.minorticks_off()
    axes.legend()
    return figure


def command(
    out: OutOption = Path("docs/studies"),
    seed: Annotated[int, typer.Option(min=0)] = 1,
    small: SmallOption = False,
) -> None:
    """Find the length at which each cell fails on the adding problem."""
    settings = replace(SMALL if small else Settings(), seed=seed)
    size = " --small" if small else ""
    run(lambda: study(settings), out, f"python -m studies.memory --seed {seed}{size}")


if __name__ == "__main__":
    typer.run(command)
