"""Misses and false accepts of commands against the threshold of their confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True)
class Attempt:
    """Something that was said, and the command that was nearest to it."""

    confidence: float
    is_command: bool  # what was said is a command
    right: bool  # the nearest command is the one that was said, with all its slots
    seconds: float


@dataclass(frozen=True)
class OperatingPoint:
    """Misses, errors and false accepts at a threshold."""

    threshold: float
    missed: float  # share of commands that are refused
    wrong: float  # share of accepted commands that are another one, or have a wrong slot
    false_accepts: int  # of speech that is no command
    false_per_hour: float
    refused: float  # share of what is no command


def operating_point(attempts: Sequence[Attempt], threshold: float) -> OperatingPoint:
    """Count misses, errors and false accepts at a threshold; shares of nothing are 0."""
    commands = [attempt for attempt in attempts if attempt.is_command]
    others = [attempt for attempt in attempts if not attempt.is_command]
    accepted = [attempt for attempt in commands if attempt.confidence >= threshold]
    false = sum(attempt.confidence >= threshold for attempt in others)
    hours = sum(attempt.seconds for attempt in others) / 3600
    return OperatingPoint(
        threshold=threshold,
        missed=1 - len(accepted) / len(commands) if commands else 0.0,
        wrong=sum(not attempt.right for attempt in accepted) / len(accepted) if accepted else 0.0,
        false_accepts=false,
        false_per_hour=false / hours if hours else 0.0,
        refused=1 - false / len(others) if others else 0.0,
    )


def choose_threshold(attempts: Sequence[Attempt], false_per_hour: float, most_missed: float = 1.0) -> float:
    """Return the lowest confidence at which fewer than so many false accepts an hour get through.

    But where that would miss more than a share `most_missed` of the commands, return the highest that does not. Less
    than an hour of other speech shows no more than that there was none in it: then none may get through.
    """
    others = sorted((attempt.confidence for attempt in attempts if not attempt.is_command), reverse=True)
    hours = sum(attempt.seconds for attempt in attempts if not attempt.is_command) / 3600
    allowed = max(0, math.ceil(false_per_hour * hours - 1e-9) - 1)  # the most that are fewer than that
    safe = 0.0 if allowed >= len(others) else min(1.0, round(others[allowed] + 1e-4, 4))
    commands = sorted(attempt.confidence for attempt in attempts if attempt.is_command)
    return min([safe, *commands[int(most_missed * len(commands)) :][:1]])
