"""Make a confidence mean what it says: of all words given 0.9, about nine in ten are right."""

from __future__ import annotations

from collections.abc import Sequence

import jiwer
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from models.confidence import Calibration
from training.evaluate import Result

BINS = 10
_PRIOR = 1e-5  # weight that keeps the slope finite where all words are right


def words_and_rightness(results: Sequence[Result]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the confidence of each word that was heard, and whether it was said, aligned with the reference.

    With a commands file those of each command instead: it has one confidence, however many words.
    """
    confidences: list[float] = []
    right: list[bool] = []
    for result in results:
        transcript = result.transcript
        if transcript.command is None:
            confidences += [word.confidence for word in transcript.words]
            right += rightness(result.utterance.text, [word.text for word in transcript.words])
        elif transcript.command:
            confidences.append(transcript.confidence)
            right.append(result.right)
    return np.array(confidences), np.array(right, dtype=bool)


def rightness(said: str, heard: Sequence[str]) -> list[bool]:
    """Return for each word that was heard whether it was said, by the alignment with the fewest errors."""
    right = [False] * len(heard)
    if said and heard:
        [chunks] = jiwer.process_words(said, " ".join(heard)).alignments
        for chunk in chunks:
            if chunk.type == "equal":
                right[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
    return right


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
