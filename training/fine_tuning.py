"""Fine-tune a model on somebody's own recordings: the recipe, and what of the model stays as it was.

There is no recipe file: the shape is the model's, and the rest is what suits an hour of speech or less. Recordings
whose manifest says so are for validation; without such a field one speaker in five is held out, or of a single speaker
one recording in five.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oyez.data.manifest import Utterance, write_manifest
from oyez.models.checkpoint import NGRAM, find_checkpoint, read_config, save_config, save_ngram
from oyez.models.config import ModelConfig
from oyez.training.config import CorpusConfig, Recipe, make_recipe
from oyez.training.errors import DataError
from oyez.training.holding_out import hold_out
from oyez.training.selection import refuse_shared_recordings, select

TRAINING, VALIDATION = "training.jsonl", "validation.jsonl"  # manifests in the run's folder
_SETTINGS: dict[str, Any] = {
    "batching": {"batch_seconds": 60, "max_seconds": 17, "concat_probability": 0.1, "noise_only_share": 0.01},
    "augmentation": {"noise_probability": 0.5, "noise_snr_db": [5, 30], "reverberation_probability": 0.15},
    "spec_augment": {"frequency_masks": 1, "frequency_bands": 7, "time_masks": 1, "time_frames": 15},
    "optimisation": {"epochs": 10, "learning_rate": 3e-4, "max_grad_norm": 1.0, "ema_decay": 0.98},
}


def fine_tuning_recipe(
    recordings: Path, init: ModelConfig, out: Path, overrides: Sequence[str] = (), writes: bool = True
) -> Recipe:
    """Split recordings, list both parts in the run's folder, and return the recipe of a fine-tuning on them.

    Args:
        recordings: a folder with a manifest, or the manifest.
        init: of the model that is fine-tuned.
        out: the run's folder, also the name of the model.
        overrides: as of `load_recipe`.
        writes: whether this process writes the lists; of several that train together only one does.

    Raises:
        MissingDataError: there is no manifest.
        DataError: it is damaged, or there is too little to validate on some of it; with a vocabulary, when no recording
            is of its words.
        RecipeError: an override is wrong.
    """
    corpus = CorpusConfig(corpus="recordings", root=recordings.resolve(), only_vocabulary=bool(init.vocabulary))
    utterances = select([corpus], Path(), init.vocabulary).utterances
    training, validation = _split(utterances, recordings)
    parts = []
    for name, part in ((TRAINING, training), (VALIDATION, validation)):
        if writes:
            out.mkdir(parents=True, exist_ok=True)
            write_manifest(out / name, part)
        parts.append([{"corpus": "recordings", "root": str((out / name).resolve())}])
    settings = {
        **copy.deepcopy(_SETTINGS),
        "name": out.name,
        "description": f"{init.name}, fine-tuned on {recordings.name}.",
        "data": {"train": parts[0], "validation": parts[1]},
    }
    if init.acoustic.pooling is not None:  # a classifier learns one word at a time
        settings["batching"]["concat_probability"] = 0.0
    return make_recipe(settings, overrides, init, source="--recordings")


def _split(utterances: Sequence[Utterance], recordings: Path) -> tuple[list[Utterance], list[Utterance]]:
    if any(utterance.split for utterance in utterances):
        validation = [utterance for utterance in utterances if utterance.split == "validation"]
        training = [utterance for utterance in utterances if utterance.split != "validation"]
        if not training or not validation:
            raise DataError(f"{recordings}: its manifest gives all recordings to one split, and both are needed")
    else:
        training, validation = hold_out(utterances, recordings)
    refuse_shared_recordings(training, validation)
    return training, validation


def keep_language_model(init: str, folder: Path) -> None:
    """Give a fine-tuned model the language models' weights of the model it began with, and its n-gram file.

    Raises:
        models.checkpoint.CheckpointError: either of them is missing or damaged.
    """
    before = find_checkpoint(init)
    theirs, ours = read_config(before), read_config(folder)
    kept = {name: getattr(theirs, name) for name in ("command_confidence", "label_prior", "ngram", "fusion")}
    config = ours.model_copy(update=kept)
    if theirs.ngram is None:
        save_config(folder, config)
    else:
        save_ngram(folder, (before / NGRAM).read_bytes(), config)
