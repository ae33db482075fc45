"""Truncated backpropagation through time: sentences cut into pieces, and the loss of a piece.

A row of a batch reads a sentence in pieces of `window` labels. The state after a piece is carried into the next one,
so the network remembers the sentence from its beginning; the gradient stops at the border between two pieces, so the
work and the memory of a step do not grow with the sentence (Williams and Peng 1990). Each sentence begins in the
initial state, as it does when the model is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from oyez.models.language.character import BOUNDARY, CharacterLanguageModel, State

IGNORED = -100  # the target of padding


@dataclass(frozen=True)
class Piece:
    """What each row of a batch reads next."""

    inputs: Tensor  # (batch, window), labels
    targets: Tensor  # (batch, window), the label after each; IGNORED in the padding
    fresh: Tensor  # (batch,), bool: rows in which another sentence begins


def pieces(sentences: Sequence[Sequence[int]], batch: int, window: int, order: Sequence[int]) -> Iterator[Piece]:
    """Cut sentences, given as labels, into pieces; a row that has come to the end of its sentence takes the next one.

    Args:
        sentences: without boundaries; these are added.
        batch: rows.
        window: labels in a piece; the last one of a sentence is padded.
        order: indices of the sentences, in which they are read.
    """
    waiting = iter(order)
    rows: list[list[int]] = [[] for _ in range(batch)]  # what is left of each row's sentence, from its last input on
    while True:
        inputs = torch.full((batch, window), BOUNDARY)
        targets = torch.full((batch, window), IGNORED)
        fresh = torch.zeros(batch, dtype=torch.bool)
        for number in range(batch):
            if len(rows[number]) < 2:
                index = next(waiting, None)
                if index is None:
                    rows[number] = []
                    continue
                rows[number] = [BOUNDARY, *sentences[index], BOUNDARY]
                fresh[number] = True
            now = torch.tensor(rows[number][: window + 1])
            inputs[number, : len(now) - 1] = now[:-1]
            targets[number, : len(now) - 1] = now[1:]
            rows[number] = rows[number][window:]
        if (targets == IGNORED).all():
            return
        yield Piece(inputs, targets, fresh)


def piece_loss(model: CharacterLanguageModel, piece: Piece, state: State) -> tuple[Tensor, State]:
    """Return the mean cross-entropy of a piece, in nats a label, and the state to carry into the next piece.

    The state that comes in is forgotten where another sentence begins, and no gradient flows back into it.
    """
    kept = ~piece.fresh[None, :, None]
    carried = State(*(part.float() * kept for part in state.detached()))
    log_probs, state = model(piece.inputs, carried)
    return nn.functional.nll_loss(log_probs.flatten(0, 1), piece.targets.flatten(), ignore_index=IGNORED), state
