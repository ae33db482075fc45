"""What the subcommands share: groups of commands, messages, progress, and the end after a usage error."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

console = Console(stderr=True)


class FiniteCommand(TyperCommand):
    """A command that refuses `nan` and `inf`, which pass every test of a range."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. Raises typer.BadParameter for a number that is none."""
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            value = ctx.params.get(parameter.name)
            numbers = value if isinstance(value, (list, tuple)) else [value]
            for number in numbers:
                if isinstance(number, float) and not math.isfinite(number):
                    raise typer.BadParameter(f"{number} is not a finite number.", ctx=ctx, param=cast(Any, parameter))
        return rest


class CommandGroup(typer.Typer):
    """Commands under one name: each takes finite numbers only, and without arguments the group shows its help."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(no_args_is_help=True, pretty_exceptions_enable=False, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Register a function as a command, by its own name or another."""
        return super().command(name, **{"cls": FiniteCommand, **settings})


def say(message: object) -> None:
    """Print a message to stderr, as it is."""
    console.print(str(message), markup=False, highlight=False, soft_wrap=True)


def usage_error(reason: object) -> NoReturn:
    """Print what is wrong with the arguments and end with exit code 2."""
    say(f"error: {reason}")
    raise typer.Exit(2)


def say_loading() -> None:
    """Print, where somebody waits at a terminal, that a model is being loaded: that takes seconds."""
    if console.is_terminal:
        say("Loading the model…")


@contextmanager
def progress_bar(total: int, unit: str, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Show progress in the terminal, if stderr is one; gives the function that advances it."""
    columns = BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn()
    hidden = hidden or total < 2 or not console.is_terminal
    # without redirect_stdout=False, rich would take what is printed to stdout along to stderr
    with Progress(*columns, console=console, transient=True, disable=hidden, redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
