"""Fit what makes the confidence of a command mean what it says, for any commands file (see command_trials)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from oyez.models.grammar.confidence import CommandConfidence
from oyez.training.calibration.command_trials import Kind, Length, Phrase, Trial, trials
from oyez.training.calibration.logistic import fit_logistic
from oyez.training.calibration.operating_points import (
    THRESHOLDS,
    Attempt,
    OperatingPoint,
    choose_threshold,
    operating_point,
)
from oyez.training.calibration.reliability import expected_calibration_error

MOST_MISSED = 0.05  # share of the commands that a threshold may miss
_SHORT = 4  # letters
LENGTHS: tuple[Length, ...] = ((1, 1), (2, 2), (3, 4), (5, 100))


def fit_confidence(
    tried: Sequence[Trial],
    false_per_hour: float = 1.0,
    before: CommandConfidence | None = None,
    most_missed: float = MOST_MISSED,
) -> CommandConfidence:
    """Fit a logistic curve from evidence to probability, and choose the threshold.

    What is right and what is not count the same, however many there are of each. The threshold is the lowest that
    lets through fewer than `false_per_hour` false accepts of other running speech, but none that misses more than a
    share `most_missed` of the commands, nor of the short ones: they are in other speech, too, and would never be
    accepted. What is not fitted stays as it was `before`; nothing is fitted where there is not both, right and wrong.
    """
    judged = [(trial.evidence, trial.right) for trial in tried if trial.evidence is not None]
    right = np.array([is_right for _, is_right in judged], bool)
    if right.all() or not right.any():
        return before or CommandConfidence()
    shares = np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum())
    (against, letters, worst_word), intercept = fit_logistic(
        np.array([astuple(evidence) for evidence, _ in judged]), right, never_against=3, shares=shares
    )
    weights = {"against": against, "letters": letters, "worst_word": worst_word, "intercept": intercept}
    confidence = (before or CommandConfidence()).model_copy(update=weights)
    short = [
        trial for trial in tried if trial.kind != "sentence" or (trial.evidence and trial.evidence.letters <= _SHORT)
    ]
    thresholds = [choose_threshold(attempts(some, confidence), false_per_hour, most_missed) for some in (tried, short)]
    return confidence.model_copy(update={"threshold": min(thresholds)})


def attempts(tried: Sequence[Trial], confidence: CommandConfidence, other: Kind = "speech") -> list[Attempt]:
    """Judge the sentences among trials, and one kind of what is none."""
    return [
        Attempt(
            confidence=confidence(trial.evidence) if trial.evidence else 0.0,
            is_command=trial.kind == "sentence",
            right=trial.right,
            seconds=trial.seconds,
        )
        for trial in tried
        if trial.kind in (other, "sentence")
    ]


ByLength = dict[Length, OperatingPoint]


@dataclass(frozen=True)
class Measured:
    """How good a fitted confidence is on speakers that it was not fitted on."""

    points: dict[Kind, list[OperatingPoint]]  # at each threshold, against other speech of each kind
    by_length: ByLength  # files of such sentences alone, where MOST_MISSED are missed, against other speech
    in_noise: dict[float, ByLength]  # by signal-to-noise ratio in dB, at the thresholds of by_length
    threshold: float  # the mean of those that were chosen
    calibration_error: float  # mean gap between confidence and share of right commands, against other speech
    other_hours: float  # of other speech said to all files of `points`, the same to many of them


def measure_on_other_speakers(
    spoken: Sequence[Phrase],
    files: int,
    false_per_hour: float = 1.0,
    most_missed: float = MOST_MISSED,
    in_noise: Mapping[float, Sequence[Phrase]] | None = None,
) -> Measured:
    """Fit on half of the speakers and judge the other half, and the other way round.

    Args:
        in_noise: the same phrases recognised in noise, by signal-to-noise ratio in dB; nothing is fitted on them.
    """
    speakers = sorted({phrase.speaker for phrase in spoken})
    tried = [trials(half, files, seed) for seed, half in enumerate(_halves(spoken, speakers))]
    fitted = [fit_confidence(half, false_per_hour, most_missed=most_missed) for half in tried]
    of_others = list(reversed(fitted))
    threshold = round(float(np.mean([confidence.threshold for confidence in fitted])), 4)
    kinds: tuple[Kind, ...] = ("speech", "words", "near")
    judged = {
        kind: [a for half, confidence in zip(tried, of_others, strict=True) for a in attempts(half, confidence, kind)]
        for kind in kinds
    }

    def of_length(phrases: Sequence[Phrase], lengths: Length) -> list[Attempt]:
        halves = zip(_halves(phrases, speakers), of_others, strict=True)
        few = math.ceil(files / len(LENGTHS))
        return [
            attempt
            for seed, (half, confidence) in enumerate(halves)
            for attempt in attempts(trials(half, few, seed, lengths), confidence)
        ]

    by_length: ByLength = {}
    for lengths in LENGTHS:
        if some := of_length(spoken, lengths):
            by_length[lengths] = operating_point(some, choose_threshold(some, 0.0, MOST_MISSED))
    return Measured(
        points={
            kind: [operating_point(some, value) for value in sorted({*THRESHOLDS, threshold})]
            for kind, some in judged.items()
        },
        by_length=by_length,
        in_noise={
            snr: {
                lengths: operating_point(of_length(phrases, lengths), quiet.threshold)
                for lengths, quiet in by_length.items()
            }
            for snr, phrases in (in_noise or {}).items()
        },
        threshold=threshold,
        calibration_error=expected_calibration_error(
            np.array([attempt.confidence for attempt in judged["speech"]]),
            np.array([attempt.is_command and attempt.right for attempt in judged["speech"]]),
        ),
        other_hours=sum(attempt.seconds for attempt in judged["speech"] if not attempt.is_command) / 3600,
    )


def _halves(spoken: Sequence[Phrase], speakers: Sequence[str]) -> list[list[Phrase]]:
    return [[phrase for phrase in spoken if phrase.speaker in speakers[start::2]] for start in (0, 1)]
