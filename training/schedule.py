"""How the learning rate changes over a training."""

from __future__ import annotations

import math


def one_cycle(progress: float, warm_up: float) -> float:
    """Return the learning rate as a share of the highest: up in a straight line, down along a cosine."""
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up))) + 1e-4
