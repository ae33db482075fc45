"""Fine-tuning on own recordings: the split, the recipe, and the language model that stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oyez.data.manifest import read_manifest
from oyez.models.checkpoint import read_config, save_ngram
from oyez.models.config import ModelConfig
from oyez.models.decoding.ngram import NgramConfig
from oyez.models.network import load_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.training.errors import DataError, MissingDataError, RecipeError
from oyez.training.fine_tuning import TRAINING, VALIDATION, fine_tuning_recipe, keep_language_model
from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import write_arpa
from oyez.training.train import Run, Trainer

ONE_EPOCH = ["optimisation.epochs=1"]


def test_the_model_learns_from_some_speakers_and_is_validated_on_others(
    corpus: Path, untrained_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    config = load_checkpoint(untrained_model).config
    recipe = fine_tuning_recipe(corpus / "recordings", config, out, ONE_EPOCH)
    assert (recipe.features, recipe.acoustic, recipe.name) == (config.features, config.acoustic, "run")
    assert recipe.optimisation.epochs == 1
    speakers = [{utterance.speaker for utterance in read_manifest(out / name)} for name in (TRAINING, VALIDATION)]
    assert speakers[0].isdisjoint(speakers[1])
    assert speakers[0] | speakers[1] == {f"speaker{number}" for number in range(4)}
    run = Run(recipe, tmp_path, out, str(untrained_model))
    Trainer(run).train()
    assert Recognizer.load(out / "best").name == "run"
    again = fine_tuning_recipe(corpus / "recordings", config, out, ONE_EPOCH)
    assert again == recipe
    Trainer(run).train()  # it is finished, and its lists are the same


def test_the_manifests_own_split_is_kept(corpus: Path, untrained_model: Path, tmp_path: Path) -> None:
    manifest = corpus / "recordings" / "manifest.tsv"
    heading, *lines = manifest.read_text().splitlines()
    rows = [f"{line}\t{'validation' if number < 5 else 'training'}" for number, line in enumerate(lines)]
    manifest.write_text("\n".join([f"{heading}\tsplit", *rows]) + "\n")
    config = load_checkpoint(untrained_model).config
    fine_tuning_recipe(manifest, config, tmp_path / "run")
    assert len(read_manifest(tmp_path / "run" / VALIDATION)) == 5
    manifest.write_text("\n".join([f"{heading}\tsplit", *(f"{line}\tvalidation" for line in lines)]) + "\n")
    with pytest.raises(DataError, match="all recordings to one split"):
        fine_tuning_recipe(manifest, config, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_only_words_of_the_vocabulary_are_taken(corpus: Path, tmp_path: Path) -> None:
    fine_tuning_recipe(corpus / "recordings", ModelConfig(vocabulary=("low",)), tmp_path / "run")
    for name in (TRAINING, VALIDATION):
        assert {utterance.text for utterance in read_manifest(tmp_path / "run" / name)} == {"low"}
    with pytest.raises(DataError, match="no utterance is left"):
        fine_tuning_recipe(corpus / "recordings", ModelConfig(vocabulary=("yes",)), tmp_path / "other")


def test_a_classifier_learns_one_word_at_a_time(corpus: Path, untrained_classifier: Path, tmp_path: Path) -> None:
    config = load_checkpoint(untrained_classifier).config.model_copy(update={"vocabulary": ("low", "high")})
    assert fine_tuning_recipe(corpus / "recordings", config, tmp_path).batching.concat_probability == 0


def test_mistakes_are_named(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="nowhere"):
        fine_tuning_recipe(tmp_path / "nowhere", ModelConfig(), tmp_path / "run")
    with pytest.raises(RecipeError, match=r"did you mean optimisation\.epochs"):
        fine_tuning_recipe(corpus / "recordings", ModelConfig(), tmp_path / "run", ["optimisation.epoch=1"])


def test_the_language_model_goes_along(untrained_model: Path, tmp_path: Path) -> None:
    base, tuned = (Path(shutil.copytree(untrained_model, tmp_path / name)) for name in ("base", "tuned"))
    keep_language_model(str(base), tuned)
    assert read_config(tuned).ngram is None
    write_arpa(estimate([["yes"], ["left", "right", "stop"]]), tmp_path / "words.arpa")
    weighted = read_config(base).model_copy(update={"ngram": NgramConfig(weight=1.5), "label_prior": (-3.0,) * 29})
    save_ngram(base, (tmp_path / "words.arpa").read_bytes(), weighted)
    keep_language_model(str(base), tuned)
    assert read_config(tuned).label_prior == (-3.0,) * 29
    assert Recognizer.load(tuned).decoding == "ngram"
