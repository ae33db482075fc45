"""Train the character language model by truncated backpropagation through time.

    python -m training.language --text sentences.txt --out runs/language
    oyez generate "turn on" --model runs/language

A row of a batch reads a sentence in pieces of `window` labels. The state after a piece is carried into the next one,
so the network remembers the sentence from its beginning; the gradient stops at the border between two pieces, so the
work and the memory of a step do not grow with the sentence (Williams and Peng 1990). Each sentence begins in the
initial state, as it does when the model is used.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from models.alphabet import encode
from models.language import BOUNDARY, CharacterLanguageModel, LanguageConfig, State, save_language_model
from models.precision import resolve_precision
from training.train import one_cycle

IGNORED = -100  # the target of padding


class LanguageTraining(BaseModel, frozen=True, extra="forbid"):
    """How a language model is trained."""

    epochs: int = Field(default=8, ge=1)
    batch: int = Field(default=64, ge=1)  # sentences that are read side by side
    window: int = Field(default=64, ge=1)  # labels in a piece; gradients reach no further back
    learning_rate: float = Field(default=4e-3, gt=0)  # at its highest
    warm_up: float = Field(default=0.05, ge=0, lt=1)
    gradient_norm: float = Field(default=1.0, gt=0)  # gradients are clipped to this
    weight_decay: float = Field(default=0.01, ge=0)
    held_out: float = Field(default=0.02, gt=0, lt=1)  # share of the sentences, from the end, that only measure
    seed: int = Field(default=1, ge=0)


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


def bits_per_character(model: CharacterLanguageModel, texts: Sequence[str]) -> float:
    """Return the cross-entropy of texts in bits a character, the boundary after each counted as one."""
    return -sum(model.score(texts)) / math.log(2) / sum(len(text) + 1 for text in texts)


def train_language_model(
    texts: Sequence[str], config: LanguageConfig, training: LanguageTraining, out: Path | None = None
) -> tuple[CharacterLanguageModel, float]:
    """Train a model on normalised texts, and measure it on those that are held out.

    Args:
        texts: at least two; the last ones are held out.
        config: the shape of the model.
        training: everything about the loop.
        out: a folder for TensorBoard's files, if they are wanted.

    Returns:
        the model, and its cross-entropy on the held-out texts in bits a character.
    """
    held_out = max(1, round(len(texts) * training.held_out))
    learned, measured = texts[:-held_out], texts[-held_out:]
    if not learned:
        raise ValueError(f"{len(texts)} sentence is too little: one is held out, and none is left to learn from")
    torch.manual_seed(training.seed)
    model = CharacterLanguageModel(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay)
    precision = resolve_precision("auto", torch.device("cpu"))
    sentences = [encode(text) for text in learned]
    labels = sum(len(sentence) + 1 for sentence in sentences)
    board = SummaryWriter(str(out / "tensorboard")) if out else None
    step = 0
    for epoch in range(training.epochs):
        started, seen, total = time.perf_counter(), 0, 0.0
        order = torch.randperm(len(sentences), generator=torch.Generator().manual_seed(training.seed + epoch)).tolist()
        state = model.initial_state(training.batch)
        model.train()
        for piece in pieces(sentences, training.batch, training.window, order):
            progress = min(1.0, (epoch + seen / labels) / training.epochs)
            rate = training.learning_rate * one_cycle(progress, training.warm_up)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == torch.bfloat16):
                loss, state = piece_loss(model, piece, state)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            norm = float(nn.utils.clip_grad_norm_(model.parameters(), training.gradient_norm))
            optimiser.step()
            count = int((piece.targets != IGNORED).sum())
            seen, total, step = seen + count, total + count * loss.item(), step + 1
            if board:
                scale = min(1.0, training.gradient_norm / max(norm, 1e-12))  # what clipping did
                for name, value in [
                    ("loss", loss.item()), ("learning_rate", rate), ("gradient_norm", norm), ("gradient_scale", scale)
                ]:  # fmt: skip
                    board.add_scalar(f"training/{name}", value, step)
        bits = bits_per_character(model.eval(), measured)
        if board:
            board.add_scalar("validation/bits_per_character", bits, step)
            board.flush()
        print(
            f"epoch {epoch + 1}: {total / seen / math.log(2):.3f} bits a character, "
            f"{seen / (time.perf_counter() - started):.0f} characters/s; held out: {bits:.3f}",
            file=sys.stderr,
        )
    return model, bits


def language_card(config: LanguageConfig, source: str, sentences: int, bits: float) -> str:
    """Return the model card of a run."""
    return f"""# {config.name}

{config.description}

- Network: embedding of {config.embedding}, {config.layers} layer(s) of LSTM, width {config.width}, one label a step
- Held-out sentences: {bits:.3f} bits a character

Trained on {sentences} sentences of {source}.
"""


def command(
    text: Annotated[list[Path], typer.Option(help="A file with one sentence a line, plain or gzip; may be repeated.")],
    out: Annotated[Path, typer.Option(help="The folder of the model.")] = Path("runs/language"),
    name: Annotated[str, typer.Option(help="The model's name.")] = "language",
    description: Annotated[str, typer.Option(help="What it knows, for its card.")] = "",
    embedding: Annotated[int, typer.Option(min=1)] = LanguageConfig().embedding,
    width: Annotated[int, typer.Option(min=1)] = LanguageConfig().width,
    layers: Annotated[int, typer.Option(min=1)] = LanguageConfig().layers,
    dropout: Annotated[float, typer.Option(min=0, max=0.95)] = LanguageConfig().dropout,
    epochs: Annotated[int, typer.Option(min=1)] = LanguageTraining().epochs,
    window: Annotated[int, typer.Option(min=1, help="Gradients reach no further back.")] = LanguageTraining().window,
    learning_rate: Annotated[float, typer.Option(help="At its highest.")] = LanguageTraining().learning_rate,
    seed: Annotated[int, typer.Option(min=0)] = LanguageTraining().seed,
) -> None:
    """Train a character language model on text."""
    from data.sentences import read_sentences
    from data.text import TextError

    torch.set_num_threads(1)  # see training/processes.py
    try:
        config = LanguageConfig(
            name=name, description=description, embedding=embedding, width=width, layers=layers, dropout=dropout
        )
        training = LanguageTraining(epochs=epochs, window=window, learning_rate=learning_rate, seed=seed)
        files = [read_sentences(path) for path in text]
        texts = [sentence for file in files for sentence in file.texts]
        left_out = [reason for file in files for reason in file.left_out]
        for reason in left_out[:10]:
            print(f"left out: {reason}", file=sys.stderr)
        print(f"{len(texts)} sentences, {len(left_out)} left out", file=sys.stderr)
        model, bits = train_language_model(texts, config, training, out)
        save_language_model(out, model, language_card(config, ", ".join(path.name for path in text), len(texts), bits))
    except (TextError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    print(out)


if __name__ == "__main__":
    typer.run(command)
