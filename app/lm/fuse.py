"""`oyez lm fuse-ngram | fuse-character`: give a model a language model, weighted on validation speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from oyez.app.console import say, usage_error
from oyez.app.errors import usage_errors

if TYPE_CHECKING:
    from pydantic import BaseModel

    from oyez.training.lm.fusion import ValidationSpeech

ModelArgument = Annotated[Path, typer.Argument(help="A model folder; the language model or its weights go into it.")]
RecipeOption = Annotated[str, typer.Option(help="The recipe whose validation speech is used.")]
DataOption = Annotated[Path, typer.Option(help="The folder that holds the corpora.", envvar="OYEZ_DATA")]
ShareOption = Annotated[float, typer.Option(help="Of the validation speech, evenly spread.", min=0.001, max=1)]


def fuse_ngram(
    model: ModelArgument,
    file: Annotated[Path, typer.Argument(help="An ARPA file, plain or packed by gzip, or KenLM's binary.")],
    recipe: RecipeOption = "english",
    data: DataOption = Path("speech"),
    share: ShareOption = 1.0,
) -> None:
    """Put a word n-gram language model into a model's folder, with the weights that are best on validation speech.

    oyez lm fuse-ngram runs/english/best words.arpa --recipe english --data speech
    """
    if not file.is_file():
        usage_error(f"{file}: no such file")
    from oyez.training.lm.fusion import fit_ngram, save_ngram_fusion

    with usage_errors(file):
        speech = _speech(model, recipe, data, share)
        try:
            fusion = fit_ngram(file, speech)
        except ValueError as error:
            usage_error(error)
        if fusion.perplexity is not None:
            figures = f"perplexity {fusion.perplexity:.0f}, {fusion.unknown:.1%} of the words unknown"
            Console().print(f"texts of several words: {figures}\n")
        _show(fusion.tried)
        save_ngram_fusion(model, fusion)


def fuse_character(
    model: ModelArgument, recipe: RecipeOption = "english", data: DataOption = Path("speech"), share: ShareOption = 0.1
) -> None:
    """Find the weights of the shipped character language model that are best on validation speech.

    oyez lm fuse-character runs/english/best --recipe english --data speech
    """
    from oyez.training.lm.fusion import fit_character_fusion, save_character_fusion

    with usage_errors():
        tried = fit_character_fusion(_speech(model, recipe, data, share))
        _show(tried)
        save_character_fusion(model, tried[0][0])


def _speech(model: Path, recipe: str, data: Path, share: float) -> ValidationSpeech:
    from oyez.training.lm.fusion import validation_speech

    speech = validation_speech(model, recipe, data, share)
    for reason in speech.skipped:
        say(f"skipped: {reason}")
    return speech


def _show(tried: Sequence[tuple[BaseModel, float]]) -> None:
    numbers = [name for name, field in type(tried[0][0]).model_fields.items() if field.annotation is float]
    table = Table(*numbers, "WER", box=None)
    for config, error_rate in tried:
        values = [getattr(config, name) for name in numbers]
        table.add_row(*(f"{value:g}" for value in values), f"{error_rate:.1%}")
    Console().print(table)
