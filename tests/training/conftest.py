"""What tests of several trainers need."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner


@pytest.fixture
def stop_after() -> Callable[[int], Callable[[], int]]:
    """A function of a number of steps; it returns a `stop` that asks to stop after so many."""

    def after(steps: int) -> Callable[[], int]:
        left = [steps]

        def stop() -> int:
            left[0] -= 1
            return signal.SIGTERM if left[0] == 0 else 0

        return stop

    return after


@pytest.fixture
def invoke() -> Callable[..., tuple[int, str]]:
    """A function of a command and its arguments; it returns the exit code and what was said, in one line."""

    def run(command: Callable[..., object], *arguments: object) -> tuple[int, str]:
        app = typer.Typer()
        app.command()(command)
        done = CliRunner().invoke(app, [str(each) for each in arguments])
        return done.exit_code, " ".join(done.output.replace("│", " ").split())  # errors stand in a box

    return run
