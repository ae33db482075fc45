"""Confidence: after calibration it is the share that is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from oyez.data.manifest import Utterance
from oyez.models.types import Transcript, Word
from oyez.training.calibration.logistic import fit_curve
from oyez.training.calibration.reliability import expected_calibration_error, words_and_rightness
from oyez.training.evaluation.recognition import Result


def result(said: str, *heard: tuple[str, float]) -> Result:
    words = tuple(Word(text, 0.0, 0.1, confidence) for text, confidence in heard)
    transcript = Transcript(" ".join(word.text for word in words), words, 0.5, 1.0, "m")
    return Result(Utterance(Path("x.wav"), said), transcript)


def test_each_word_heard_is_judged_by_what_was_said_there() -> None:
    results = [
        result("turn left now", ("turn", 0.9), ("right", 0.4), ("now", 0.8)),
        result("", ("no", 0.3)),
        result("yes", ("oh", 0.1), ("yes", 0.7)),
        result("silence"),
    ]
    confidences, right = words_and_rightness(results)
    assert confidences.tolist() == [0.9, 0.4, 0.8, 0.3, 0.1, 0.7]
    assert right.tolist() == [True, False, True, False, False, True]


def test_the_curve_that_made_scores_right_is_found() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(-3, 0, 4000)
    right = rng.random(4000) < expit(3 * scores + 4)
    found = fit_curve(scores, right)
    assert found.slope == pytest.approx(3, rel=0.15)
    assert found.intercept == pytest.approx(4, rel=0.15)
    assert expected_calibration_error(expit(scores), right) > 0.1
    assert expected_calibration_error(expit(found.slope * scores + found.intercept), right) < 0.03


def test_calibration_error_is_the_gap_weighted_by_how_many() -> None:
    confidences = np.array([0.95, 0.95, 0.25, 0.25])
    right = np.array([True, False, False, False])
    assert expected_calibration_error(confidences, right) == pytest.approx((0.45 * 2 + 0.25 * 2) / 4)
