"""A batch from its inputs to its outputs: what is left to do, the writing, the journal, the account at the end."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oyez.app.transcribe.cutting import Outcome
from oyez.app.transcribe.formats import FORMATS
from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.journal import Journal, Version
from oyez.app.transcribe.output_paths import output_path, output_stems
from oyez.data.files import write_whole

_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}  # what fails for one output fails for all

Transcribe = Callable[[Sequence[Input]], Iterator[Outcome]]


class OutputError(Exception):
    """Nothing more can be written. The message names the file and the reason."""


@dataclass
class Summary:
    """The results of a batch, in numbers."""

    inputs: int
    done: int = 0
    failed: int = 0
    skipped: int = 0  # complete from an earlier run
    incomplete: int = 0  # of those that are done, now or before: a part of the recording is missing
    passed_over: int = 0  # files in folders that are no recordings
    audio_seconds: float = 0.0  # of what was done
    _started: float = field(default_factory=time.monotonic)

    def take(self, outcome: Outcome) -> None:
        """Count an outcome."""
        if outcome.transcript is None:
            self.failed += 1
        else:
            self.done += 1
            self.incomplete += outcome.is_incomplete
            self.audio_seconds += outcome.transcript.duration

    def __str__(self) -> str:
        seconds = time.monotonic() - self._started
        others = {"done before": self.skipped, "incomplete": self.incomplete, "passed over": self.passed_over}
        further = "".join(f", {count} {name}" for name, count in others.items() if count)
        return (
            f"{self.inputs} file{'s' * (self.inputs != 1)}: {self.done} done, {self.failed} failed{further}; "
            f"{_duration(self.audio_seconds)} of audio in {_duration(seconds)}, "
            f"{self.audio_seconds / max(seconds, 1e-9):.0f} times real time"
        )


@dataclass(frozen=True)
class _Todo:
    """Outputs of an input that are to be written."""

    input: Input
    outputs: dict[str, Path]  # format -> path
    version: Version | None


class Files:
    """Writes each transcript to files of several formats, and keeps the journal of it."""

    def __init__(self, formats: Sequence[str], folder: Path | None, journal: Journal, settings: str) -> None:
        """Write below `folder`; None: beside each input. `settings`: see `oyez.app.transcribe.journal.Version`."""
        self._formats = formats
        self._folder = folder
        self._journal = journal
        self._settings = settings
        self.incomplete_before: list[tuple[Input, str]] = []  # left out as complete, with what their recordings lack

    def transcribe(
        self, inputs: Sequence[Input], transcribe: Transcribe, summary: Summary, resume: bool
    ) -> Iterator[Outcome]:
        """Have transcribed and write what is to be done; gives each outcome once its outputs are in place.

        An input whose outputs cannot be written has failed, and the others go on.

        Args:
            inputs: all of them.
            transcribe: gives the outcomes of some inputs, in order.
            summary: is kept up to date.
            resume: leave out the outputs that are complete, and of the recording as it is now.

        Raises:
            OutputError: nothing more can be written. What was written stays.
        """
        todo = self._todo(inputs, resume)
        summary.skipped = len(inputs) - len(todo)
        summary.incomplete += len(self.incomplete_before)
        for each, outcome in zip(todo, transcribe([each.input for each in todo]), strict=True):
            written = self._written(each, outcome)
            summary.take(written)
            yield written

    def _todo(self, inputs: Sequence[Input], resume: bool) -> list[_Todo]:
        stems = output_stems(inputs, self._formats, self._folder, [self._journal.path], self._journal.owner)
        todo = []
        for each, stem in zip(inputs, stems, strict=True):
            outputs = {name: output_path(stem, name) for name in self._formats}
            names = self._journal.missing(each, outputs, self._settings) if resume else self._formats
            if names:
                version = Version.of(each.path, self._settings)
                todo.append(_Todo(each, {name: outputs[name] for name in names}, version))
            elif missing := self._journal.incomplete(outputs):
                self.incomplete_before.append((each, missing))
        return todo

    def _written(self, todo: _Todo, outcome: Outcome) -> Outcome:
        sizes: dict[Path, int] = {}
        if outcome.transcript is not None:
            for name, path in todo.outputs.items():
                try:
                    sizes[path] = write_whole(path, FORMATS[name](todo.input, outcome.transcript))
                except OSError as error:
                    reason = f"{path}: cannot be written ({error.strerror})"
                    if error.errno in _HOPELESS:
                        raise OutputError(reason) from error
                    outcome = Outcome(todo.input, None, reason)
                    break
        try:
            if outcome.transcript is None:
                self._journal.failed(todo.input, outcome.error)
            else:
                incomplete = "; ".join(outcome.warnings) if outcome.is_incomplete else ""
                self._journal.done(todo.input, todo.version, sizes, outcome.transcript.duration, incomplete)
        except OSError as error:
            raise OutputError(f"{self._journal.path}: cannot be written ({error.strerror})") from error
        return outcome


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.2f} h"
