"""The character language model: embedding -> LSTM -> linear, the probability of each next letter given those before.

It reads from left to right, one label at a time, so its state after a text can be kept and carried on: that is how
it is trained (in pieces), how it writes, and how a decoder asks it about the texts it is weighing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from oyez.data.alphabet import BLANK, CHARACTERS, LABELS, encode
from oyez.models.checkpoint import (
    LANGUAGE_MODELS,
    find_checkpoint,
    read_folder,
    without_weights,
)
from oyez.models.config import LanguageConfig, SavedLanguageConfig
from oyez.models.network import load_weights, write_folder

BOUNDARY = BLANK  # no text holds a blank, so its label stands for the boundary of a sentence, at either end
DEFAULT_LANGUAGE_MODEL = "books"
_SCORED_AT_ONCE = 256  # texts
_COLDEST = 1e-6  # temperature below which nothing but the likeliest letter is drawn


class State(NamedTuple):
    """What the network remembers of the texts it has read: two tensors of shape (layers, batch, width)."""

    hidden: Tensor
    cell: Tensor

    def select(self, indices: Tensor | Sequence[int]) -> State:
        """Return the states of some texts of the batch, in this order; one may be taken several times."""
        index = torch.as_tensor(indices, device=self.hidden.device)
        return State(self.hidden.index_select(1, index), self.cell.index_select(1, index))

    def detached(self) -> State:
        """Return the state without its past: what follows is computed from it, but no gradient flows back into it."""
        return State(self.hidden.detach(), self.cell.detach())


class CharacterLanguageModel(nn.Module):
    """P(next label | labels so far), with a state that can be carried on.

    A text begins with the label BOUNDARY in the initial state, and BOUNDARY is also what follows its last letter:

    >>> model = load_language_model("books")                                # doctest: +SKIP
    >>> log_probs, state = model(torch.tensor([[BOUNDARY]]))                # doctest: +SKIP
    >>> log_probs[0, -1]        # of each first letter; shape (labels,)       doctest: +SKIP
    >>> log_probs, state = model(torch.tensor([[2], [8]]), state.select([0, 0]))  # two continuations   doctest: +SKIP
    """

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(LABELS, config.embedding)
        self.lstm = nn.LSTM(
            config.embedding,
            config.width,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.width, LABELS)

    def initial_state(self, batch: int) -> State:
        """Return the state before anything is read: zeros."""
        zeros = self.output.weight.new_zeros(self.config.layers, batch, self.config.width)
        return State(zeros, zeros)

    def forward(self, labels: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read on.

        Args:
            labels: shape (batch, length).
            state: what the texts before these labels left behind; None: nothing was read yet.

        Returns:
            log-probabilities of the label after each of these, float32, shape (batch, length, labels), and the state
            after the last one.
        """
        outputs, (hidden, cell) = self.lstm(self.embedding(labels), state or self.initial_state(len(labels)))
        scores = self.output(self.dropout(outputs))
        return torch.log_softmax(scores.float(), dim=-1), State(hidden, cell)

    @torch.inference_mode()
    def score(self, texts: Sequence[str]) -> list[float]:
        """Return log P(text), natural logarithm, of whole normalised texts, the boundary after each included.

        Raises ValueError for a character outside the alphabet.
        """
        scores: list[float] = []
        for first in range(0, len(texts), _SCORED_AT_ONCE):
            sentences = [torch.tensor([*encode(text), BOUNDARY]) for text in texts[first : first + _SCORED_AT_ONCE]]
            targets = nn.utils.rnn.pad_sequence(sentences, batch_first=True).to(self.output.weight.device)
            inputs = nn.functional.pad(targets[:, :-1], (1, 0), value=BOUNDARY)  # what precedes each target
            log_probs, _ = self(inputs)
            chosen = log_probs.gather(2, targets[:, :, None])[:, :, 0]  # (batch, length)
            scores += [
                float(row[: len(sentence)].double().sum()) for row, sentence in zip(chosen, sentences, strict=True)
            ]
        return scores

    def generate(
        self,
        beginning: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        longest: int = 200,
        generator: torch.Generator | None = None,
    ) -> Iterator[str]:
        """Continue a text, letter by letter, until the sentence ends or `longest` letters are written.

        Args:
            beginning: a normalised text; it may end in the middle of a word, or with a space.
            temperature: above 1 the choice is freer, below 1 it is safer; 0 always takes the likeliest letter.
            top_k: choose among so many of the likeliest labels only.
            longest: letters to write at most.
            generator: the source of chance; torch's own, if it is not given.

        Raises:
            ValueError: a character outside the alphabet, or a number out of range.
        """
        if not temperature >= 0:
            raise ValueError(f"temperature = {temperature:g}: it is a number from 0 up")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k = {top_k}: there must be a letter to choose from")
        return self._letters(encode(beginning), temperature, top_k, longest, generator)

    @torch.inference_mode()
    def _letters(
        self,
        beginning: list[int],
        temperature: float,
        top_k: int | None,
        longest: int,
        generator: torch.Generator | None,
    ) -> Iterator[str]:
        device = self.output.weight.device
        log_probs, state = self(torch.tensor([[BOUNDARY, *beginning]], device=device))
        for _ in range(longest):
            label = choose(log_probs[0, -1], temperature, top_k, generator)
            if label == BOUNDARY:
                return
            yield CHARACTERS[label - 1]
            log_probs, state = self(torch.tensor([[label]], device=device), state)


def choose(log_probs: Tensor, temperature: float, top_k: int | None, generator: torch.Generator | None) -> int:
    """Draw a label by its log-probability, shape (labels,), sharpened or flattened by a temperature."""
    if temperature < _COLDEST:
        return int(log_probs.argmax())
    scores = log_probs / temperature
    if top_k is not None and top_k < len(scores):
        least = scores.topk(top_k).values[-1]
        scores = scores.masked_fill(scores < least, -torch.inf)
    return int(torch.multinomial(scores.softmax(0), 1, generator=generator))


def save_language_model(
    folder: Path, model: CharacterLanguageModel, card: str, dtype: torch.dtype = torch.float16
) -> None:
    """Write a model as a folder, in the form of models/checkpoint.py."""
    write_folder(folder, model, model.config, card, dtype)


def load_language_model(name_or_folder: str | Path = DEFAULT_LANGUAGE_MODEL) -> CharacterLanguageModel:
    """Rebuild a language model, ready for inference on the CPU in float32.

    Args:
        name_or_folder: the name of a shipped model (see `shipped_language_models`) or a folder.

    Raises:
        models.checkpoint.CheckpointError: there is no such model, or the folder is damaged or of another kind.
    """
    folder = find_checkpoint(name_or_folder, LANGUAGE_MODELS)
    config = read_folder(folder, SavedLanguageConfig)
    model = CharacterLanguageModel(LanguageConfig(**without_weights(config)))
    load_weights(model, folder, config)
    return model.eval()
