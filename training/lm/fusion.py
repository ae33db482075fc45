"""Give a model a language model, with the weights that are best on validation speech.

The validation speech is that of a recipe; test speech is never looked at. A word n-gram language model (see `ngram`)
goes into the model's folder, with its weight and that of the label prior; of the shipped character language model only
the weights are found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import TypeVar

import jiwer
from pydantic import BaseModel

from oyez.data.alphabet import decode, encode
from oyez.data.manifest import Utterance
from oyez.data.reading import read_batches
from oyez.models.checkpoint import find_checkpoint, read_config, save_config, save_ngram
from oyez.models.decoding.alignment import align_words
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.ngram import NgramConfig, NgramDecoder
from oyez.models.decoding.prior import label_prior
from oyez.models.language.character import load_language_model
from oyez.models.language.character_decoder import CharacterLmDecoder
from oyez.models.language.fusion import FusionConfig
from oyez.training.calibration.word_confidence import fit_word_confidence
from oyez.training.config import load_recipe
from oyez.training.errors import DataError
from oyez.training.evaluation.recognition import RecognisedUtterance, load_letter_model
from oyez.training.selection import select

WORD_GRID = {
    "weight": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),  # of a word's log-probability, to the base of ten
    "prior_weight": (0.0, 0.2, 0.4, 0.6, 0.8),  # of the label prior
    "word_score": (-2.0, -1.0, 0.0, 1.0, 2.0),
}
LETTER_WEIGHTS = (0.2, 0.4, 0.6)  # of a letter's log-probability
LETTER_SCORES = (0.0, 0.5, 1.0)

Config = TypeVar("Config", bound=BaseModel)


@dataclass(frozen=True)
class ValidationSpeech:
    """Utterances with what a model gives for them."""

    utterances: list[Utterance]
    log_probs: list[LogProbs]  # of each utterance, shape (steps, labels)
    skipped: list[str]  # a line for each that could not be read

    @property
    def texts(self) -> list[str]:
        """What is said in each."""
        return [utterance.text for utterance in self.utterances]


def validation_speech(model: Path, recipe: str, data: Path, share: float) -> ValidationSpeech:
    """Run a model over a share of a recipe's validation speech, evenly spread.

    Raises:
        TrainingError: there is no such recipe, its speech is missing, or nothing is said in what can be read of it.
        models.checkpoint.CheckpointError: the model is missing, damaged or a classifier.
    """
    recognizer = load_letter_model(model)
    selection = select(load_recipe(recipe).data.validation, data, recognizer.config.vocabulary)
    chosen, skipped = selection.utterances, [*selection.left_out]
    some = [chosen[int(number / share)] for number in range(max(1, int(len(chosen) * share)))]
    utterances: list[Utterance] = []
    log_probs: list[LogProbs] = []
    for _, readable in read_batches(some, skipped):
        utterances += [utterance for utterance, _ in readable]
        log_probs += recognizer.log_probs([waveform for _, waveform in readable])
    if not any(utterance.text for utterance in utterances):
        reasons = "".join(f"{reason}; " for reason in skipped[:3])
        raise DataError(f"recipe {recipe!r}: {reasons}nothing is said in what can be read of its validation speech")
    return ValidationSpeech(utterances, log_probs, skipped)


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
        hypotheses = [search(config, rows) for rows in log_probs]
        tried.append((config, float(jiwer.wer(list(texts), hypotheses))))
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


@dataclass(frozen=True)
class NgramFusion:
    """A word n-gram language model, and the results of its weights on validation speech."""

    language_model: bytes  # the content of its file
    prior: tuple[float, ...]
    tried: list[tuple[NgramConfig, float]]  # with the word error rate, best first
    perplexity: float | None  # of the texts of several words; None if there are none, or none of known words
    unknown: float  # share of the words of these texts
    recognised: list[RecognisedUtterance]  # with the best weights


def fit_ngram(file: Path, speech: ValidationSpeech) -> NgramFusion:
    """Find the weights of a word n-gram language model.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no language model.
    """
    content = file.read_bytes()
    prior = label_prior(speech.log_probs)
    decoder = NgramDecoder(file, NgramConfig(), prior=prior)

    def search(config: NgramConfig, log_probs: LogProbs) -> str:
        return decode(decoder.with_weights(config).decode(log_probs))

    scores = [score for text in speech.texts if " " in text for score in decoder.score(text.split())]
    known = [score for score in scores if score is not None]
    perplexity = 10 ** (-math.fsum(known) / len(known)) if known else None
    unknown = (len(scores) - len(known)) / len(scores) if scores else 0.0
    tried = tune_one_by_one(NgramConfig(), WORD_GRID, search, speech.log_probs, speech.texts)
    recognised = [
        RecognisedUtterance(utterance, align_words(log_probs, encode(search(tried[0][0], log_probs))))
        for utterance, log_probs in zip(speech.utterances, speech.log_probs, strict=True)
    ]
    return NgramFusion(content, prior, tried, perplexity, unknown, recognised)


def save_ngram_fusion(model: Path, fusion: NgramFusion) -> None:
    """Put a word n-gram language model into a model's folder, with its best weights and a confidence that fits them."""
    # words that a language model had a say in are right in other cases than those read from the network alone
    fitted = {
        "ngram": fusion.tried[0][0],
        "label_prior": fusion.prior,
        "confidence": fit_word_confidence(fusion.recognised),
    }
    folder = find_checkpoint(model)
    save_ngram(folder, fusion.language_model, read_config(folder).model_copy(update=fitted))


def fit_character_fusion(speech: ValidationSpeech) -> list[tuple[FusionConfig, float]]:
    """Return weights of the shipped character language model with the word error rate of each, best first."""
    decoder = CharacterLmDecoder(load_language_model(), FusionConfig())

    def search(config: FusionConfig, log_probs: LogProbs) -> str:
        return decode(decoder.with_weights(config).decode(log_probs))

    configs = [FusionConfig(weight=w, letter_score=score) for w, score in product(LETTER_WEIGHTS, LETTER_SCORES)]
    return tune(configs, search, speech.log_probs, speech.texts)


def save_character_fusion(model: Path, config: FusionConfig) -> None:
    """Write the weights of the character language model into a model's folder."""
    folder = find_checkpoint(model)
    save_config(folder, read_config(folder).model_copy(update={"fusion": config}))
