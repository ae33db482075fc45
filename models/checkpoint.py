"""A model as a folder that rebuilds it anywhere: config.json, model.safetensors, MODEL_CARD.md.

Nothing is unpickled. The weights' size, hash, names and shapes are checked before they are used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from oyez.data.files import whole_file
from oyez.models.config import ModelConfig, SavedConfig, Weights
from oyez.models.decoding.ngram import NgramDecoder

PRETRAINED = Path(__file__).parent / "pretrained"
LANGUAGE_MODELS = PRETRAINED / "language"
DEFAULT_MODEL = "english"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"
NGRAM = "words.lm"


class CheckpointError(Exception):
    """A folder that is no model, or a damaged one. The message says what is wrong and what would be right."""


Saved = TypeVar("Saved", bound=Weights)


def save_ngram(folder: Path, language_model: bytes, config: SavedConfig) -> None:
    """Give a saved model an n-gram language model.

    Args:
        folder: of the model.
        language_model: the content of a file that `NgramDecoder` reads.
        config: of the model; `ngram` in it says how much the language model counts.
    """
    assert config.ngram is not None
    ngram = config.ngram.model_copy(update={"sha256": hashlib.sha256(language_model).hexdigest()})
    files = {NGRAM: language_model, CONFIG: config_text(config.model_copy(update={"ngram": ngram}))}
    _write(folder, files)


def load_ngram(name_or_folder: str | Path, config: ModelConfig) -> NgramDecoder:
    """Load the n-gram language model of a folder. Raises CheckpointError if there is none or it is damaged."""
    path = find_checkpoint(name_or_folder) / NGRAM
    if config.ngram is None:
        raise CheckpointError(f"model {config.name!r} has no n-gram language model; choose another decoding")
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != config.ngram.sha256:
            raise CheckpointError(f"{path}: not what {CONFIG} describes: the file is damaged or was swapped")
        return NgramDecoder(path, config.ngram, prior=config.label_prior)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CheckpointError(str(error)) from error


def read_config(folder: Path) -> SavedConfig:
    """Read and check the config.json of an acoustic model's folder. Raises CheckpointError."""
    return read_folder(folder, SavedConfig)


def save_config(folder: Path, config: SavedConfig) -> None:
    """Write a model's configuration, and leave its weights as they are."""
    _write(folder, {CONFIG: config_text(config)})


def config_text(*parts: BaseModel) -> bytes:
    """Return the content of a configuration file that holds the fields of all parts."""
    fields = {name: value for part in parts for name, value in part.model_dump(mode="json").items()}
    return (json.dumps(fields, indent=2) + "\n").encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name and then, when there is room for all of them, put them in place in this order."""
    with ExitStack() as stack:  # the file that was begun last is the first one that is put in place
        for name, content in reversed(list(files.items())):
            stack.enter_context(whole_file(folder / name)).write_bytes(content)


def write_folder(folder: Path, config: BaseModel, weights: bytes, card: str) -> None:
    """Write a model's folder: weights in safetensors' format, the configuration, and the card.

    Each file appears whole or not at all, the configuration last: a new folder with a configuration is complete. A
    crash while the files of one model replace those of another leaves a folder that `read_weights` refuses.
    """
    seal = Weights(weights_bytes=len(weights), weights_sha256=hashlib.sha256(weights).hexdigest())
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, {WEIGHTS: weights, CARD: card.encode(), CONFIG: config_text(config, seal)})


def read_weights(folder: Path, config: Weights) -> bytes:
    """Return the content of a folder's weights file, checked by size and hash. Raises CheckpointError."""
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{folder / WEIGHTS}: cannot be read ({error.strerror})") from error
    if len(weights) != config.weights_bytes or hashlib.sha256(weights).hexdigest() != config.weights_sha256:
        raise CheckpointError(
            f"{folder / WEIGHTS}: not the weights that {CONFIG} describes "
            f"({len(weights)} bytes, expected {config.weights_bytes}): the file is damaged or was swapped"
        )
    return weights


def read_folder(folder: Path, config_type: type[Saved]) -> Saved:
    """Read and check a folder's config.json. Raises CheckpointError."""
    try:
        return config_type.model_validate_json((folder / CONFIG).read_bytes())
    except OSError as error:
        raise CheckpointError(f"{folder}: not a model folder ({CONFIG} cannot be read: {error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CheckpointError(f"{folder / CONFIG}: {place}: {first['msg']}") from error


def without_weights(config: Weights) -> dict[str, Any]:
    """Return the fields of a saved configuration that shape the model."""
    return config.model_dump(exclude=set(Weights.model_fields))


def find_checkpoint(name_or_folder: str | Path, place: Path | None = None) -> Path:
    """Return the folder of a shipped model's name, or the folder itself. Raises CheckpointError.

    Args:
        name_or_folder: one of `shipped_models(place)`, or a folder.
        place: where the shipped models of a kind are; the acoustic ones, if it is not given.
    """
    if str(name_or_folder) in shipped_models(place):
        return (place or PRETRAINED) / name_or_folder
    folder = Path(name_or_folder)
    if not folder.is_dir():
        raise CheckpointError(
            f"no model {str(name_or_folder)!r}: it is neither a folder nor one of the shipped models "
            f"({', '.join(shipped_models(place)) or 'none'})"
        )
    return folder


def shipped_models(place: Path | None = None) -> list[str]:
    """Return the names of the models that come with Oyez: the acoustic ones, or those in another place."""
    return sorted(path.parent.name for path in (place or PRETRAINED).glob(f"*/{CONFIG}"))


def shipped_language_models() -> list[str]:
    """Return the names of the character language models that come with Oyez."""
    return shipped_models(LANGUAGE_MODELS)
