"""Make a confidence mean what it says: of all words given 0.9, about nine in ten are right."""

from __future__ import annotations

from collections.abc import Sequence

import jiwer
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logit

from models.checkpoint import Calibration
from training.evaluate import Result

BINS = 10
_CLOSEST = 1e-4  # to 0 and 1 that a confidence counts: a transcript's is rounded to as much
_PRIOR = 1e-5  # weight that keeps the slope finite where all words are right


def words_and_rightness(results: Sequence[Result]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the confidence of each word that was heard, and whether it was said, aligned with the reference."""
    confidences: list[float] = []
    right: list[bool] = []
    for result in results:
        heard, said = [word.text for word in result.transcript.words], result.utterance.text
        if not heard:
            continue
        rights = [False] * len(heard)
        if said:
            [chunks] = jiwer.process_words(said, " ".join(heard)).alignments
            for chunk in chunks:
                if chunk.type == "equal":
                    rights[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
        confidences += [word.confidence for word in result.transcript.words]
        right += rights
    return np.array(confidences), np.array(right, dtype=bool)


def fit_calibration(results: Sequence[Result]) -> Calibration:
    """Fit a logistic curve from score to probability (Platt 1999), on speech that the model did not learn from.

    Args:
        results: of a model with the default Calibration, with enough words, right and wrong.
    """
    confidences, right = words_and_rightness(results)
    if not len(confidences):
        return Calibration()
    return fit_curve(logit(np.clip(confidences, _CLOSEST, 1 - _CLOSEST)), right)


def fit_curve(scores: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> Calibration:
    """Fit the logistic curve to scores, each of something that was right or wrong; shape (n,) both."""

    def cost(parameters: npt.NDArray[np.float64]) -> float:
        slope, intercept = parameters
        signed = np.where(right, 1, -1) * (slope * scores + intercept)
        return float(np.logaddexp(0, -signed).mean() + _PRIOR * (parameters**2).sum())

    slope, intercept = minimize(cost, (1.0, 0.0), bounds=[(1e-3, None), (None, None)]).x
    return Calibration(slope=round(float(slope), 4), intercept=round(float(intercept), 4))


def expected_calibration_error(confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and share of right words over ten equal bins (Naeini et al. 2015)."""
    if not len(confidences):
        return 0.0
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = [abs(confidences[bins == b].mean() - right[bins == b].mean()) * (bins == b).sum() for b in np.unique(bins)]
    return float(sum(gaps) / len(confidences))
