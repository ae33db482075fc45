import random

import pytest

from oyez.training.calibration.operating_points import Attempt, choose_threshold, operating_point


def others(*confidences, seconds=3600.0):
    return [Attempt(confidence, False, False, seconds / len(confidences)) for confidence in confidences]


def commands(*confidences, right=True):
    return [Attempt(confidence, True, right, 1.0) for confidence in confidences]


def test_shares_are_those_of_what_they_are_named_after():
    attempts = commands(0.9, 0.8, 0.2) + commands(0.85, right=False) + others(0.7, 0.1, 0.1, 0.1, seconds=7200)
    point = operating_point(attempts, 0.5)
    assert (point.missed, point.wrong, point.false_accepts) == (0.25, pytest.approx(1 / 3), 1)
    assert (point.false_per_hour, point.refused) == (0.5, 0.75)


def test_nothing_said_is_nothing_missed():
    point = operating_point([], 0.5)
    assert (point.missed, point.wrong, point.false_per_hour, point.refused) == (0, 0, 0, 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("hours", "allowed"), [(0.2, 0), (1, 0), (2, 1), (10, 9)])
def test_chosen_threshold_lets_fewer_than_one_an_hour_through_and_is_the_lowest_that_does(seed, hours, allowed):
    chance = random.Random(seed)
    attempts = others(*(round(chance.random(), 3) for _ in range(50)), seconds=hours * 3600) + commands(1.0)
    threshold = choose_threshold(attempts, false_per_hour=1.0)
    assert operating_point(attempts, threshold).false_accepts <= allowed
    assert operating_point(attempts, threshold - 2e-4).false_accepts > allowed


def test_chosen_threshold_misses_no_more_than_may_be_missed():
    attempts = commands(*(n / 100 for n in range(100))) + others(0.97, 0.98, 0.99)
    assert choose_threshold(attempts, 1.0) == pytest.approx(0.9901)
    threshold = choose_threshold(attempts, 1.0, most_missed=0.05)
    assert operating_point(attempts, threshold).missed == pytest.approx(0.05)


def test_without_other_speech_everything_is_let_through():
    assert choose_threshold(commands(0.5, 0.9), 1.0) == 0.0
