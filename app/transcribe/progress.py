"""How far a batch is, shown in the terminal: files, seconds of sound, speed, time left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from oyez.app.console import console
from oyez.app.transcribe.inputs import Input
from oyez.data.audio import header_duration

_ASKED = 64  # inputs whose headers are asked for their length; of more, the files are counted


class BatchProgress:
    """A line in the terminal, if stderr is one, as long as the context lasts."""

    def __init__(self, inputs: Sequence[Input], hidden: bool = False) -> None:
        """Show progress through these inputs; `hidden`: show nothing."""
        self._files = len(inputs)
        self._files_done = 0
        self._seconds_done = 0.0
        self._started = time.monotonic()
        is_shown = not hidden and bool(inputs) and console.is_terminal
        self._seconds = _total_seconds(inputs) if is_shown else None
        # without redirect_stdout=False, rich would take what is printed to stdout along to stderr
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not is_shown,
            redirect_stdout=False,
        )
        self._task = self._progress.add_task(self._text(), total=self._seconds or self._files)

    def __enter__(self) -> BatchProgress:
        self._progress.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the line away."""
        self._progress.stop()

    def add_seconds(self, seconds: float) -> None:
        """Take note of sound that was transcribed."""
        self._seconds_done += seconds
        self._update()

    def add_files(self, count: int) -> None:
        """Take note of files that are done."""
        self._files_done += count
        self._update()

    def _update(self) -> None:
        done = self._files_done if self._seconds is None else min(self._seconds_done, self._seconds)
        self._progress.update(self._task, completed=done, description=self._text())

    def _text(self) -> str:
        parts = [f"{self._files_done}/{self._files} files"] if self._files > 1 else []
        whole = f" of {_clock(self._seconds)}" if self._seconds is not None else ""
        parts.append(f"{_clock(self._seconds_done)}{whole}")
        if self._seconds_done:
            speed = self._seconds_done / max(1e-3, time.monotonic() - self._started)
            parts.append(f"{speed:.0f} times real time")
        return ", ".join(parts)


def _total_seconds(inputs: Sequence[Input]) -> float | None:
    """Return the length of all inputs as far as their headers tell at once; None if one of them does not."""
    if len(inputs) > _ASKED:
        return None
    total = 0.0
    for each in inputs:
        whole = each.duration if each.error or each.duration is not None else header_duration(each.path, each.raw)
        if whole is None:
            return None
        total += whole if each.duration is not None else max(0.0, whole - each.offset)
    return total or None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
