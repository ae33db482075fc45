"""The mean of several models: runs that began with the same one are often better together than each of them.

As "Model soups" (Wortsman et al. 2022, arXiv:2203.05482): it costs nothing when the model is used. What was fitted to
one of them is not kept: let `oyez lm fuse-ngram` and `oyez commands calibrate` fit it anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from oyez.models.config import ModelConfig
from oyez.models.network import Model

_ALIKE = ("features", "acoustic", "vocabulary")


def mean_of(models: Sequence[Model], weights: Sequence[float]) -> Model:
    """Return a model of the mean parameters.

    Args:
        models: of one shape, vocabulary and normalisation; name, description and dropout are the first one's.
        weights: how much each model counts; of any sum above 0.

    Raises:
        ValueError: the models differ in more than their parameters, or there is not a weight of 0 or more for each.
    """
    if len(weights) != len(models) or min(weights) < 0 or not 0 < sum(weights) < math.inf:
        raise ValueError(f"{len(models)} models need {len(models)} weights of 0 or more, not all 0: {list(weights)}")
    first = models[0]
    for number, model in enumerate(models[1:], start=2):
        differing = [part for part in _ALIKE if _shape(model, part) != _shape(first, part)]
        if differing:
            raise ValueError(f"model {number} and the first differ in {' and '.join(differing)}: they have no mean")
        if not all(map(torch.equal, model.buffers(), first.buffers())):
            raise ValueError(f"model {number} normalises otherwise than the first: they began with different models")
    mean = Model(ModelConfig(**{part: getattr(first.config, part) for part in ("name", "description", *_ALIKE)}))
    mean.load_state_dict(first.state_dict())  # buffers as well
    shares = [weight / sum(weights) for weight in weights]
    with torch.no_grad():
        for parameters in zip(mean.parameters(), *(model.parameters() for model in models), strict=True):
            parameter, *given = parameters
            parameter.copy_(sum(share * values for share, values in zip(shares, given, strict=True)))
    return mean.eval()


def _shape(model: Model, part: str) -> Any:
    """Return a part of what must be alike; a run may have had more dropout than another."""
    settings = getattr(model.config, part)
    return settings.model_copy(update={"dropout": 0.0}) if part == "acoustic" else settings
