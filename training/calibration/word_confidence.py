"""Fit the confidence of words, on speech that the model did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np

from oyez.models.confidence import WordConfidence, WordEvidence
from oyez.training.calibration.calibration import rightness
from oyez.training.calibration.logistic import fit_logistic
from oyez.training.evaluation.evaluate import Heard


def fit_word_confidence(heard: Sequence[Heard]) -> WordConfidence:
    """Fit a logistic curve from evidence to probability; of nothing heard, the default."""
    evidence = np.array([astuple(each) for one in heard for each in WordEvidence.of(one.words)])
    right = np.array(
        [each for one in heard for each in rightness(one.utterance.text, [word.text for word in one.words])]
    )
    if not len(right):
        return WordConfidence()
    # a word that fits better is never less sure: the first two weights, of score and ratio
    weights, intercept = fit_logistic(evidence, right, never_against=2)
    return WordConfidence(**dict(zip(WordEvidence.__dataclass_fields__, weights, strict=True)), intercept=intercept)
