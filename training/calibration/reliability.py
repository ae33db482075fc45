"""How far a confidence can be relied on: of all words given 0.9, about nine in ten should be right."""

from __future__ import annotations

from collections.abc import Sequence

import jiwer
import numpy as np
import numpy.typing as npt

from oyez.training.evaluation.recognition import Result

BINS = 10


def words_and_rightness(results: Sequence[Result]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the confidence of each recognised word, and whether it is right by the alignment with the reference.

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


def rightness(reference: str, hypothesis: Sequence[str]) -> list[bool]:
    """Return for each word of the hypothesis whether it is right, by the alignment with the fewest errors."""
    right = [False] * len(hypothesis)
    [chunks] = jiwer.process_words(reference, " ".join(hypothesis)).alignments
    for chunk in chunks:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
    return right


def expected_calibration_error(confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Return the mean gap between confidence and share of right words over ten equal bins (Naeini et al. 2015)."""
    if not len(confidences):
        return 0.0
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = [abs(confidences[bins == b].mean() - right[bins == b].mean()) * (bins == b).sum() for b in np.unique(bins)]
    return float(sum(gaps) / len(confidences))
