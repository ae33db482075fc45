"""Give a model a language model, with the weights that are best on validation speech.

    python -m training.fusion ngram runs/english/best words.arpa.gz --recipe english --data speech
    python -m training.fusion lstm runs/english/best --recipe english --data speech --share 0.1

`ngram` puts a word n-gram language model (see `training.ngram`) into the model's folder, with its weight and that of
the label prior; `lstm` finds the weights for the shipped character language model. The validation speech is that of the
recipe; test speech is never looked at.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import jiwer
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from torch import Tensor

from data.audio import read_audio
from data.manifest import Utterance
from models.alphabet import decode
from models.checkpoint import CheckpointError, find_checkpoint, read_config, save_config, save_ngram
from models.decoding.beam import beam_search
from models.decoding.fusion import CharacterFusion, FusionConfig
from models.decoding.ngram import NgramConfig, NgramDecoder
from models.decoding.prior import label_prior
from models.language import load_language_model
from models.recognizer import Recognizer
from training.config import RecipeError, load_recipe
from training.evaluate import hear
from training.selection import select
from training.word_confidence import fit_word_confidence

WORD_GRID = {
    "weight": (0.5, 1.0, 1.5, 2.0, 2.5),  # of a word's log-probability, to the base of ten
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
    search: Callable[[Config, Tensor], str],
    log_probs: Sequence[Tensor],
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
    search: Callable[[Config, Tensor], str],
    log_probs: Sequence[Tensor],
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
    arpa: Annotated[Path, typer.Argument(help="An ARPA file, plain or packed (.gz).")],
    recipe: RecipeOption = "english",
    data: DataOption = Path("speech"),
    share: ShareOption = 1.0,
) -> None:
    """Put a word n-gram language model into a model's folder."""
    try:
        content = arpa.read_bytes()
        utterances = _utterances(model, recipe, data, share)
        log_probs, texts = _heard(model, utterances)
        prior = label_prior(log_probs)
        decoder = NgramDecoder(arpa, NgramConfig(), prior=prior)
    except (OSError, ValueError) as error:
        _wrong_use(error)

    def search(config: NgramConfig, log_probs: Tensor) -> str:
        decoder.weigh(config)
        return " ".join(decoder.search(log_probs))

    tried = tune_one_by_one(NgramConfig(), WORD_GRID, search, log_probs, texts)
    _show(tried)
    save_ngram(
        find_checkpoint(model), content if arpa.suffix == ".gz" else gzip.compress(content, mtime=0), tried[0][0]
    )
    save_config(find_checkpoint(model), read_config(model).model_copy(update={"label_prior": prior}))
    # words that a language model had a say in are right in other cases than those that were only heard
    confidence = fit_word_confidence(hear(Recognizer.load(model), utterances))
    save_config(find_checkpoint(model), read_config(model).model_copy(update={"confidence": confidence}))


@app.command()
def lstm(
    model: ModelArgument, recipe: RecipeOption = "english", data: DataOption = Path("speech"), share: ShareOption = 0.1
) -> None:
    """Find the weights for the shipped character language model."""
    language = load_language_model().eval()

    def search(config: FusionConfig, log_probs: Tensor) -> str:
        return decode(beam_search(log_probs, language=CharacterFusion(language, config))[0].labels)

    configs = [FusionConfig(weight=w, letter_score=score) for w, score in product(LETTER_WEIGHTS, LETTER_SCORES)]
    tried = tune(configs, search, *_heard(model, _utterances(model, recipe, data, share)))
    _show(tried)
    save_config(find_checkpoint(model), read_config(model).model_copy(update={"fusion": tried[0][0]}))


def _utterances(model: Path, recipe: str, data: Path, share: float) -> list[Utterance]:
    """Return a share of a recipe's validation speech."""
    try:
        vocabulary = read_config(find_checkpoint(model)).vocabulary
        chosen = select(load_recipe(recipe).data.validation, data, vocabulary).utterances
    except (CheckpointError, RecipeError) as error:
        _wrong_use(error)
    return [chosen[int(number / share)] for number in range(max(1, int(len(chosen) * share)))]


def _heard(model: Path, utterances: Sequence[Utterance]) -> tuple[list[Tensor], list[str]]:
    """Return the log-probabilities and the texts of utterances."""
    recognizer = Recognizer.load(model, decoding="greedy")
    waveforms = [read_audio(each.path, each.offset, each.duration) for each in utterances]
    return recognizer.log_probs(waveforms), [each.text for each in utterances]


def _show(tried: Sequence[tuple[BaseModel, float]]) -> None:
    numbers = [name for name, field in type(tried[0][0]).model_fields.items() if field.annotation is float]
    table = Table(*numbers, "WER", box=None)
    for config, error_rate in tried:
        values = [getattr(config, name) for name in numbers]
        table.add_row(*(f"{value:g}" for value in values), f"{error_rate:.1%}")
    Console().print(table)


def _wrong_use(error: Exception) -> NoReturn:
    Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
