"""Give a model a language model, with the weights that are best on validation speech.

    python -m training.fusion ngram runs/english/best words.arpa.gz --recipe english --data speech
    python -m training.fusion lstm runs/english/best --recipe english --data speech --share 0.1

`ngram` puts a word n-gram language model (see `ngram`) into the model's folder, with its weight and that of
the label prior; `lstm` finds the weights for the shipped character language model. The validation speech is that of the
recipe; test speech is never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import jiwer
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from oyez.data.alphabet import decode, encode
from oyez.data.manifest import Utterance
from oyez.models.checkpoint import CheckpointError, find_checkpoint, read_config, save_config, save_ngram
from oyez.models.decoding.alignment import align_words
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.ngram import NgramConfig, NgramDecoder
from oyez.models.decoding.prior import label_prior
from oyez.models.language.character import load_language_model
from oyez.models.language.character_decoder import CharacterLmDecoder
from oyez.models.language.fusion import FusionConfig
from oyez.training.calibration.word_confidence import fit_word_confidence
from oyez.training.config import RecipeError, load_recipe
from oyez.training.evaluation.evaluate import Heard, load_letter_model, some_at_once
from oyez.training.selection import select

WORD_GRID = {
    "weight": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),  # of a word's log-probability, to the base of ten
    "prior_weight": (0.0, 0.2, 0.4, 0.6, 0.8),  # of the label prior
    "word_score": (-2.0, -1.0, 0.0, 1.0, 2.0),
}
LETTER_WEIGHTS = (0.2, 0.4, 0.6)  # of a letter's log-probability
LETTER_SCORES = (0.0, 0.5, 1.0)

Config = TypeVar("Config", bound=BaseModel)
ModelArgument = Annotated[Path, typer.Argument(help="A model folder; the language model or its weights go into it.")]
RecipeOption = Annotated[str, typer.Option(help="The recipe whose validation speech is used.")]
DataOption = Annotated[Path, typer.Option(help="The folder with the corpora.")]
ShareOption = Annotated[float, typer.Option(help="Of the validation speech, evenly spread.", min=0.001, max=1)]

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


def tune(
    configs: Sequence[Config],
    search: Callable[[Config, LogProbs], str],
    log_probs: Sequence[LogProbs],
    texts: Sequence[str],
) -> list[tuple[Config, float]]:
    """Return the word error rate for each configuration of a search, best first.

    Args:
        configs: what to try.
        search: gives the text of one utterance's log-probabilities, shape (steps, labels).
        log_probs: of each utterance.
        texts: of each utterance; one at least must not be empty.
    """
    tried = []
    for config in configs:
        heard = [search(config, each) for each in log_probs]
        tried.append((config, float(jiwer.wer(list(texts), heard))))
    return sorted(tried, key=lambda pair: pair[1])


def tune_one_by_one(
    start: Config,
    grid: Mapping[str, Sequence[float]],
    search: Callable[[Config, LogProbs], str],
    log_probs: Sequence[LogProbs],
    texts: Sequence[str],
) -> list[tuple[Config, float]]:
    """Return the word error rate for each configuration that was tried, best first: coordinate descent over a grid.

    Args:
        start: what the grid does not name.
        grid: field -> its values, the likeliest in the middle.
        search, log_probs, texts: as of `tune`.
    """
    best = start.model_copy(update={name: values[len(values) // 2] for name, values in grid.items()})
    tried: list[tuple[Config, float]] = []
    unmoved, names = 0, cycle(grid)
    while unmoved < len(grid):  # until no other value of any of them is better
        name = next(names)
        known = [config for config, _ in tried]
        configs = [best.model_copy(update={name: value}) for value in grid[name]]
        tried += tune([config for config in configs if config not in known], search, log_probs, texts)
        tried.sort(key=lambda pair: pair[1])
        unmoved = unmoved + 1 if tried[0][0] == best else 0
        best = tried[0][0]
    return tried


@app.command()
def ngram(
    model: ModelArgument,
    file: Annotated[Path, typer.Argument(help="An ARPA file, plain or packed by gzip, or KenLM's binary.")],
    recipe: RecipeOption = "english",
    data: DataOption = Path("speech"),
    share: ShareOption = 1.0,
) -> None:
    """Put a word n-gram language model into a model's folder."""
    try:
        content = file.read_bytes()
        utterances, log_probs = _heard(model, recipe, data, share)
        prior = label_prior(log_probs)
        decoder = NgramDecoder(file, NgramConfig(), prior=prior)
    except (OSError, ValueError) as error:
        _wrong_use(error)

    def search(config: NgramConfig, log_probs: LogProbs) -> str:
        return decode(decoder.with_weights(config).decode(log_probs))

    texts = [utterance.text for utterance in utterances]
    _show_perplexity(decoder, texts)
    tried = tune_one_by_one(NgramConfig(), WORD_GRID, search, log_probs, texts)
    _show(tried)
    best = tried[0][0]
    # words that a language model had a say in are right in other cases than those that were only heard
    heard = [
        Heard(utterance, align_words(each, encode(search(best, each))))
        for utterance, each in zip(utterances, log_probs, strict=True)
    ]
    fitted = {"ngram": best, "label_prior": prior, "confidence": fit_word_confidence(heard)}
    folder = find_checkpoint(model)
    save_ngram(folder, content, read_config(folder).model_copy(update=fitted))


@app.command()
def lstm(
    model: ModelArgument, recipe: RecipeOption = "english", data: DataOption = Path("speech"), share: ShareOption = 0.1
) -> None:
    """Find the weights for the shipped character language model."""
    decoder = CharacterLmDecoder(load_language_model(), FusionConfig())

    def search(config: FusionConfig, log_probs: LogProbs) -> str:
        return decode(decoder.with_weights(config).decode(log_probs))

    configs = [FusionConfig(weight=w, letter_score=score) for w, score in product(LETTER_WEIGHTS, LETTER_SCORES)]
    utterances, log_probs = _heard(model, recipe, data, share)
    tried = tune(configs, search, log_probs, [utterance.text for utterance in utterances])
    _show(tried)
    folder = find_checkpoint(model)
    save_config(folder, read_config(folder).model_copy(update={"fusion": tried[0][0]}))


def _heard(model: Path, recipe: str, data: Path, share: float) -> tuple[list[Utterance], list[LogProbs]]:
    """Return those of a share of a recipe's validation speech that can be read, and their log-probabilities."""
    try:
        recognizer = load_letter_model(model)
        selection = select(load_recipe(recipe).data.validation, data, recognizer.model.config.vocabulary)
    except (CheckpointError, RecipeError) as error:
        _wrong_use(error)
    chosen, left_out = selection.utterances, [*selection.left_out]
    some = [chosen[int(number / share)] for number in range(max(1, int(len(chosen) * share)))]
    utterances: list[Utterance] = []
    log_probs: list[LogProbs] = []
    for _, readable in some_at_once(some, left_out):
        utterances += [utterance for utterance, _ in readable]
        log_probs += [each.numpy() for each in recognizer.log_probs([waveform for _, waveform in readable])]
    for reason in left_out:
        _say(f"left out: {reason}")
    if not any(utterance.text for utterance in utterances):
        _wrong_use(f"recipe {recipe!r}: in what can be read of its validation speech nothing is said")
    return utterances, log_probs


def _show_perplexity(decoder: NgramDecoder, texts: Sequence[str]) -> None:
    """Tell how well the language model knows texts of several words."""
    scores = [score for text in texts if " " in text for score in decoder.score(text.split())]
    known = [score for score in scores if score is not None]
    if known:
        perplexity = 10 ** (-math.fsum(known) / len(known))
        unknown = (len(scores) - len(known)) / len(scores)
        Console().print(f"texts of several words: perplexity {perplexity:.0f}, {unknown:.1%} of the words unknown\n")


def _show(tried: Sequence[tuple[BaseModel, float]]) -> None:
    numbers = [name for name, field in type(tried[0][0]).model_fields.items() if field.annotation is float]
    table = Table(*numbers, "WER", box=None)
    for config, error_rate in tried:
        values = [getattr(config, name) for name in numbers]
        table.add_row(*(f"{value:g}" for value in values), f"{error_rate:.1%}")
    Console().print(table)


def _say(message: str) -> None:
    Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)


def _wrong_use(error: Exception | str) -> NoReturn:
    _say(f"error: {error}")
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
