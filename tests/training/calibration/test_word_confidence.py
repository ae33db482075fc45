"""The confidence of words: after fitting it is the share that is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oyez.data.manifest import Utterance
from oyez.models.confidence import WordConfidence, WordEvidence
from oyez.models.decoding.alignment import AlignedWord
from oyez.training.calibration.reliability import expected_calibration_error
from oyez.training.calibration.word_confidence import fit_word_confidence
from oyez.training.evaluation.recognition import RecognisedUtterance

WORDS = ("go", "yes", "left", "seven", "marvin")
TRUTH = WordConfidence(score=2.0, ratio=0.5, letters=0.4, pace=-0.6, utterance=0.5, alone=1.0, intercept=3.5)


def spoken(rng: np.random.Generator) -> RecognisedUtterance:
    """Return an utterance in which each word is right as often as TRUTH says."""
    words = [
        AlignedWord(text, 0, int(rng.integers(6, 30)), score=-rng.exponential(0.7), ratio=-rng.exponential(2))
        for text in rng.permutation(WORDS)[: rng.integers(1, 6)]
    ]
    right = [rng.random() < TRUTH(evidence) for evidence in WordEvidence.of(words)]
    said = [word.text if ok else "other" for word, ok in zip(words, right, strict=True)]
    return RecognisedUtterance(Utterance(Path("x.wav"), " ".join(said)), words)


def judged(heard: list[RecognisedUtterance], confidence: WordConfidence) -> tuple[np.ndarray, np.ndarray]:
    confidences = [confidence(evidence) for each in heard for evidence in WordEvidence.of(each.words)]
    right = [w.text == said for each in heard for w, said in zip(each.words, each.utterance.text.split(), strict=True)]
    return np.array(confidences), np.array(right)


def test_a_fitted_confidence_is_the_share_that_is_right_on_other_speech() -> None:
    rng = np.random.default_rng(3)
    heard = [spoken(rng) for _ in range(2000)]
    found = fit_word_confidence(heard[:1000])
    assert expected_calibration_error(*judged(heard[1000:], found)) < 0.04
    assert expected_calibration_error(*judged(heard[1000:], WordConfidence())) > 0.1
    alone = [each for each in heard[1000:] if len(each.words) == 1]
    confidences, right = judged(alone, found)
    assert confidences.mean() == pytest.approx(right.mean(), abs=0.06)


def test_words_that_are_all_right_give_finite_weights() -> None:
    rng = np.random.default_rng(4)
    heard = [
        RecognisedUtterance(Utterance(Path("x.wav"), "go"), [AlignedWord("go", 0, 10, -float(rng.random()), 0.0)])
        for _ in range(20)
    ]
    found = fit_word_confidence(heard)
    assert all(np.isfinite(weight) for weight in found.model_dump().values())
    assert found(WordEvidence.of(heard[0].words)[0]) > 0.9


def test_nothing_heard_gives_the_default() -> None:
    assert fit_word_confidence([RecognisedUtterance(Utterance(Path("x.wav"), "yes"), [])]) == WordConfidence()


def test_a_word_that_fits_better_is_never_less_sure() -> None:
    rng = np.random.default_rng(5)
    misleading = []  # the worse the score, the likelier right
    for _ in range(300):
        score = -float(rng.random())
        said = "go" if rng.random() < -score else "no"
        misleading.append(
            RecognisedUtterance(Utterance(Path("x.wav"), said), [AlignedWord("go", 0, 10, score, 2 * score)])
        )
    found = fit_word_confidence(misleading)
    assert found.score >= 0
    assert found.ratio >= 0
