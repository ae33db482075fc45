"""A run has its folder to itself, and loses it with its life."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from oyez.training.errors import RunLockedError
from oyez.training.state import run_lock

HOLDER = """
import sys, time
from pathlib import Path
from oyez.training.state import run_lock
with run_lock(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


def test_a_second_run_is_refused_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with (
        run_lock(out),
        pytest.raises(RunLockedError, match=f"{out} is locked by another process"),
        run_lock(out, patience=0),
    ):
        pass
    with run_lock(out, patience=0):
        pass


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    with run_lock(tmp_path), pytest.raises(RunLockedError), run_lock(tmp_path, stop=lambda: 15):
        pass


def test_a_run_that_is_killed_gives_the_folder_free(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(RunLockedError), run_lock(tmp_path, patience=0):
            pass
        holder.kill()
    with run_lock(tmp_path, patience=10):
        pass
