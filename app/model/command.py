"""`oyez model average | card`: the mean of models, and what a model says about itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import CommandGroup, usage_error
from oyez.app.errors import usage_errors

model_app = CommandGroup(help="Work on trained models.")


@model_app.command()
def average(
    model: Annotated[list[str], typer.Argument(help="Two or more, each a shipped one's name or a folder.")],
    out: Annotated[Path, typer.Option(help="The folder of the mean; must not exist.")],
    weight: Annotated[
        list[float] | None,
        typer.Option(help="How much each model counts, in order; repeatable.", show_default="all alike"),
    ] = None,
) -> None:
    """Write the mean of the weights of several models that began with the same one.

    oyez model average runs/english/best runs/english-words/best --weight 0.4 --weight 0.6 --out runs/mean
    """
    if out.exists():
        usage_error(f"--out {out} exists already")
    if len(model) < 2:
        usage_error("a mean is of two models or more")
    from oyez.models.network import load_checkpoint, save_checkpoint
    from oyez.training.averaging import mean_of

    with usage_errors(out):
        try:
            mean = mean_of([load_checkpoint(name) for name in model], weight or [1.0] * len(model))
        except ValueError as error:
            usage_error(error)
        parts = "".join(f"- {name}\n" for name in model)
        save_checkpoint(out, mean, f"# {mean.config.name}\n\n{mean.config.description}\n\nThe mean of\n\n{parts}")
    print(out)


@model_app.command()
def card(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a folder.")],
) -> None:
    """Print a model's card: what it was trained on, how well it does, its licence."""
    from oyez.models.checkpoint import CARD, LANGUAGE_MODELS, CheckpointError, find_checkpoint

    with usage_errors():
        try:
            folder = find_checkpoint(model)
        except CheckpointError as error:
            try:
                folder = find_checkpoint(model, LANGUAGE_MODELS)
            except CheckpointError:
                raise error from None
        print((folder / CARD).read_text(encoding="utf-8"), end="")
