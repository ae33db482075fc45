"""Recipes: a TOML file says everything about a training run, and any of it can be changed on the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator
from rapidfuzz import fuzz

from oyez.data.augmentation import AugmentationConfig
from oyez.data.batching import BatchingConfig
from oyez.data.configuration import Configuration
from oyez.models.config import AcousticConfig, FeatureConfig, ModelConfig, Precision, Vocabulary
from oyez.training.errors import RecipeError
from oyez.training.spec_augment import SpecAugmentConfig

RECIPES = Path(__file__).parent / "recipes"
_ALIKE = 60.0  # percent; a known setting is suggested for an unknown one if their names are as similar as this


class CorpusConfig(Configuration, frozen=True):
    """Some utterances of one corpus."""

    corpus: Literal["speech-commands", "librispeech", "recordings"] = Field(description="kind of corpus")
    root: Path = Field(description="its folder, or a manifest; relative to the data folder")
    split: str | None = Field(
        default=None,
        description="of Speech Commands: training, validation, testing; of LibriSpeech: dev-clean, ...; of recordings: "
        "training or validation, as the manifest says, else one speaker in twenty (by a hash) is for validation",
    )
    optional: bool = Field(default=False, description="skipped with a line, where the corpus is missing")
    speakers: tuple[str, ...] = Field(default=(), description="only these speakers; empty: all")
    without_speakers: tuple[str, ...] = Field(default=(), description="all speakers but these")
    without_words: tuple[str, ...] = Field(default=(), description="only utterances with none of these words")
    share: float = Field(default=1.0, gt=0, le=1, description="of what is left, evenly spread over the corpus")
    only_vocabulary: bool = Field(default=False, description="only utterances of nothing but the vocabulary's words")
    other_speech: bool = Field(
        default=False, description="speech that must give no text: utterances with none of the vocabulary's words"
    )


class DataConfig(Configuration, frozen=True):
    """What is learned from, and what is validated on."""

    train: tuple[CorpusConfig, ...] = Field(min_length=1, description="corpora to learn from")
    validation: tuple[CorpusConfig, ...] = Field(min_length=1, description="corpora to validate on")
    noise: tuple[Path, ...] = Field(
        default=(), description="recorded noise to mix in, relative to the data folder; each entry is a kind of noise"
    )
    noise_split: Literal["training", "validation"] | None = Field(
        default=None, description="only the recordings of noise of this split, by a hash of their names"
    )
    rooms: tuple[Path, ...] = Field(
        default=(), description="folders of measured room responses, relative to the data folder"
    )


class OptimisationConfig(Configuration, frozen=True):
    """The training loop."""

    epochs: int = Field(default=30, ge=1, description="passes over the training speech")
    steps: int | None = Field(default=None, ge=1, description="stop after so many steps, however many epochs they are")
    learning_rate: float = Field(default=2e-3, gt=0, description="the highest")
    warmup_share: float = Field(
        default=0.1, ge=0, lt=1, description="of the run, in which the rate rises; it falls along a cosine after that"
    )
    weight_decay: float = Field(default=0.01, ge=0, description="of AdamW")
    max_grad_norm: float = Field(default=5.0, gt=0, description="gradients are clipped to this norm")
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of the loss that keeps the network from being too sure"
    )
    intermediate_loss_share: float = Field(
        default=0.0, ge=0, lt=1, description="share of the loss that is CTC after the middle layer"
    )
    ema_decay: float = Field(
        default=0.999,
        ge=0,
        lt=1,
        description="of the exponential moving average of the weights, which is what is saved",
    )
    precision: Precision = Field(default="auto", description="auto: bfloat16 where the processor computes in it")
    seed: int = Field(default=1, ge=0, lt=2**20, description="of all randomness")
    save_every_seconds: float = Field(default=60.0, ge=0, description="the state, besides the end of each epoch")
    workers: int = Field(default=0, ge=0, description="processes that read audio, for each process that trains")


class Recipe(Configuration, frozen=True):
    """A whole training run."""

    name: str = Field(description="of the model, and of the run's folder where no other is given")
    description: str = Field(default="", description="what the model does, for its card")
    vocabulary: Vocabulary = Field(default=(), description="the words that the model can write; empty: any word")
    features: FeatureConfig = FeatureConfig()
    acoustic: AcousticConfig = AcousticConfig()
    data: DataConfig
    batching: BatchingConfig = BatchingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    spec_augment: SpecAugmentConfig = SpecAugmentConfig()
    optimisation: OptimisationConfig = OptimisationConfig()

    @model_validator(mode="after")
    def _classes(self) -> Recipe:
        if self.acoustic.pooling is not None and (not self.vocabulary or self.batching.concat_probability):
            raise ValueError(
                "acoustic.pooling makes a classifier of single words: it needs a vocabulary and "
                "batching.concat_probability = 0"
            )
        return self

    @model_validator(mode="after")
    def _losses(self) -> Recipe:
        optimisation = self.optimisation
        added = [name for name in ("label_smoothing", "intermediate_loss_share") if getattr(optimisation, name)]
        if added and self.acoustic.pooling is not None:
            raise ValueError(f"optimisation.{added[0]} is added to CTC; with acoustic.pooling there is none")
        if optimisation.intermediate_loss_share and self.acoustic.layers < 2:
            raise ValueError("optimisation.intermediate_loss_share needs a middle: acoustic.layers = 2 or more")
        return self


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = (), init: ModelConfig | None = None) -> Recipe:
    """Read a recipe.

    Args:
        name_or_path: the name of a recipe in training/recipes, or a TOML file.
        overrides: settings like "optimisation.epochs=3" or "acoustic.cell=gru"; values are TOML, or plain text.
        init: a model to start from: what the recipe leaves open of features, acoustic and vocabulary is taken from it.

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
    return make_recipe(settings, overrides, init, source=str(path))


def make_recipe(
    settings: dict[str, Any], overrides: Sequence[str] = (), init: ModelConfig | None = None, source: str = "settings"
) -> Recipe:
    """Return the recipe of some settings, by section; the other arguments and the errors are those of `load_recipe`.

    Args:
        settings: as a recipe's TOML file holds them.
        source: what errors name as the place of the settings.
    """
    try:
        settings = _with_present_names(settings)
        for override in overrides:
            _override(settings, override)
        if init is not None:
            settings = _with_shape(settings, init)
        return Recipe.model_validate(settings)
    except ValidationError as error:
        raise RecipeError(f"{source}: {'; '.join(_fault_line(fault) for fault in error.errors())}") from error
    except ValueError as error:
        raise RecipeError(f"{source}: {error}") from error


def setting_names(config: type[BaseModel] = Recipe, section: str = "") -> Iterator[str]:
    """Yield the names of all settings of a recipe, with their sections: optimisation.epochs, data.train.root, ..."""
    for name, field in config.model_fields.items():
        inner = section_of(field.annotation)
        if inner is None:
            yield f"{section}{name}"
        else:
            yield from setting_names(inner, f"{section}{name}.")


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the class of a section of settings, or of each element of a list of such sections; None for others."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for inner in map(section_of, get_args(annotation)) if inner is not None), None)


def _with_present_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Replace older names of settings, so that a setting and its change on the command line are called the same."""
    replaced = dict(settings)
    for section, value in settings.items():
        config = Recipe.model_fields[section].annotation if section in Recipe.model_fields else None
        if isinstance(config, type) and issubclass(config, Configuration) and isinstance(value, dict):
            replaced[section] = config.with_present_names(value)
    return replaced


def _with_shape(settings: dict[str, Any], init: ModelConfig) -> dict[str, Any]:
    """Take what the settings leave open of a model's shape from a model."""
    shape = {part: getattr(init, part).model_dump(mode="json") for part in ("features", "acoustic")}
    for part, theirs in shape.items():
        ours = settings.get(part, {})
        shape[part] = theirs | ours if isinstance(ours, dict) else ours
    return {"vocabulary": init.vocabulary} | settings | shape


def _override(settings: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"cannot set {override!r}: write it as section.setting=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *sections, name = key.split(".")
    changed: Any = {name: parsed}
    for section in reversed(sections):
        changed = {section: changed}
    _merge(settings, _with_present_names(changed), key)


def _merge(settings: dict[str, Any], changes: dict[str, Any], key: str) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and name in key.split(".")[:-1]:
            inner = settings.setdefault(name, {})
            if not isinstance(inner, dict):
                raise RecipeError(f"cannot set {key!r}: {name!r} is not a section")
            _merge(inner, value, key)
        else:
            settings[name] = value


def _fault_line(fault: Any) -> str:
    """Return what is wrong with a setting, in a line; of an unknown one the nearest that there is."""
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        given = json.dumps(fault["input"], default=str)
        return f"{place} = {given}: {fault['msg']}" if place else str(fault["msg"])
    path = [str(part) for part in fault["loc"] if not isinstance(part, int)]
    known = list(setting_names())
    if len(path) == 1:  # a section, or a setting outside all sections
        known = list(Recipe.model_fields) + known
    section = ".".join(path[:-1])

    def likeness(name: str) -> float:
        of_section, _, setting = name.rpartition(".")
        return fuzz.ratio(path[-1], setting) + (1.0 if of_section == section else 0.0)

    nearest = max(known, key=likeness)
    if likeness(nearest) >= _ALIKE:
        return f"{place}: there is no such setting; did you mean {nearest}?"
    inside = ", ".join(name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == section)
    return f"{place}: there is no such setting; {f'section {section} has' if section else 'there are'} {inside}"
