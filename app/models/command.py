"""`oyez models` lists the shipped models; `oyez generate` has the language model continue a text."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oyez.app.console import usage_error

_MOST_SEED = 2**63 - 1


def models() -> None:
    """List the shipped models."""
    from oyez.models.checkpoint import PRETRAINED, read_config, read_folder, shipped_models
    from oyez.models.language.character import LANGUAGE_MODELS, SavedLanguageConfig, shipped_language_models

    table = Table("model", "size", "what it does", box=None)
    for name in shipped_models():
        acoustic = read_config(PRETRAINED / name)
        table.add_row(escape(name), f"{acoustic.weights_bytes / 1e6:.1f} MB", escape(acoustic.description))
    for name in shipped_language_models():
        language = read_folder(LANGUAGE_MODELS / name, SavedLanguageConfig)
        table.add_row(escape(name), f"{language.weights_bytes / 1e6:.1f} MB", escape(language.description))
    Console().print(table)


def generate(
    beginning: Annotated[str, typer.Argument(help="The text to continue.", show_default="none")] = "",
    model: Annotated[
        str, typer.Option("--model", "-m", help="A shipped language model's name, or a folder of one.")
    ] = "books",
    temperature: Annotated[
        float, typer.Option(help="Above 1 freer, below 1 safer, 0 always the likeliest letter.", min=0)
    ] = 0.7,
    top_k: Annotated[
        int | None,
        typer.Option(help="Choose among so many of the likeliest letters only.", min=1, show_default="all letters"),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many texts to write.", min=1, max=100_000)] = 1,
    max_length: Annotated[int, typer.Option(help="Letters to write at most.", min=1, max=100_000)] = 200,
    seed: Annotated[
        int | None, typer.Option(help="Random seed.", min=0, max=_MOST_SEED, show_default="another each time")
    ] = None,
) -> None:
    """Continue a text, letter by letter, with a character language model."""
    from oyez.data.text import TextError, normalise

    try:
        given = normalise(beginning) + (" " if beginning[-1:].isspace() else "")
    except TextError as error:
        usage_error(error)

    import torch

    from oyez.models import CheckpointError
    from oyez.models.language.character import load_language_model

    try:
        language_model = load_language_model(model)
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        for _ in range(count):
            letters = language_model.generate(given, temperature, top_k, max_length, generator)
            print(given, end="", flush=True)
            for letter in letters:
                print(letter, end="", flush=True)
            print(flush=True)
    except (CheckpointError, ValueError) as error:
        usage_error(error)
