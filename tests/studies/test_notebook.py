"""The notebook of the guide runs, in its small setting, with speech and without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("with_speech", [True, False])
def test_notebook_runs(tones: Path, tmp_path: Path, with_speech: bool) -> None:
    environment = os.environ | {"OYEZ_SMALL": "1", "OYEZ_DATA": str(tones if with_speech else tmp_path)}
    done = subprocess.run(
        [sys.executable, REPOSITORY / "notebooks/recurrent_networks.py"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=REPOSITORY,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    assert "turn on" in done.stdout
    assert ("Look-ahead, accuracy and delay" in done.stdout) == with_speech
    assert ("left out" in done.stdout) != with_speech
