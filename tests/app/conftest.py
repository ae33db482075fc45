"""The command line in this process: what a user types, and what it prints and ends with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from oyez.app.cli import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


Oyez = Callable[..., Done]


@pytest.fixture
def oyez(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Oyez:
    """Run `oyez ARGUMENTS` in an empty folder; an exception that a user would see as a traceback fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")  # no message is broken into lines

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["oyez", *map(str, arguments)])
            patched.setattr(sys, "stdout", sys.stdout)  # restored where the command gave it up
            exit_code: object = 0
            try:
                main()
            except SystemExit as end:
                exit_code = end.code or 0
        output = capsys.readouterr()
        if isinstance(exit_code, str):  # as Python does
            return Done(1, output.out, output.err + exit_code + "\n")
        assert isinstance(exit_code, int)
        return Done(exit_code, output.out, output.err)

    return run
