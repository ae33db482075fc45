"""The label prior: the mean of what a network says, and what is left when it is taken off."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS
from oyez.models.config import ModelConfig
from oyez.models.decoding.prior import label_prior, subtract_prior


def test_the_prior_is_the_mean_probability_over_all_steps() -> None:
    short, long = np.full((2, LABELS), -20.0, np.float32), np.full((6, LABELS), -20.0, np.float32)
    short[:, 3] = 0.0
    long[:, BLANK] = 0.0
    prior = label_prior([short, long])
    assert math.exp(prior[BLANK]) == pytest.approx(0.75, abs=1e-3)
    assert math.exp(prior[3]) == pytest.approx(0.25, abs=1e-3)
    assert prior[5] == pytest.approx(math.log(1e-4), abs=1e-3)  # never heard: bounded


def test_it_is_taken_off_by_its_weight_and_where_there_is_none_nothing_is() -> None:
    log_probs = torch.log_softmax(torch.randn(4, LABELS, generator=torch.Generator().manual_seed(1)), dim=-1).numpy()
    prior = label_prior([log_probs])
    assert np.allclose(subtract_prior(log_probs, prior, 0.5), log_probs - 0.5 * np.array(prior))
    assert subtract_prior(log_probs, (), 0.5) is log_probs
    assert subtract_prior(log_probs, prior, 0.0) is log_probs


def test_what_is_likely_anyhow_counts_less() -> None:
    log_probs = np.log(np.array([[0.55, 0.45] + [0.0] * (LABELS - 2)], np.float32) + 1e-9)
    prior = tuple([math.log(0.8), math.log(0.1)] + [-9.0] * (LABELS - 2))
    assert int(log_probs.argmax()) == BLANK
    assert int(subtract_prior(log_probs, prior, 0.3)[:, :2].argmax()) == 1


def test_a_prior_of_other_labels_is_refused() -> None:
    with pytest.raises(ValueError, match=f"a label prior has {LABELS} values, not 2"):
        ModelConfig.model_validate({"name": "x", "label_prior": [0.0, 1.0]})
