"""A classifier of sentences: word ids -> embedding -> LSTM -> one of some intents, and how sure it is.

A grammar knows its sentences and nothing else. This network has learned from them which words go with which intent, so
that it can also judge a sentence that no template foresaw. With a vocabulary of 1000, an embedding of 64, an LSTM of
128 units and ten intents it has 164,106 trainable parameters: the small model that courses on recurrent networks build
in Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn

from oyez.models.checkpoint import read_folder, without_weights
from oyez.models.confidence import Calibration
from oyez.models.config import Weights
from oyez.models.network import load_weights, write_folder
from oyez.models.recurrent import recurrent_layer

PADDING, UNKNOWN = 0, 1
RESERVED = 2  # ids that stand for no word


class IntentConfig(BaseModel, frozen=True, extra="forbid"):
    """Everything but the weights; saved with the model."""

    kind: Literal["intent"] = "intent"
    name: str = "unnamed"
    words: tuple[str, ...] = Field(min_length=1)  # the words it knows, in the order of their ids
    intents: tuple[str, ...] = Field(min_length=2)
    vocabulary: int = Field(default=1000, ge=RESERVED + 1, le=100_000)  # ids, padding and unknown words among them
    embedding: int = Field(default=64, ge=1, le=4096)
    width: int = Field(default=128, ge=1, le=4096)
    confidence: Calibration = Calibration()  # from the log-odds of the likeliest intent

    @model_validator(mode="after")
    def _consistent(self) -> IntentConfig:
        if len(self.words) > self.vocabulary - RESERVED:
            raise ValueError(f"{len(self.words)} words are too many for a vocabulary of {self.vocabulary} ids")
        for name, values in (("words", self.words), ("intents", self.intents)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: one of them is there twice")
        return self


class SavedIntentConfig(IntentConfig, Weights, frozen=True):
    """An IntentConfig with what is needed to recognise its weights."""


@dataclass(frozen=True)
class Guess:
    """What a sentence is taken to mean."""

    intent: str
    confidence: float  # probability that it is meant; low for a sentence that means none of the intents


class IntentClassifier(nn.Module):
    """Sentences, as ids of words, into log-probabilities of the intents."""

    def __init__(self, config: IntentConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        self.lstm = recurrent_layer("lstm", config.embedding, config.width)
        # PyTorch adds two bias vectors a gate, which is one more than an LSTM has: the second one stays zero
        nn.init.zeros_(self.lstm.get_parameter("bias_hh_l0")).requires_grad_(False)
        self.output = nn.Linear(config.width, len(config.intents))
        self._id_of = {word: number for number, word in enumerate(config.words, RESERVED)}

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of a normalised sentence's words; a word that it does not know is UNKNOWN."""
        return [self._id_of.get(word, UNKNOWN) for word in sentence.split()]

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Map ids (batch, length), padded, and their lengths to log-probabilities (batch, intents)."""
        states, _ = self.lstm(self.embedding(words))  # (batch, length, width)
        last = states[torch.arange(len(states), device=words.device), lengths - 1]
        return torch.log_softmax(self.output(last).float(), dim=-1)

    @torch.no_grad()
    def classify(self, sentence: str) -> Guess:
        """Return the likeliest intent of a normalised sentence; of one without a known word, with confidence 0."""
        ids = self.encode(sentence)
        if all(number == UNKNOWN for number in ids):
            return Guess(self.config.intents[0], 0.0)
        log_probs = self(torch.tensor([ids], device=self.output.weight.device), torch.tensor([len(ids)]))[0]
        best = int(log_probs.argmax())
        return Guess(self.config.intents[best], self.config.confidence.probability(float(log_odds(log_probs[best]))))

    def understand(self, sentence: str, threshold: float = 0.5) -> Guess | None:
        """Return what a normalised sentence means, or None if the confidence is below a threshold."""
        guess = self.classify(sentence)
        return guess if guess.confidence >= threshold else None


def log_odds(log_probs: Tensor) -> Tensor:
    """Return log(p / (1 - p)) of log-probabilities, finite for certainty."""
    log_probs = log_probs.double().clamp(max=-1e-12)
    return log_probs - torch.log(-torch.expm1(log_probs))


def pad(sentences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids of sentences, none empty, padded to (batch, length), and their lengths."""
    rows = [torch.tensor(sentence) for sentence in sentences]
    lengths = torch.tensor([len(sentence) for sentence in sentences])
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING), lengths


def save_intent_classifier(folder: Path, model: IntentClassifier, card: str) -> None:
    """Write a model as a folder, in the form of models/checkpoint.py."""
    write_folder(folder, model, model.config, card, torch.float16)


def load_intent_classifier(folder: Path) -> IntentClassifier:
    """Rebuild a model, ready for use. Raises models.checkpoint.CheckpointError."""
    config = read_folder(folder, SavedIntentConfig)
    model = IntentClassifier(IntentConfig(**without_weights(config)))
    load_weights(model, folder, config)
    return model.eval()
