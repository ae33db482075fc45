"""What tests of several trainers need."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest


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
