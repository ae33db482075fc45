"""Everything that shapes a model, as it stands in a model folder's config.json; nothing here loads a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from oyez.data.alphabet import CHARACTERS
from oyez.data.audio import SAMPLE_RATE
from oyez.models.confidence import WordConfidence
from oyez.models.decoding.beam import Lexicon
from oyez.models.decoding.ngram import NgramConfig
from oyez.models.decoding.prior import LabelPrior
from oyez.models.grammar.confidence import CommandConfidence
from oyez.models.language.fusion import FusionConfig

Cell = Literal["lstm", "gru", "rnn-tanh", "rnn-relu"]
Precision = Literal["auto", "float32", "bfloat16"]


class FeatureConfig(BaseModel, frozen=True, extra="forbid"):
    """Everything that decides the features; saved with the model."""

    coefficients: int = Field(default=40, ge=1, le=128)
    mel_bands: int = Field(default=40, ge=1, le=128)
    low_hz: float = Field(default=20.0, ge=0)
    high_hz: float = Field(default=7600.0, le=SAMPLE_RATE / 2)
    deltas: Literal[0, 1, 2] = 0  # how often the slope over time is appended to the coefficients
    normalisation: Literal["none", "utterance", "global"] = "global"

    @model_validator(mode="after")
    def _consistent(self) -> FeatureConfig:
        if self.coefficients > self.mel_bands:
            raise ValueError(f"{self.coefficients} coefficients cannot be had from {self.mel_bands} mel bands")
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz = {self.low_hz:g} is not below high_hz = {self.high_hz:g}")
        return self

    @property
    def size(self) -> int:
        """Features a frame."""
        return self.coefficients * (1 + self.deltas)


class AcousticConfig(BaseModel, frozen=True, extra="forbid"):
    """The shape of the network; saved with the model."""

    channels: int = Field(default=160, ge=1, le=4096)  # of the convolutions
    subsampling: int = Field(default=2, ge=1, le=4)  # frames a step: 2 makes steps of 20 ms
    cell: Cell = "lstm"
    bidirectional: bool = True
    layers: int = Field(default=3, ge=1, le=12)
    width: int = Field(default=160, ge=1, le=4096)  # of a layer, in each direction
    layer_norm: bool = True  # after each layer; without it a deep stack's signal is faint and it learns slowly
    dropout: float = Field(default=0.2, ge=0, lt=1)
    # None: CTC, a row a step. Else a classifier of the vocabulary's words (models/classifier.py), a row an utterance,
    # from the last state of each direction, the mean of the steps, a mean weighted by what the network finds important,
    # or the mean of the features themselves, without convolutions or recurrence: what is left without memory
    pooling: Literal["last", "mean", "attention", "features"] | None = None


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


def classes_of(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Return the texts that a classifier chooses among: nothing (silence, other speech) and the words."""
    return ("", *vocabulary)


class LanguageConfig(BaseModel, frozen=True, extra="forbid"):
    """The shape of the network; saved with the model."""

    kind: Literal["language"] = "language"
    name: str = "unnamed"
    description: str = ""
    alphabet: Literal[CHARACTERS] = CHARACTERS  # type: ignore[valid-type]  # a literal from the one place that has it
    embedding: int = Field(default=32, ge=1, le=4096)
    width: int = Field(default=320, ge=1, le=4096)
    layers: int = Field(default=1, ge=1, le=12)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class SavedLanguageConfig(LanguageConfig, Weights, frozen=True):
    """A LanguageConfig with what is needed to recognise its weights."""
