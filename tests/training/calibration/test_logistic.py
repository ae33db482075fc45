"""Logistic regression: the weights that made the data, bounds that hold, and no overflow where all is clear."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from oyez.training.calibration.logistic import fit_logistic

WEIGHTS, INTERCEPT = np.array([1.5, -0.8, 0.0]), 0.6


@pytest.fixture
def data() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    rng = np.random.default_rng(3)
    evidence = rng.normal(size=(20_000, 3)) * [1.0, 2.0, 0.5] + [0.3, -1.0, 4.0]
    odds = np.exp(evidence @ WEIGHTS + INTERCEPT)
    return evidence, rng.random(len(evidence)) < odds / (1 + odds)


def test_it_finds_what_scikit_learn_finds(data: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]) -> None:
    weights, intercept = fit_logistic(*data)
    other = LogisticRegression(C=1e6).fit(*data)
    assert weights == pytest.approx(other.coef_[0], abs=0.02)
    assert intercept == pytest.approx(other.intercept_[0], abs=0.05)
    assert weights == pytest.approx(WEIGHTS, abs=0.1)


def test_shares_count_like_repetition(data: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]) -> None:
    evidence, right = data[0][:2000], data[1][:2000]
    shares = np.where(right, 2.0, 1.0)
    weighed = fit_logistic(evidence, right, shares=shares / shares.sum())
    repeated = fit_logistic(np.concatenate([evidence, evidence[right]]), np.concatenate([right, right[right]]))
    assert weighed[0] == pytest.approx(repeated[0], abs=0.03)
    assert weighed[1] == pytest.approx(repeated[1], abs=0.1)


def test_what_must_not_speak_against_is_left_out(
    data: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]],
) -> None:
    weights, _ = fit_logistic(*data, never_against=2)
    assert weights[0] > 1
    assert weights[1] == 0


def test_what_is_always_the_same_or_tells_all_keeps_finite_weights() -> None:
    evidence = np.column_stack([np.ones(50), np.repeat([-1.0, 1.0], 25)])
    weights, intercept = fit_logistic(evidence, np.repeat([False, True], 25))
    assert weights[0] == 0
    assert 1 < weights[1] < 100
    assert abs(intercept) < 0.1
    all_right, _ = fit_logistic(evidence, np.ones(50, bool))
    assert np.isfinite(all_right).all()
