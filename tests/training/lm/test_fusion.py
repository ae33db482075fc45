"""The weights of language models: the best of what was tried comes first, and nothing is tried twice."""

from __future__ import annotations

import pytest
import torch

from oyez.models.decoding.ngram import NgramConfig
from oyez.training.lm.fusion import tune, tune_one_by_one


def test_configurations_come_best_first() -> None:
    configs = [NgramConfig(weight=weight) for weight in (1.0, 0.0, 2.0)]
    heard = {1.0: "turn it off", 0.0: "turn it on", 2.0: "nothing"}
    tried = tune(configs, lambda config, _: heard[config.weight], [torch.zeros(1, 1)], ["turn it on"])
    assert [(config.weight, error) for config, error in tried] == [
        (0.0, 0.0),
        (1.0, pytest.approx(1 / 3)),
        (2.0, 1.0),
    ]


def test_one_weight_after_the_other_is_tried_with_the_best_of_the_others() -> None:
    grid = {"weight": (0.0, 1.0, 2.0), "word_score": (-1.0, 0.0, 1.0)}
    searched = []

    def search(config: NgramConfig, _: torch.Tensor) -> str:
        searched.append((config.weight, config.word_score))
        errors = int(abs(config.weight - 2) + abs(config.word_score + 1))
        return " ".join(["turn", "it", "on", *["please"] * errors])

    tried = tune_one_by_one(NgramConfig(), grid, search, [torch.zeros(1, 1)], ["turn it on"])
    assert searched == [(0, 0), (1, 0), (2, 0), (2, -1), (2, 1), (0, -1), (1, -1)]  # and none of them twice
    assert (tried[0][0].weight, tried[0][0].word_score, tried[0][1]) == (2, -1, 0)
    assert [error for _, error in tried] == sorted(error for _, error in tried)
