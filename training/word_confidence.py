"""Fit the confidence of words, on speech that the model did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from models.confidence import WordConfidence, WordEvidence
from training.calibration import rightness
from training.evaluate import Heard

_PRIOR = 1e-4  # weight that keeps the weights finite where all words are right


def fit_word_confidence(heard: Sequence[Heard]) -> WordConfidence:
    """Fit a logistic curve from evidence to probability (Platt 1999); of nothing heard, the default."""
    evidence = np.array([astuple(each) for one in heard for each in WordEvidence.of(one.words)])
    right = np.array(
        [each for one in heard for each in rightness(one.utterance.text, [word.text for word in one.words])]
    )
    if not len(right):
        return WordConfidence()
    mean, spread = evidence.mean(axis=0), evidence.std(axis=0)
    spread[spread < 1e-6] = 1.0  # the same for all words: it gets no weight
    scaled = np.column_stack([(evidence - mean) / spread, np.ones(len(evidence))])

    def cost(weights: npt.NDArray[np.float64]) -> float:
        signed = np.where(right, 1, -1) * (scaled @ weights)
        return float(np.logaddexp(0, -signed).mean() + _PRIOR * (weights**2).sum())

    # a word that fits better is never less sure: the first two weights, of score and ratio
    bounds = [(0, None)] * 2 + [(None, None)] * (scaled.shape[1] - 2)
    *scaled_weights, at_mean = minimize(cost, np.zeros(scaled.shape[1]), bounds=bounds).x
    weights = np.array(scaled_weights) / spread
    names = WordEvidence.__dataclass_fields__
    values = {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}
    return WordConfidence(**values, intercept=round(float(at_mean - weights @ mean), 4))
