"""The command line of training: `python -m training.train` and `oyez train` are this function."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path, typer.Option(help="The folder that holds the corpora.", envvar="OYEZ_DATA")]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]
ProcessesOption = Annotated[
    int | None, typer.Option(help="Processes, on the CPU.", min=1, max=1024, show_default="one a core")
]


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (commands) or a TOML file.")],
    data: DataOption = Path("speech"),
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; a run that is there resumes.", show_default="runs/RECIPE")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: --set acoustic.cell=gru", metavar="KEY=VALUE")
    ] = None,
    init: Annotated[str | None, typer.Option(help="Start from this model: a shipped one's name, or a folder.")] = None,
    device: DeviceOption = "cpu",
    processes: ProcessesOption = None,
) -> None:
    """Train a model by a recipe. Interrupted, it goes on where it was when it is run again."""
    from oyez.models.checkpoint import CheckpointError
    from oyez.training.config import RecipeError, load_recipe
    from oyez.training.processes import Interrupted, ProcessError, run
    from oyez.training.train import Run, work

    try:
        loaded = load_recipe(recipe, setting or [])
        out = out or Path("runs") / loaded.name
        run(work, Run(loaded, data, out, init), device, processes)
    except (RecipeError, CheckpointError, ProcessError) as error:
        _say(f"error: {error}")
        raise typer.Exit(2) from error
    except OSError as error:
        _say(f"error: {out}: {error}")
        raise typer.Exit(2) from error
    except Interrupted as stop:
        _say(str(stop))
        raise typer.Exit(128 + stop.signal) from stop
    if _speaks():
        print(out / "best")


def _say(message: str) -> None:
    if _speaks():
        print(message, file=sys.stderr)


def _speaks() -> bool:
    """Whether this is the process that talks: of those that torchrun starts, the first one."""
    return os.environ.get("RANK", "0") == "0"
