"""How many processor cores there are to compute on."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return how many cores this process may use: those that it is bound to, where the system tells; at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
