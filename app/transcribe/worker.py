"""A worker process: reads recordings, cuts them, hears the pieces; or only reads, or only hears, as it is told."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from oyez.app.transcribe.cutting import End, Heard, Numbered, Piece, Portion, portions

if TYPE_CHECKING:
    from oyez.models.config import Precision
    from oyez.models.recognizer import Decoding, Recognizer


@dataclass(frozen=True)
class Settings:
    """How to hear: what a process needs to load the recogniser."""

    model: str
    decoding: Decoding
    precision: Precision
    batch_seconds: float
    commands: Path | None = None  # a commands file
    alternatives: int = 0

    def recognizer(self, device: str = "cpu") -> Recognizer:
        """Load it; see `oyez.models.recognizer.Recognizer.load`."""
        from oyez.models.recognizer import Recognizer

        recognizer = Recognizer.load(self.model, device, self.decoding, self.precision, self.batch_seconds)
        if self.commands is not None:
            recognizer = recognizer.with_commands(self.commands, alternatives=self.alternatives)
        return recognizer

    @property
    def version(self) -> str:
        """What a transcript depends on besides its recording: the model, by its configuration and weights, and how,
        and the commands file. The precision changes no more than another processor does, and does not count."""
        from oyez.models.checkpoint import CONFIG, find_checkpoint

        config = (find_checkpoint(self.model) / CONFIG).read_bytes()  # which holds the hash of the weights
        version = f"{hashlib.sha256(config).hexdigest()[:16]} {self.decoding}"
        if self.commands is None:
            return version
        return f"{version} {hashlib.sha256(self.commands.read_bytes()).hexdigest()[:16]} {self.alternatives}"

    @property
    def portion_seconds(self) -> float:
        """How much is read before it is heard: some batches, so that there is something to sort by length."""
        return 3 * self.batch_seconds


@dataclass(frozen=True)
class Read:
    """Read the next portion: of these inputs, or of those that were begun. `hear` it too, or hand it back."""

    inputs: Sequence[Numbered] | None
    hear: bool


@dataclass(frozen=True)
class Hear:
    """Hear these pieces, which another worker read."""

    pieces: Sequence[Piece]


@dataclass(frozen=True)
class Reply:
    """What became of a task."""

    heard: Sequence[Heard] = ()
    pieces: Sequence[Piece] = ()  # read and not heard
    ends: Sequence[End] = ()
    is_reading: bool = False  # there may be more of what was begun
    error: str = ""  # the task came to nothing
    seconds_read: float = 0.0


def hear(recognizer: Recognizer, pieces: Sequence[Piece]) -> list[Heard]:
    """Transcribe pieces, those of similar length together."""
    transcripts = recognizer.transcribe([piece.waveform for piece in pieces])
    return [Heard(piece.number, piece.start, text) for piece, text in zip(pieces, transcripts, strict=True)]


@dataclass
class Worker:
    """What a worker process knows from one task to the next."""

    settings: Settings
    recognizer: Recognizer | None = None
    reader: Iterator[Portion] = field(default_factory=lambda: iter(()))

    def perform(self, task: Read | Hear) -> Reply:
        """Do a task."""
        if isinstance(task, Hear):
            return Reply(self._hear(task.pieces))
        if task.inputs is not None:
            self.reader = portions(task.inputs, self.settings.portion_seconds)
        portion = next(self.reader, None)
        if portion is None:
            return Reply()
        if task.hear:
            heard = self._hear(portion.pieces)
            return Reply(heard, ends=portion.ends, is_reading=True, seconds_read=portion.seconds_read)
        return Reply(pieces=portion.pieces, ends=portion.ends, is_reading=True, seconds_read=portion.seconds_read)

    def _hear(self, pieces: Sequence[Piece]) -> list[Heard]:
        if self.recognizer is None:
            self.recognizer = self.settings.recognizer()
        return hear(self.recognizer, pieces)


def work(connection: Connection, settings: Settings) -> None:
    """Perform the tasks that come over a connection until it is closed: the life of a worker process."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first of them ends the others
    torch.set_num_threads(1)
    worker = Worker(settings)
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            reply = worker.perform(task)
        except Exception as error:  # a mistake of ours must not take the other recordings along
            worker = Worker(settings)
            reply = Reply(error=f"{type(error).__name__}: {error}")
        try:
            connection.send(reply)
        except OSError:
            return
