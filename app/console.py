"""What the subcommands share: the console for messages, progress, loading a recogniser, the end after wrong use."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from oyez.models import Recognizer
    from oyez.training.evaluation.evaluate import Noisy


_STDERR = 2  # its file descriptor

console = Console(stderr=True)


class Decoding(StrEnum):
    """How log-probabilities become text."""

    beam = "beam"
    greedy = "greedy"
    word = "word"
    ngram = "ngram"
    lstm = "lstm"


class PrecisionChoice(StrEnum):
    """What the network computes in."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped model's name, or a model folder.")]
DecodingOption = Annotated[
    Decoding | None,
    typer.Option(
        help="greedy: each step alone; beam: any words of the vocabulary; word: exactly one word; ngram: with the "
        "model's word language model; lstm: with a character language model, slowly.  [default: ngram if the model has "
        "one, else beam]"
    ),
]
CommandsOption = Annotated[
    Path | None, typer.Option("--commands", "-c", help="Hear the sentences of this commands file and nothing else.")
]
PrecisionOption = Annotated[
    PrecisionChoice, typer.Option(help="auto: bfloat16 where the processor is made for it, else float32.")
]
NoiseOption = Annotated[
    Path | None, typer.Option(help="A recording of noise, or a folder of them, to hear the same speech in.")
]
SnrOption = Annotated[
    list[float] | None, typer.Option(help="With --noise: speech over noise in dB; may be given several times.")
]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]


def say(message: object) -> None:
    """Print a message to stderr, as it is."""
    console.print(str(message), markup=False, highlight=False, soft_wrap=True)


def wrong_use(reason: object) -> NoReturn:
    """Say what is wrong and end with exit code 2."""
    say(f"error: {reason}")
    raise typer.Exit(2)


def finite(value: float | None) -> float | None:
    """Return the value of an option if it is a finite number; for typer's callbacks. Anything else is a usage error."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def load_recognizer(
    model: str,
    device: str,
    decoding: Decoding | None,
    precision: PrecisionChoice = PrecisionChoice.float32,
) -> Recognizer:
    """Load a recogniser as the options name it; a mistake in them ends the command."""
    from oyez.models import CheckpointError, Recognizer

    try:
        return Recognizer.load(model, device, decoding.value if decoding else None, precision.value)
    except (CheckpointError, ValueError) as error:
        wrong_use(error)
    except (RuntimeError, AssertionError) as error:  # torch has no such device
        wrong_use(f"--device {device}: {str(error).splitlines()[0]}")


def load_noise(noise: Path | None, snr: Sequence[float] | None) -> dict[float, Noisy]:
    """Return what puts --noise over utterances at each --snr; a mistake in them ends the command."""
    from oyez.training.config import RecipeError
    from oyez.training.evaluation.evaluate import Noisy
    from oyez.training.selection import noises

    if (noise is None) != (not snr):
        wrong_use("--noise and --snr belong together: what to mix in, and how loud")
    try:
        recorded = noises([noise], Path()) if noise is not None else []
    except RecipeError as error:
        wrong_use(error)
    return {each: Noisy([recording for kind in recorded for recording in kind], each) for each in snr or ()}


@contextmanager
def hushed_libraries() -> Iterator[None]:
    """Keep what libraries in C write to stderr (mpg123 comments on each damaged file) out of our messages."""
    try:
        leads_there = sys.stderr is not None and sys.stderr.fileno() == _STDERR
    except OSError:  # it is no file
        leads_there = False
    if not leads_there:
        yield
        return
    ours, theirs = sys.stderr, os.dup(_STDERR)
    sys.stderr = os.fdopen(theirs, "w", encoding=ours.encoding, errors=ours.errors, buffering=1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), _STDERR)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(theirs, _STDERR)
        sys.stderr.close()
        sys.stderr = ours


@contextmanager
def progress_bar(total: int, unit: str, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Show progress in the terminal, if stderr is one; gives the function that advances it."""
    columns = BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn()
    hidden = hidden or total < 2 or not console.is_terminal
    # without redirect_stdout=False, rich would take what is printed to stdout along to stderr
    with Progress(*columns, console=console, transient=True, disable=hidden, redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
