"""The learning rate over a training."""

from __future__ import annotations

import pytest

from oyez.training.schedule import one_cycle


def test_the_learning_rate_rises_then_falls_to_almost_nothing() -> None:
    rates = [one_cycle(n / 100, warm_up=0.1) for n in range(101)]
    assert rates.index(max(rates)) == 10
    assert max(rates) == pytest.approx(1.0, abs=1e-3)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3
