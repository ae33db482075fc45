"""A model as a folder that rebuilds it anywhere: config.json, model.safetensors, MODEL_CARD.md.

Nothing is unpickled. The weights' size, hash, names and shapes are checked before they are used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import torch
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from oyez.data.alphabet import CHARACTERS
from oyez.models.acoustic import AcousticConfig
from oyez.models.classifier import acoustic_model
from oyez.models.confidence import WordConfidence
from oyez.models.decoding.beam import Lexicon
from oyez.models.decoding.ngram import NgramConfig, NgramDecoder
from oyez.models.decoding.prior import LabelPrior
from oyez.models.frontend import FeatureConfig, MfccFrontEnd
from oyez.models.grammar.confidence import CommandConfidence
from oyez.models.language.fusion import FusionConfig

PRETRAINED = Path(__file__).parent / "pretrained"
DEFAULT_MODEL = "commands"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"
NGRAM, EARLIER_NGRAM = "words.lm", "words.arpa.gz"  # the latter in folders of earlier editions


class CheckpointError(Exception):
    """A folder that is no model, or a damaged one. The message says what is wrong and what would be right."""


def _spellable(words: tuple[str, ...]) -> tuple[str, ...]:
    if words:
        Lexicon.of(words)  # raises ValueError for a word that could never be written
    return words


Vocabulary = Annotated[tuple[str, ...], AfterValidator(_spellable)]


class ModelConfig(BaseModel, frozen=True, extra="forbid"):
    """Everything but the weights: what config.json holds."""

    kind: Literal["acoustic"] = "acoustic"
    name: str = "unnamed"
    description: str = ""
    alphabet: Literal[CHARACTERS] = CHARACTERS  # type: ignore[valid-type]  # a literal from the one place that has it
    features: FeatureConfig = FeatureConfig()
    acoustic: AcousticConfig = AcousticConfig()
    vocabulary: Vocabulary = ()  # the words the model can write; empty: any word
    confidence: WordConfidence = WordConfidence()
    command_confidence: CommandConfidence = CommandConfidence()  # of a sentence of a commands file
    label_prior: LabelPrior = ()
    ngram: NgramConfig | None = None  # with a word n-gram language model beside the weights
    fusion: FusionConfig = FusionConfig()  # with a character language model

    @model_validator(mode="after")
    def _classes(self) -> ModelConfig:
        if self.acoustic.pooling is not None and not self.vocabulary:
            raise ValueError("acoustic.pooling makes a classifier, and its classes are the words of a vocabulary")
        return self


class Weights(BaseModel, frozen=True):
    """What config.json says of the weights beside it, so that they can be recognised."""

    weights_bytes: int = Field(ge=0)
    weights_sha256: str


class SavedConfig(ModelConfig, Weights, frozen=True):
    """A ModelConfig with what is needed to recognise its weights."""


Saved = TypeVar("Saved", bound=Weights)


class Model(nn.Module):
    """Front end and acoustic model as one module: the weights of a checkpoint."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.precision = torch.float32  # of the acoustic model when it recognises
        self.front_end = MfccFrontEnd(config.features)
        self.acoustic = acoustic_model(config.acoustic, config.features.size, config.vocabulary)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map padded waveforms (batch, samples) to log-probabilities (batch, steps, labels) and lengths in steps.

        A classifier gives (batch, 1, classes) and lengths of 1.
        """
        features, lengths = self.front_end(waveforms, lengths)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            log_probs, lengths = self.acoustic(features, lengths)
        return log_probs, lengths


def save_checkpoint(folder: Path, model: Model, card: str, dtype: torch.dtype = torch.float16) -> None:
    """Write a model as a folder. Weights are stored as `dtype`; normalisation statistics stay in float32."""
    write_folder(folder, model, model.config, card, dtype)


def load_checkpoint(name_or_folder: str | Path) -> Model:
    """Rebuild a model, ready for inference on the CPU in float32.

    Args:
        name_or_folder: the name of a shipped model (see `shipped_models`) or a folder.

    Raises:
        CheckpointError: there is no such model, or the folder is damaged or foreign.
    """
    folder = find_checkpoint(name_or_folder)
    config = read_config(folder)
    model = Model(ModelConfig(**without_weights(config)))
    load_weights(model, folder, config)
    return model.eval()


def save_ngram(folder: Path, language_model: bytes, config: SavedConfig) -> None:
    """Give a saved model an n-gram language model.

    Args:
        folder: of the model.
        language_model: the content of a file that `NgramDecoder` reads.
        config: of the model; `ngram` in it says how much the language model counts.
    """
    assert config.ngram is not None
    ngram = config.ngram.model_copy(update={"sha256": hashlib.sha256(language_model).hexdigest()})
    _write(folder, {NGRAM: language_model, CONFIG: _text(config.model_copy(update={"ngram": ngram}))})


def load_ngram(name_or_folder: str | Path, config: ModelConfig) -> NgramDecoder:
    """Load the n-gram language model of a folder. Raises CheckpointError if there is none or it is damaged."""
    path = ngram_file(find_checkpoint(name_or_folder))
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


def ngram_file(folder: Path) -> Path:
    """Return where the n-gram language model of a model's folder is, or would be."""
    earlier = folder / EARLIER_NGRAM
    return earlier if earlier.exists() and not (folder / NGRAM).exists() else folder / NGRAM


def read_config(folder: Path) -> SavedConfig:
    """Read and check the config.json of an acoustic model's folder. Raises CheckpointError."""
    return read_folder(folder, SavedConfig)


def write_folder(folder: Path, model: nn.Module, config: BaseModel, card: str, dtype: torch.dtype) -> None:
    """Write any model and its configuration. Parameters are stored as `dtype`, buffers as they are.

    Each file appears whole or not at all, the configuration last: a new folder with a configuration is complete. Who
    dies while the files of another model are put in the place of old ones leaves a folder that `load_weights` refuses.
    """
    parameters = {name for name, _ in model.named_parameters()}
    tensors = {
        name: tensor.detach().cpu().to(dtype if name in parameters else tensor.dtype).contiguous()
        for name, tensor in model.state_dict().items()
    }
    weights = save(tensors)
    seal = Weights(weights_bytes=len(weights), weights_sha256=hashlib.sha256(weights).hexdigest())
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, {WEIGHTS: weights, CARD: card.encode(), CONFIG: _text(config, seal)})


def save_config(folder: Path, config: SavedConfig) -> None:
    """Write a model's configuration, and leave its weights as they are."""
    _write(folder, {CONFIG: _text(config)})


def _text(*parts: BaseModel) -> bytes:
    """Return the content of a configuration file that holds the fields of all parts."""
    fields = {name: value for part in parts for name, value in part.model_dump(mode="json").items()}
    return (json.dumps(fields, indent=2) + "\n").encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name and then, when there is room for all of them, put them in place in this order."""
    for name, content in files.items():
        (folder / f"{name}.part").write_bytes(content)
    for name in files:
        (folder / f"{name}.part").replace(folder / name)


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


def load_weights(model: nn.Module, folder: Path, config: Weights) -> None:
    """Put a folder's weights into a model of the shape that its configuration gives. Raises CheckpointError."""
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{folder / WEIGHTS}: cannot be read ({error.strerror})") from error
    if len(weights) != config.weights_bytes or hashlib.sha256(weights).hexdigest() != config.weights_sha256:
        raise CheckpointError(
            f"{folder / WEIGHTS}: not the weights that {CONFIG} describes "
            f"({len(weights)} bytes, expected {config.weights_bytes}): the file is damaged or was swapped"
        )
    try:
        tensors = load(weights)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{folder / WEIGHTS}: does not fit {CONFIG} ({error})") from error


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
