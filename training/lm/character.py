"""Train the character language model by truncated backpropagation through time.

    python -m training.language --text sentences.txt --out runs/language
    oyez generate "turn on" --model runs/language

A row of a batch reads a sentence in pieces of `window` labels. The state after a piece is carried into the next one,
so the network remembers the sentence from its beginning; the gradient stops at the border between two pieces, so the
work and the memory of a step do not grow with the sentence (Williams and Peng 1990). Each sentence begins in the
initial state, as it does when the model is used.

Run again with the same --out, it goes on where it was stopped, and ends with the weights of a run that never was.
"""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import torch
import typer
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from oyez.data.alphabet import encode
from oyez.models.language.character import BOUNDARY, CharacterLanguageModel, LanguageConfig, State, save_language_model
from oyez.models.precision import resolve_precision
from oyez.training.config import RecipeError
from oyez.training.processes import Interrupted, Stop, run
from oyez.training.schedule import one_cycle
from oyez.training.state import alone_in, differences, read_state, write_state

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
    seed: int = Field(default=1, ge=0, lt=2**20)
    save_every_seconds: float = Field(default=60.0, ge=0)  # besides the end of each epoch


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


@dataclass
class Progress:
    """How far a run is. All randomness hangs on these numbers."""

    epoch: int = 0
    piece: int = 0  # of the epoch
    step: int = 0
    seen: int = 0  # labels in this epoch
    loss: float = 0.0  # sum over these, in nats
    bits: float = math.inf  # a character of the held-out texts, after the last epoch


class LanguageTrainer:
    """A run: the model, and how far it has come."""

    def __init__(
        self, texts: Sequence[str], config: LanguageConfig, training: LanguageTraining, out: Path | None = None
    ) -> None:
        """Build the model.

        Args:
            texts: normalised, at least two; the last ones are held out.
            config: the shape of the model.
            training: everything about the loop.
            out: a folder for the state and for TensorBoard's files; None: the run cannot be resumed.

        Raises:
            ValueError: there are too few texts.
        """
        held_out = max(1, round(len(texts) * training.held_out))
        self.sentences, self.measured = [encode(text) for text in texts[:-held_out]], texts[-held_out:]
        if not self.sentences:
            raise ValueError(f"{len(texts)} sentence is too little: one is held out, and none is left to learn from")
        self.labels = sum(len(sentence) + 1 for sentence in self.sentences)  # boundaries included
        self.training, self.out = training, out
        self.identity = {
            "model": config.model_dump(),
            "training": training.model_dump(),
            "sha256 of the sentences": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
        }
        torch.manual_seed(training.seed)
        self.model = CharacterLanguageModel(config)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        self.precision = resolve_precision("auto", torch.device("cpu"))
        self.progress = Progress()
        self.state = self.model.initial_state(training.batch)  # what the rows remember of their sentences

    def train(self, stop: Stop = lambda: 0) -> None:
        """Go on from what an earlier run left in `out`, to the end or until `stop` gives a signal's number.

        Raises:
            Interrupted: after saving the state.
            RecipeError: the saved state is damaged or of another run.
        """
        self._restore()
        training, progress = self.training, self.progress
        step = progress.step
        board = (
            SummaryWriter(str(self.out / "tensorboard"), purge_step=step + 1 if step else None) if self.out else None
        )
        saved_at = time.monotonic()
        while progress.epoch < training.epochs:
            started, before = time.perf_counter(), progress.seen
            generator = torch.Generator().manual_seed(training.seed + progress.epoch)
            order = torch.randperm(len(self.sentences), generator=generator).tolist()
            self.model.train()
            read = pieces(self.sentences, training.batch, training.window, order)
            for piece in islice(read, progress.piece, None):
                values = self._step(piece)
                if board:
                    for name, value in values.items():
                        board.add_scalar(f"training/{name}", value, progress.step)
                signal_number = stop()
                if signal_number or time.monotonic() - saved_at >= training.save_every_seconds:
                    self._save()
                    saved_at = time.monotonic()
                if signal_number:
                    raise Interrupted(signal_number)
            progress.bits = bits_per_character(self.model.eval(), self.measured)
            if board:
                board.add_scalar("validation/bits_per_character", progress.bits, progress.step)
                board.flush()
            print(
                f"epoch {progress.epoch + 1}: {progress.loss / progress.seen / math.log(2):.3f} bits a character, "
                f"{(progress.seen - before) / (time.perf_counter() - started):.0f} characters/s; "
                f"held out: {progress.bits:.3f}",
                file=sys.stderr,
            )
            progress.epoch, progress.piece, progress.seen, progress.loss = progress.epoch + 1, 0, 0, 0.0
            self.state = self.model.initial_state(training.batch)
            self._save()
            saved_at = time.monotonic()

    def _step(self, piece: Piece) -> dict[str, float]:
        """Learn from a piece; return what there is to log."""
        training, progress = self.training, self.progress
        torch.manual_seed((training.seed << 40) + progress.step)  # of dropout
        share = min(1.0, (progress.epoch + progress.seen / self.labels) / training.epochs)
        rate = training.learning_rate * one_cycle(share, training.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16):
            loss, self.state = piece_loss(self.model, piece, self.state)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), training.gradient_norm))
        self.optimiser.step()
        count = int((piece.targets != IGNORED).sum())
        progress.piece, progress.step = progress.piece + 1, progress.step + 1
        progress.seen, progress.loss = progress.seen + count, progress.loss + count * loss.item()
        scale = min(1.0, training.gradient_norm / max(norm, 1e-12))  # what clipping did
        return {"loss": loss.item(), "learning_rate": rate, "gradient_norm": norm, "gradient_scale": scale}

    def _save(self) -> None:
        if self.out:
            contents = {
                "run": self.identity,
                "progress": asdict(self.progress),
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "state": tuple(self.state.detached()),
            }
            write_state(self.out, contents)

    def _restore(self) -> None:
        saved = read_state(self.out) if self.out else None
        if saved is None:
            return
        different = differences(saved.get("run"), self.identity)
        if different:
            raise RecipeError(f"{self.out} holds another run ({'; '.join(different)}). Choose another --out")
        self.progress = Progress(**saved["progress"])
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.state = State(*saved["state"])
        print(f"going on at step {self.progress.step} of epoch {self.progress.epoch + 1}", file=sys.stderr)


def train_language_model(
    texts: Sequence[str], config: LanguageConfig, training: LanguageTraining, out: Path | None = None
) -> tuple[CharacterLanguageModel, float]:
    """Train a model; arguments and errors are those of LanguageTrainer and its `train`.

    Returns:
        the model, and its cross-entropy on the held-out texts in bits a character.
    """
    trainer = LanguageTrainer(texts, config, training, out)
    trainer.train()
    return trainer.model.eval(), trainer.progress.bits


def work(trainer: LanguageTrainer, device: str, stop: Stop) -> None:  # noqa: ARG001  # one on the CPU, where it is
    """Train in this process, while no other run is at work in the same folder."""
    assert trainer.out is not None  # a run of the command line has a folder
    with alone_in(trainer.out, stop):
        trainer.train(stop)


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
    """Train a character language model on text. Interrupted, it goes on where it was when it is run again."""
    from oyez.data.corpora.sentences import read_sentences
    from oyez.data.text import TextError

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
        trainer = LanguageTrainer(texts, config, training, out)
        run(work, trainer, "cpu", processes=1)
        card = language_card(config, ", ".join(path.name for path in text), len(texts), trainer.progress.bits)
        save_language_model(out, trainer.model, card)
    except (TextError, RecipeError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        raise typer.Exit(128 + interrupted.signal) from interrupted
    print(out)


if __name__ == "__main__":
    typer.run(command)
