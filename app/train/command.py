"""`oyez train`: train a model by a recipe, or fine-tune one on one's own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.app.console import usage_error
from oyez.app.errors import is_first_process, usage_errors

if TYPE_CHECKING:
    from oyez.models.config import ModelConfig

DataOption = Annotated[Path, typer.Option(help="The folder that holds the corpora.", envvar="OYEZ_DATA")]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]
ProcessesOption = Annotated[
    int | None, typer.Option(help="Training processes on the CPU.", min=1, show_default="one a core")
]


def train(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe's name (commands) or a TOML file.", show_default="none")
    ] = None,
    data: DataOption = Path("speech"),
    recordings: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a recipe: fine-tune --init on these recordings, a folder with manifest.tsv or "
            "manifest.jsonl (path, text, speaker).",
            show_default="none",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Start from this model, a shipped one's name or a folder; it gives the shape that the recipe leaves "
            "open.",
            show_default="none",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; one that is there resumes.", show_default="runs/RECIPE")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a setting: --set acoustic.cell=gru; repeatable.",
            metavar="KEY=VALUE",
            show_default="none",
        ),
    ] = None,
    device: DeviceOption = "cpu",
    processes: ProcessesOption = None,
) -> None:
    """Train a model by a recipe, or fine-tune one on recordings. Interrupted, the same command resumes.

    oyez train commands --data speech --out runs/commands

    oyez train --recordings my_voice --init english --out runs/my_voice
    """
    if (recipe is None) == (recordings is None):
        usage_error("name a recipe, or --recordings to fine-tune a model on, and not both")
    if recordings is not None and init is None:
        usage_error("--recordings needs --init: the model that is fine-tuned, such as english")
    from oyez.training.config import load_recipe
    from oyez.training.fine_tuning import fine_tuning_recipe, keep_language_model
    from oyez.training.processes import run
    from oyez.training.selection import refuse_missing_data
    from oyez.training.train import Run, work

    with usage_errors(recordings):
        if recordings is None:
            shape = None if init is None else _shape(init, out)
            loaded = load_recipe(str(recipe), setting or [], shape)
            out = out or Path("runs") / loaded.name
        else:
            out = out or Path("runs") / recordings.resolve().stem
            shape = _shape(str(init), out)
            loaded = fine_tuning_recipe(recordings, shape, out, setting or [], writes=is_first_process())
    with usage_errors(out):
        refuse_missing_data(loaded.data, data)  # at once, not after the processes have started
        run(work, Run(loaded, data, out, init), device, processes)
        if recordings is not None and is_first_process():
            for name in ("best", "last"):
                keep_language_model(str(init), out / name)
    if is_first_process():
        print(out / "best")


def _shape(init: str, out: Path | None) -> ModelConfig:
    """Return the configuration of the model to start from; if it is missing, of the run that started from it."""
    from oyez.models.checkpoint import CheckpointError, find_checkpoint, read_config
    from oyez.training.state import saved_shape

    try:
        return read_config(find_checkpoint(init))
    except CheckpointError:
        shape = saved_shape(out) if out is not None else None
        if shape is None:
            raise
        return shape
