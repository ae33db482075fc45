"""Adapting a model: what is kept of the old one, what is written, and when the new one is not worth keeping."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import pytest

from oyez.data.corpora.recordings import utterances
from oyez.data.manifest import Utterance
from oyez.models.checkpoint import CARD, read_config, save_ngram
from oyez.models.confidence import WordConfidence
from oyez.models.config import ModelConfig
from oyez.models.decoding.ngram import NgramConfig
from oyez.models.network import load_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.training.adaptation.plan import (
    COMMANDS,
    GENERAL,
    HELD_OUT,
    HELD_OUT_COMMANDS,
    adaptation_recipe,
    plan_readings,
    prepare,
)
from oyez.training.adaptation.plan import Speech as AdaptationSpeech
from oyez.training.adaptation.result import (
    Measured,
    adapted_model,
    reason_to_refuse,
    right_share,
    save_adapted,
    with_fitted_confidences,
)
from oyez.training.adaptation.speech import SplitTexts, Voices
from oyez.training.calibration.operating_points import Attempt
from oyez.training.config import CorpusConfig
from oyez.training.errors import DataError
from oyez.training.evaluation.recognition import recognise_words
from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import write_arpa
from oyez.training.selection import select

ALL_RIGHT = [Attempt(0.9, True, True, 1.0)] * 10
ONE_WRONG = [*ALL_RIGHT[:9], Attempt(0.9, True, False, 1.0)]
OTHER = [Attempt(0.9, False, False, 1.0)]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (Measured(ONE_WRONG, 0.30), Measured(ALL_RIGHT, 0.31), None),
        (Measured(ONE_WRONG, 0.30), Measured(ONE_WRONG, 0.20), None),
        (Measured(ONE_WRONG, 0.30), Measured(ALL_RIGHT, 0.32), r"rose by 2.00% \(30.00% -> 32.00%\) \(limit 1.00%\)"),
        (Measured(ALL_RIGHT, 0.30), Measured(ONE_WRONG, 0.30), r"90.0% are right \(100.0% before\)"),
    ],
)
def test_a_model_is_kept_unless_it_forgets_too_much_or_is_of_no_use(
    before: Measured, after: Measured, reason: str | None
) -> None:
    refused = reason_to_refuse(before, after, max_increase=0.01)
    if reason is None:
        assert refused is None
    else:
        assert refused is not None
        assert re.search(reason, refused)


def test_other_speech_is_no_command_that_could_be_right() -> None:
    assert right_share(ONE_WRONG + OTHER) == pytest.approx(0.9)


def test_the_recipe_has_the_shape_of_the_model(untrained_model: Path, spoken: Path) -> None:
    config = load_checkpoint(untrained_model).config
    corpus = CorpusConfig(corpus="recordings", root=spoken)
    recipe = adaptation_recipe(config, AdaptationSpeech((corpus,), corpus, []), noise=[], epochs=4)
    assert (recipe.features, recipe.acoustic) == (config.features, config.acoustic)
    assert recipe.vocabulary == config.vocabulary
    assert recipe.optimisation.epochs == 4


def test_an_adapted_model_stands_by_itself_with_its_language_model_and_both_cards(
    untrained_model: Path, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(untrained_model, tmp_path / "base"))
    write_arpa(estimate([["yes"], ["left", "right", "stop"]]), tmp_path / "words.arpa")
    weighed = read_config(base).model_copy(update={"ngram": NgramConfig(weight=1.5, word_score=1.0)})
    save_ngram(base, gzip.compress((tmp_path / "words.arpa").read_bytes()), weighed)
    before = load_checkpoint(base).config
    model = adapted_model(str(base), base, 0.5, before.model_copy(update={"name": "home"}))
    save_adapted(tmp_path / "home", model, str(base), "Adapted to home.yaml.")
    shutil.rmtree(base)
    recognizer = Recognizer.load(tmp_path / "home")
    assert recognizer.decoding == "ngram"
    assert recognizer.config == before.model_copy(update={"name": "home"})
    card = (tmp_path / "home" / CARD).read_text()
    assert card.startswith("# home\n\nAdapted to home.yaml.\n")
    assert "\n## untrained\n" in card


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_of_a_model_with_a_vocabulary_other_speech_gives_no_text(tmp_path: Path) -> None:
    config = ModelConfig(vocabulary=("yes", "no", "left", "right", "stop"))
    voices = Voices({"espeak:en-us+Adam": 1.0}, {"espeak:en-us+Linda": 1.0}, [])
    sentences = SplitTexts(["left", "yes"], ["left", "yes"], apart=False)
    readings = plan_readings(tmp_path, config, sentences, voices, clips=12)
    assert {reading.manner.voice for name in (COMMANDS, GENERAL) for reading in readings[name]} == {"espeak:en-us+Adam"}
    speech = prepare(tmp_path, config, readings, None)
    learned = select(speech.training, tmp_path, config.vocabulary).utterances
    assert {word for each in learned for word in each.text.split()} <= set(config.vocabulary)
    assert any(not each.text for each in learned)
    assert any(not each.text for each in speech.general)
    assert any(each.text for each in speech.general)
    measured = utterances(tmp_path / HELD_OUT)
    assert {each.speaker for each in measured} == {"espeak:en-us+Linda"}
    assert len(measured) == len(speech.general) + len(readings[HELD_OUT_COMMANDS])


def test_clips_are_refused_of_which_none_would_be_in_the_vocabulary_or_none_outside(tmp_path: Path) -> None:
    voices = Voices({"espeak:en-us+Adam": 1.0}, {"espeak:en-us+Linda": 1.0}, [])
    sentences = SplitTexts(["left"], ["left"], apart=False)
    five, two = (ModelConfig(vocabulary=words) for words in (("yes", "no", "left", "right", "stop"), ("left", "right")))
    for config, unfit, fit in ((five, 3, 30), (two, 600, 30)):  # of two words thirty phrases are made, and no more
        with pytest.raises(DataError, match=f"--clips {unfit} does not suit a model with a vocabulary of . words"):
            plan_readings(tmp_path, config, sentences, voices, unfit)
        assert plan_readings(tmp_path, config, sentences, voices, fit)
    assert plan_readings(tmp_path, ModelConfig(), sentences, voices, clips=3)


def test_confidences_are_fitted_to_speech_that_was_held_out(untrained_model: Path, spoken: Path) -> None:
    recognizer = Recognizer.load(untrained_model)
    said = [Utterance(spoken / f"{text}.flac", text, "one", 0.0, 0.8) for text in ("yes", "right", "seven", "stop")]
    heard = recognise_words(recognizer, said)
    config = with_fitted_confidences(recognizer, heard)
    assert config.confidence != WordConfidence()
    assert config.command_confidence != recognizer.config.command_confidence
    assert (
        config.model_copy(
            update={"confidence": WordConfidence(), "command_confidence": recognizer.config.command_confidence}
        )
        == recognizer.config
    )
