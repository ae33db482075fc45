"""Recipes: a TOML file says everything about a training run, and any of it can be changed on the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from oyez.data.augmentation import AugmentationConfig
from oyez.data.batching import BatchingConfig
from oyez.models.config import AcousticConfig, FeatureConfig, Precision, Vocabulary
from oyez.training.spec_augment import SpecAugmentConfig

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(Exception):
    """A recipe that cannot be used. The message names the setting."""


class CorpusConfig(BaseModel, frozen=True, extra="forbid"):
    """Some utterances of one corpus."""

    corpus: Literal["speech-commands", "librispeech", "recordings"]
    root: Path  # relative to the data folder
    # of Speech Commands: training, ...; of LibriSpeech: dev-clean, ...; of recordings: training or validation, as the
    # manifest says, else one in twenty by the hash of its name is for validation
    split: str | None = None
    speakers: tuple[str, ...] = ()  # only these; empty: all
    without_speakers: tuple[str, ...] = ()
    without_words: tuple[str, ...] = ()  # only utterances with none of these words
    share: float = Field(default=1.0, gt=0, le=1)  # of what is left; evenly spread over the corpus
    only_vocabulary: bool = False  # only utterances of nothing but the vocabulary's words
    other_speech: bool = False  # speech that must give no text: utterances with none of the vocabulary's words


class DataConfig(BaseModel, frozen=True, extra="forbid"):
    """What is learned from, and what it is measured on while it learns."""

    train: tuple[CorpusConfig, ...] = Field(min_length=1)
    validation: tuple[CorpusConfig, ...] = Field(min_length=1)
    noise: tuple[Path, ...] = ()  # recorded noise to mix in, relative to the data folder; an entry is a kind of noise
    noise_split: Literal["training", "validation"] | None = None  # None: all of it; else by data.splits
    rooms: tuple[Path, ...] = ()  # folders of measured room responses, relative to the data folder


class OptimisationConfig(BaseModel, frozen=True, extra="forbid"):
    """The loop."""

    epochs: int = Field(default=30, ge=1)
    steps: int | None = Field(default=None, ge=1)  # a run of so many, however many epochs they are
    learning_rate: float = Field(default=2e-3, gt=0)  # at its highest
    warm_up: float = Field(default=0.1, ge=0, lt=1)  # share of the run in which the rate rises; it falls after that
    weight_decay: float = Field(default=0.01, ge=0)
    gradient_norm: float = Field(default=5.0, gt=0)  # gradients are clipped to this
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)  # share of the loss that keeps the network from being sure
    intermediate_loss: float = Field(default=0.0, ge=0, lt=1)  # share of the loss that is CTC after the middle layer
    averaging: float = Field(default=0.999, ge=0, lt=1)  # decay of the running mean of the weights, which is kept
    precision: Precision = "auto"  # auto: bfloat16 where the processor computes in it
    seed: int = Field(default=1, ge=0, lt=2**20)
    save_every_seconds: float = Field(default=60.0, ge=0)  # besides the end of each epoch
    workers: int = Field(default=0, ge=0)  # processes that read audio, for each process that trains


class Recipe(BaseModel, frozen=True, extra="forbid"):
    """A whole training run."""

    name: str
    description: str = ""
    vocabulary: Vocabulary = ()
    features: FeatureConfig = FeatureConfig()
    acoustic: AcousticConfig = AcousticConfig()
    data: DataConfig
    batching: BatchingConfig = BatchingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    spec_augment: SpecAugmentConfig = SpecAugmentConfig()
    optimisation: OptimisationConfig = OptimisationConfig()

    @model_validator(mode="after")
    def _classes(self) -> Recipe:
        if self.acoustic.pooling is not None and (not self.vocabulary or self.batching.joined):
            raise ValueError(
                "acoustic.pooling makes a classifier of single words: it needs a vocabulary and batching.joined = 0"
            )
        return self

    @model_validator(mode="after")
    def _losses(self) -> Recipe:
        added = [name for name in ("label_smoothing", "intermediate_loss") if getattr(self.optimisation, name)]
        if added and self.acoustic.pooling is not None:
            raise ValueError(f"optimisation.{added[0]} is added to CTC; with acoustic.pooling there is none")
        if self.optimisation.intermediate_loss and self.acoustic.layers < 2:
            raise ValueError("optimisation.intermediate_loss needs a middle: acoustic.layers = 2 or more")
        return self


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        name_or_path: the name of a recipe in training/recipes, or a TOML file.
        overrides: settings like "optimisation.epochs=3" or "acoustic.cell=gru"; values are TOML, or plain text.

    Raises:
        RecipeError: no such file, no TOML, an unknown setting or a value out of range.
    """
    path = Path(name_or_path)
    if not path.is_file():
        path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise RecipeError(f"no recipe {str(name_or_path)!r}: it is neither a file nor one of {names}")
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file ({error})") from error
    for override in overrides:
        _override(settings, override)
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc']))} = {json.dumps(fault['input'], default=str)}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise RecipeError(f"{path}: {'; '.join(faults)}") from error


def _override(settings: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"cannot set {override!r}: write it as section.setting=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *sections, name = key.split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise RecipeError(f"cannot set {key!r}: {section!r} is not a section")
    settings[name] = parsed
