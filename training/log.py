"""The log of a run: a progress bar, lines on stderr, TensorBoard, and log.jsonl."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from oyez.data.files import whole_file
from oyez.data.manifest import Utterance
from oyez.training.evaluation.metrics import Accuracy

LOG = "log.jsonl"
_NAMED_AT_MOST = 10  # files that are skipped are named on the screen up to this number, and all in the log


class TrainingLog:
    """The log of a run. In a run of several processes only the first one writes."""

    def __init__(self, out: Path, writes: bool) -> None:
        self.writes = writes
        self._path = out / LOG
        self._console = Console(stderr=True, quiet=not writes)
        self._progress: Progress | None = None
        self._pending: list[str] = []
        self._broken: set[str] = set()
        self._losses: list[float] = []  # of the epoch's steps
        if writes:
            out.mkdir(parents=True, exist_ok=True)

    def data(self, training: Sequence[Utterance], validation: Sequence[Utterance], skipped: Sequence[str]) -> None:
        """Report what is learned from and validated on."""
        for name, utterances in [("training", training), ("validation", validation)]:
            hours = sum(u.duration or 0.0 for u in utterances) / 3600
            counts = counted(len(utterances), "utterance"), f"{hours:.2f} h", counted(_speakers(utterances), "speaker")
            self._console.print(f"{name}: {', '.join(counts)}")
        for reason in skipped[:_NAMED_AT_MOST]:
            self._console.print(f"skipped: {reason}", markup=False, soft_wrap=True)
        if skipped:
            self._console.print(f"skipped: {len(skipped)} in all")
        self._write({"event": "data", "training": len(training), "validation": len(validation), "skipped": skipped})

    def begin(self, step: int) -> None:
        """Open TensorBoard's file; what an earlier run wrote there for later steps is hidden."""
        if self.writes:
            self._board = SummaryWriter(str(self._path.parent / "tensorboard"), purge_step=step + 1 if step else None)

    def finished(self, epochs: int) -> None:
        """Report that a run is finished already."""
        self._console.print(f"finished: {counted(epochs, 'epoch')}; for more, raise optimisation.epochs (--set)")

    def resumed(self, step: int, epoch: int) -> None:
        """Report that a run resumes, and forget what was logged after the state that it resumes from."""
        self._console.print(f"resuming at step {step}, in epoch {epoch + 1}")
        if self.writes and self._path.exists():
            kept = [line for line in self._path.read_text().splitlines() if _step_of(line) <= step]
            with whole_file(self._path) as part:
                part.write_text("".join(line + "\n" for line in kept))
            for entry in map(json.loads, kept):
                if entry["event"] == "validation":
                    self._losses.clear()
                elif entry["event"] == "step":
                    self._losses.append(entry["loss"])

    @contextmanager
    def epoch(self, epoch: int, epochs: int, steps: int, done: int) -> Iterator[None]:
        """Show a progress bar for an epoch."""
        columns = (
            TextColumn(f"epoch {epoch + 1}/{epochs}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        self._audio_seconds, self._seconds = 0.0, 0.0  # for the speed: of what is done from here on
        self._started = time.monotonic()
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as progress:
            self._progress, self._task = progress, progress.add_task("", total=steps, completed=done)
            yield
        self._progress = None

    def step(
        self,
        step: int,
        loss: float,
        learning_rate: float,
        gradient_norm: float,
        gradient_scale: float,
        audio_seconds: float,
        seconds: float,
        broken: Sequence[str],
    ) -> None:
        """Log one step.

        `loss` is of the first process's batch, `gradient_scale` what clipping multiplied the gradient by (1: it was
        short enough), `audio_seconds` about what all processes learned from, `seconds` how long it took.
        """
        if not self.writes:
            return
        for reason in broken:
            if reason not in self._broken:
                self._broken.add(reason)
                self._console.print(f"skipped: {reason}", markup=False, soft_wrap=True)
        self._losses.append(loss)
        self._audio_seconds += audio_seconds
        self._seconds = time.monotonic() - self._started
        if self._progress:
            self._progress.update(
                self._task, advance=1, description=f"loss {loss:.3f}  rate {learning_rate:.1e}  {self._speed}"
            )
        values = {
            "loss": loss,
            "learning_rate": learning_rate,
            "gradient_norm": gradient_norm,
            "gradient_scale": gradient_scale,
        }
        for name, value in values.items():
            self._board.add_scalar(f"training/{name}", value, step)
        self._write(
            {"event": "step", "step": step, **values, "audio_seconds": round(audio_seconds, 2), "seconds": seconds}
        )

    def gradients(self, step: int, by_layer: Mapping[str, float], by_step: Mapping[str, Tensor]) -> None:
        """Show in TensorBoard the gradient norm of each layer, and of what each recurrent layer reads at each step."""
        if not self.writes:
            return
        for layer, norm in by_layer.items():
            self._board.add_scalar(f"gradient_norm/{layer}", norm, step)
        if by_step:
            figure = Figure(figsize=(6, 4), layout="constrained")
            axes = figure.subplots()
            for layer, norms in by_step.items():
                axes.plot(norms, label=layer)
            axes.set(yscale="log", xlabel="step in the order of reading", ylabel="gradient norm of what is read")
            axes.legend(fontsize=7)
            self._board.add_figure("gradient_norm/by_step", figure, step)

    def validation(self, step: int, epoch: int, accuracy: Accuracy, by_corpus: Mapping[str, Accuracy]) -> None:
        """Log a validation at the end of an epoch, in all and by corpus."""
        mean = sum(self._losses) / max(1, len(self._losses))
        self._console.print(
            f"epoch {epoch}: loss {mean:.3f}, {self._speed}; validation: {accuracy}",
            highlight=False,
            soft_wrap=True,
        )
        self._losses.clear()
        values = figures(accuracy)
        for name, value in values.items():
            self._board.add_scalar(f"validation/{name}", value, step)
        corpora = {title: figures(part) for title, part in by_corpus.items()}
        for title, part in corpora.items() if len(corpora) > 1 else ():
            self._board.add_scalar(f"validation_wer/{title}", part["wer"], step)
        self._write({"event": "validation", "step": step, "epoch": epoch, **values, "by_corpus": corpora})

    def flush(self) -> None:
        """Put on disk what has been logged."""
        if self.writes and self._pending:
            with self._path.open("a") as file:
                file.writelines(self._pending)
            self._pending.clear()
            self._board.flush()

    @property
    def _speed(self) -> str:
        return f"{self._audio_seconds / max(1e-9, self._seconds):.0f} s of audio/s"

    def _write(self, entry: dict[str, Any]) -> None:
        if self.writes:
            self._pending.append(json.dumps(entry) + "\n")


def counted(count: int, noun: str) -> str:
    """Return a number and what is counted, in the singular or the plural."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _speakers(utterances: Sequence[Utterance]) -> int:
    return len({utterance.speaker for utterance in utterances})


def figures(accuracy: Accuracy) -> dict[str, float]:
    """Return the figures of a validation under the names that they have in the log."""
    return {
        "wer": accuracy.word_error_rate,
        "cer": accuracy.character_error_rate,
        "command_accuracy": accuracy.correct,
    }


def last_validation(out: Path) -> dict[str, Any]:
    """Return what the log of a run in a folder says of the last validation: `figures`, and the same by_corpus."""
    entries = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    last = [entry for entry in entries if entry["event"] == "validation"][-1]
    return {name: last[name] for name in ("wer", "cer", "command_accuracy", "by_corpus")}


def _step_of(line: str) -> float:
    """Return the step that a line of the log belongs to; infinity for one that was torn in the writing."""
    try:
        return float(json.loads(line).get("step", 0))
    except ValueError:
        return math.inf
