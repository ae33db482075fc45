"""The mean of models: of parameters alone, and of nothing that does not fit together."""

from __future__ import annotations

import pytest
import torch

from oyez.models.confidence import WordConfidence
from oyez.models.config import AcousticConfig, FeatureConfig, ModelConfig
from oyez.models.network import Model
from oyez.training.averaging import mean_of


def small(seed: int, **changes: object) -> Model:
    torch.manual_seed(seed)
    shape = {"features": FeatureConfig(coefficients=13), "acoustic": AcousticConfig(channels=8, width=8, layers=1)}
    return Model(ModelConfig.model_validate(shape | changes))


def test_each_parameter_is_the_weighted_mean() -> None:
    one, two = small(1), small(2)
    mean = mean_of([one, two], [1.0, 3.0])
    for name, parameter in mean.named_parameters():
        expected = 0.25 * one.state_dict()[name] + 0.75 * two.state_dict()[name]
        torch.testing.assert_close(parameter.detach(), expected)


def test_runs_with_different_dropout_have_a_mean() -> None:
    other = small(2, acoustic=AcousticConfig(channels=8, width=8, layers=1, dropout=0.4))
    assert mean_of([small(1), other], [1.0, 1.0]).config.acoustic == small(1).config.acoustic


def test_what_was_fitted_to_one_of_them_is_not_kept() -> None:
    fitted = small(1, name="fitted", confidence=WordConfidence(score=2.5), label_prior=())
    mean = mean_of([fitted, small(2)], [1.0, 1.0])
    assert mean.config.name == "fitted"
    assert mean.config.confidence == WordConfidence()
    assert not mean.training


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"acoustic": AcousticConfig(channels=8, width=9, layers=1)}, "differ in acoustic"),
        ({"features": FeatureConfig(coefficients=13, high_hz=4000)}, "differ in features"),
        ({"vocabulary": ("yes",)}, "differ in vocabulary"),
    ],
)
def test_models_that_differ_in_more_have_no_mean(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mean_of([small(1), small(2, **changes)], [1.0, 1.0])


def test_models_that_normalise_differently_have_no_mean() -> None:
    other = small(2)
    next(other.buffers()).add_(1)
    with pytest.raises(ValueError, match="model 2 normalises otherwise"):
        mean_of([small(1), other], [1.0, 1.0])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("inf")], [1.0, float("nan")]])
def test_a_weight_for_each_model(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="2 models need 2 weights"):
        mean_of([small(1), small(2)], weights)
