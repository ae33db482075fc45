"""Whole journeys: the commands that a user types, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Oyez = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def oyez() -> Oyez:
    """Run `oyez ARGUMENTS` and return what it did."""

    def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "oyez", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    return run
