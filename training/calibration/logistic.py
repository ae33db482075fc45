"""Logistic regression: from evidence for and against to the probability of being right, behind every confidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from oyez.models.confidence import Calibration

_PRIOR = 1e-4  # weight that keeps the weights finite where all are right, or can be separated


def fit_logistic(
    evidence: npt.NDArray[np.float64],
    right: npt.NDArray[np.bool_],
    never_against: int = 0,
    shares: npt.NDArray[np.float64] | None = None,
) -> tuple[list[float], float]:
    """Fit the logarithm of the odds as a weighted sum (Platt 1999); return the weights and the intercept.

    Args:
        evidence: shape (n, kinds), n at least 1.
        right: shape (n,).
        never_against: the weights of so many kinds, the first ones, are 0 or more.
        shares: how much each counts, shape (n,), adding up to 1; by default all the same.
    """
    counts = np.full(len(right), 1 / len(right)) if shares is None else shares
    mean, spread = evidence.mean(axis=0), evidence.std(axis=0)
    spread[spread < 1e-6] = 1.0  # the same everywhere: it gets no weight
    scaled = np.column_stack([(evidence - mean) / spread, np.ones(len(evidence))])

    def cost(weights: npt.NDArray[np.float64]) -> float:
        signed = np.where(right, 1, -1) * (scaled @ weights)
        return float((counts * np.logaddexp(0, -signed)).sum() + _PRIOR * (weights**2).sum())

    kinds = scaled.shape[1]
    bounds = [(0, None)] * never_against + [(None, None)] * (kinds - never_against)
    *weights, at_mean = minimize(cost, np.zeros(kinds), bounds=bounds).x
    weights = np.array(weights) / spread
    return [round(float(weight), 4) for weight in weights], round(float(at_mean - weights @ mean), 4)


def fit_curve(scores: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> Calibration:
    """Fit the logistic curve to scores, each of something that was right or wrong; shape (n,) both."""
    [slope], intercept = fit_logistic(scores[:, None], right, never_against=1)
    return Calibration(slope=slope, intercept=intercept)
