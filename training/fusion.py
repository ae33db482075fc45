"""Give a model a word n-gram language model, with the weights that are best on validation speech.

    python -m training.fusion runs/english/best words.arpa.gz --recipe english --data speech

The validation speech is that of the recipe; test speech is never looked at. See `models.decoding.ngram` for the search
and `training.ngram` for the language model.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import jiwer
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor

from data.audio import read_audio
from models.checkpoint import CheckpointError, save_ngram
from models.decoding.ngram import NgramConfig, NgramDecoder
from models.recognizer import Recognizer
from training.config import RecipeError, load_recipe
from training.selection import select

WEIGHTS = (0.2, 0.4, 0.6, 0.8, 1.0)
WORD_SCORES = (-1.0, 0.0, 1.0, 2.0)


def tune(decoder: NgramDecoder, log_probs: Sequence[Tensor], texts: Sequence[str]) -> list[tuple[NgramConfig, float]]:
    """Return the word error rate for each pair of weights, best first.

    Args:
        decoder: is left with the best weights.
        log_probs: of each utterance, shape (steps, labels).
        texts: of each utterance; one must not be empty.
    """
    tried = []
    for weight in WEIGHTS:
        for word_score in WORD_SCORES:
            config = NgramConfig(weight=weight, word_score=word_score)
            decoder.weigh(config)
            heard = [" ".join(decoder.search(each)) for each in log_probs]
            tried.append((config, float(jiwer.wer(list(texts), heard))))
    tried.sort(key=lambda pair: pair[1])
    decoder.weigh(tried[0][0])
    return tried


def main(
    model: Annotated[Path, typer.Argument(help="A model folder; the language model is put into it.")],
    arpa: Annotated[Path, typer.Argument(help="An ARPA file, plain or packed (.gz).")],
    recipe: Annotated[str, typer.Option(help="The recipe whose validation speech is used.")] = "english",
    data: Annotated[Path, typer.Option(help="The folder with the corpora.")] = Path("speech"),
) -> None:
    """Give a model a word n-gram language model."""
    try:
        recognizer = Recognizer.load(model, decoding="greedy")
        utterances = select(load_recipe(recipe).data.validation, data, recognizer.model.config.vocabulary).utterances
        decoder = NgramDecoder(arpa, NgramConfig())
        content = arpa.read_bytes()
    except (CheckpointError, RecipeError, OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    waveforms = [read_audio(each.path, each.offset, each.duration) for each in utterances]
    tried = tune(decoder, recognizer.log_probs(waveforms), [each.text for each in utterances])
    table = Table("weight", "word score", "WER", box=None)
    for config, error_rate in tried:
        table.add_row(f"{config.weight:g}", f"{config.word_score:g}", f"{error_rate:.1%}")
    Console().print(table)
    save_ngram(model, content if arpa.suffix == ".gz" else gzip.compress(content, mtime=0), tried[0][0])


if __name__ == "__main__":
    typer.run(main)
