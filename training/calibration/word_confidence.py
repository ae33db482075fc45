"""Fit the confidence of words, on speech that the model did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np

from oyez.models.confidence import WordConfidence, WordEvidence
from oyez.training.calibration.logistic import fit_logistic
from oyez.training.calibration.reliability import rightness
from oyez.training.evaluation.recognition import RecognisedUtterance


def fit_word_confidence(recognised: Sequence[RecognisedUtterance]) -> WordConfidence:
    """Fit a logistic curve from evidence to probability; without any recognised word, return the default."""
    evidence = np.array([astuple(item) for result in recognised for item in WordEvidence.of(result.words)])
    right = np.array(
        [
            is_right
            for result in recognised
            for is_right in rightness(result.utterance.text, [word.text for word in result.words])
        ]
    )
    if not len(right):
        return WordConfidence()
    # a word that fits better is never less sure: the first two weights, of score and ratio
    weights, intercept = fit_logistic(evidence, right, never_against=2)
    return WordConfidence(**dict(zip(WordEvidence.__dataclass_fields__, weights, strict=True)), intercept=intercept)
