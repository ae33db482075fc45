"""Train the character language model by truncated backpropagation through time (see `tbptt`).

A run that was stopped resumes, and ends bit-identical to an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from oyez.data.alphabet import encode
from oyez.data.configuration import Configuration
from oyez.models.config import LanguageConfig
from oyez.models.language.character import CharacterLanguageModel, State
from oyez.models.precision import resolve_precision
from oyez.training.errors import RunInterruptedError, RunMismatchError
from oyez.training.lm.tbptt import IGNORED, Piece, piece_loss, pieces
from oyez.training.processes import Stop
from oyez.training.schedule import one_cycle
from oyez.training.state import differences, read_state, run_lock, write_state


class LanguageTraining(Configuration, frozen=True):
    """How a language model is trained."""

    epochs: int = Field(default=8, ge=1)
    batch_size: int = Field(default=64, ge=1)  # sentences that are read side by side
    window: int = Field(default=64, ge=1)  # labels in a piece; gradients reach no further back
    learning_rate: float = Field(default=4e-3, gt=0)  # the highest
    warmup_share: float = Field(default=0.05, ge=0, lt=1)  # of the run
    max_grad_norm: float = Field(default=1.0, gt=0)  # gradients are clipped to this
    weight_decay: float = Field(default=0.01, ge=0)
    held_out: float = Field(default=0.02, gt=0, lt=1)  # share of the sentences, from the end, that only measure
    seed: int = Field(default=1, ge=0, lt=2**20)
    save_every_seconds: float = Field(default=60.0, ge=0)  # besides the end of each epoch


def bits_per_character(model: CharacterLanguageModel, texts: Sequence[str]) -> float:
    """Return the cross-entropy of texts in bits a character, the boundary after each counted as one."""
    return -sum(model.score(texts)) / math.log(2) / sum(len(text) + 1 for text in texts)


@dataclass
class Progress:
    """How far a run is. All randomness is derived from these numbers."""

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
        self.state = self.model.initial_state(training.batch_size)  # what the rows remember of their sentences

    def train(self, stop: Stop = lambda: 0) -> None:
        """Resume from what an earlier run left in `out`, to the end or until `stop` gives a signal's number.

        Raises:
            RunInterruptedError: after saving the state.
            StateError: the saved state is damaged.
            RunMismatchError: it is of another run.
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
            read = pieces(self.sentences, training.batch_size, training.window, order)
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
                    raise RunInterruptedError(signal_number)
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
            self.state = self.model.initial_state(training.batch_size)
            self._save()
            saved_at = time.monotonic()

    def _step(self, piece: Piece) -> dict[str, float]:
        """Learn from a piece; return what there is to log."""
        training, progress = self.training, self.progress
        torch.manual_seed((training.seed << 40) + progress.step)  # of dropout
        share = min(1.0, (progress.epoch + progress.seen / self.labels) / training.epochs)
        rate = training.learning_rate * one_cycle(share, training.warmup_share)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16):
            loss, self.state = piece_loss(self.model, piece, self.state)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), training.max_grad_norm))
        self.optimiser.step()
        count = int((piece.targets != IGNORED).sum())
        progress.piece, progress.step = progress.piece + 1, progress.step + 1
        progress.seen, progress.loss = progress.seen + count, progress.loss + count * loss.item()
        scale = min(1.0, training.max_grad_norm / max(norm, 1e-12))  # what clipping did
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
        different = differences(_by_present_names(saved.get("run")), self.identity)
        if different:
            raise RunMismatchError(f"{self.out} holds another run ({'; '.join(different)}). Choose another --out")
        self.progress = Progress(**saved["progress"])
        self.model.load_state_dict(saved["model"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.state = State(*saved["state"])
        if self.progress.epoch < self.training.epochs:
            print(f"resuming at step {self.progress.step}, in epoch {self.progress.epoch + 1}", file=sys.stderr)


def _by_present_names(identity: Any) -> Any:
    """Return what a saved run was made from, with the present names of its settings."""
    if not isinstance(identity, dict) or not identity.keys() >= {"model", "training"}:
        return identity
    settings = LanguageTraining.with_present_names(identity["training"])
    return identity | {"model": LanguageConfig.model_validate(identity["model"]).model_dump(), "training": settings}


def work(trainer: LanguageTrainer, device: str, stop: Stop) -> None:  # noqa: ARG001  # one on the CPU, where it is
    """Train in this process, while no other run may write the same folder."""
    assert trainer.out is not None  # a run of the command line has a folder
    with run_lock(trainer.out, stop):
        trainer.train(stop)


def language_card(config: LanguageConfig, source: str, sentences: int, bits: float) -> str:
    """Return the model card of a run."""
    return f"""# {config.name}

{config.description}

- Network: embedding of {config.embedding}, {config.layers} layer(s) of {config.width} LSTM units, one label a step
- Held-out sentences: {bits:.3f} bits a character

Trained on {sentences} sentences of {source}.
"""
