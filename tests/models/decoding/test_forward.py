"""The recursion over the states of labellings gives the likelihoods that torch's CTC loss gives."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.forward import LabellingStates, forward_scores


def speech(seed: int, steps: int, contrast: float = 3.0) -> LogProbs:
    scores = contrast * torch.randn(steps, LABELS, generator=torch.Generator().manual_seed(seed))
    return torch.log_softmax(scores, dim=-1).numpy()


def by_torch(log_probs: LogProbs, labellings: list[list[int]]) -> list[float]:
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs)[:, None].expand(-1, len(labellings), -1),
        torch.tensor([label for labels in labellings for label in labels], dtype=torch.long),
        torch.full((len(labellings),), len(log_probs)),
        torch.tensor([len(labels) for labels in labellings]),
        blank=BLANK,
        reduction="none",
    )
    return (-loss).tolist()


def some_labellings(seed: int, number: int, longest: int) -> list[list[int]]:
    chance = random.Random(seed)
    return [[chance.choice((1, 2, 3, LABELS - 1)) for _ in range(chance.randint(0, longest))] for _ in range(number)]


@pytest.mark.parametrize("contrast", [1.0, 4.0, 30.0])
@pytest.mark.parametrize("steps", [1, 2, 9, 60])
def test_scores_of_many_labellings_are_those_of_torch(steps: int, contrast: float) -> None:
    labellings = some_labellings(steps, 40, 12)
    log_probs = speech(steps, steps, contrast)
    expected = by_torch(log_probs, labellings)
    assert forward_scores(log_probs, LabellingStates(labellings)).tolist() == pytest.approx(
        expected, rel=1e-4, abs=1e-4
    )


def test_a_long_text_is_scored_as_by_torch() -> None:
    labels = some_labellings(3, 60, 8)
    text = [label for labelling in labels for label in labelling]
    log_probs = speech(3, 700)
    [expected] = by_torch(log_probs, [text])
    assert expected < -1500  # far below what a probability in floating point can be
    assert forward_scores(log_probs, LabellingStates([text]))[0] == pytest.approx(expected, rel=1e-5)


def test_a_likelihood_is_right_where_other_states_are_likelier_beyond_measure() -> None:
    log_probs = np.full((80, LABELS), -60.0, np.float32)
    log_probs[:, BLANK] = 0.0  # silence, of which a text is made: its letters are as unlikely as can be
    labels = encode("turn on the light in here")
    [expected] = by_torch(log_probs, [labels])
    assert expected < -60.0 * (len(labels) - 1)
    assert forward_scores(log_probs, LabellingStates([labels]))[0] == pytest.approx(expected, rel=1e-5)


def test_a_labelling_scores_the_same_alone_and_among_others() -> None:
    log_probs = speech(5, 30)
    labellings = [[], *some_labellings(5, 12, 9), encode("aaa"), encode("aaa")]
    together = forward_scores(log_probs, LabellingStates(labellings)).tolist()
    alone = [float(forward_scores(log_probs, LabellingStates([labels]))[0]) for labels in labellings]
    assert together == pytest.approx(alone, rel=1e-6)


def test_what_is_impossible_is_minus_infinity_and_nothing_else_is() -> None:
    log_probs = speech(1, 4)
    log_probs[:, encode("x")] = -np.inf
    states = LabellingStates([encode("abcde"), encode("aaa"), encode("ax"), encode("abcd"), []])
    assert np.isfinite(forward_scores(log_probs, states)).tolist() == [False, False, False, True, True]


def test_without_steps_only_the_empty_labelling_is_possible() -> None:
    states = LabellingStates([[], encode("a")])
    assert forward_scores(np.empty((0, LABELS), np.float32), states).tolist() == [0.0, -np.inf]


def test_no_labellings_have_no_scores() -> None:
    assert forward_scores(speech(1, 3), LabellingStates([])).tolist() == []


def test_a_blank_is_no_label_of_a_labelling() -> None:
    with pytest.raises(ValueError, match="blank"):
        LabellingStates([[1, BLANK, 2]])
