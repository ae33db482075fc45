"""The label prior: what a CTC network takes for likely before it hears anything, blanks above all.

A search that knows by itself what may be said, by a language model or a grammar, does better without it: what the
network says of the sound is divided by it, as by the priors of states in hybrids with hidden Markov models (with CTC:
Miao et al. 2015, arXiv:1507.08240).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from oyez.data.alphabet import LABELS
from oyez.models.decoding.decoder import LogProbs

_RAREST = 1e-4  # mean probability of a label, so that one that is hardly ever heard is not raised beyond measure


def _of_all_labels(prior: tuple[float, ...]) -> tuple[float, ...]:
    if len(prior) not in (0, LABELS):
        raise ValueError(f"a label prior has {LABELS} values, not {len(prior)}")
    return prior


# the logarithm of each label's mean probability; empty: not known, and nothing is taken off
LabelPrior = Annotated[tuple[float, ...], AfterValidator(_of_all_labels)]


def label_prior(log_probs: Sequence[LogProbs]) -> LabelPrior:
    """Return the prior of a network by what it gives for some speech: utterances of shape (steps, labels) each."""
    probabilities = np.exp(np.concatenate(log_probs))  # (steps of all, labels)
    mean = np.add.reduce(probabilities, axis=0, dtype=np.float64) / len(probabilities)
    return tuple(round(value, 3) for value in np.log(np.maximum(mean, _RAREST)).tolist())


def subtract_prior(log_probs: LogProbs, prior: LabelPrior, weight: float) -> LogProbs:
    """Return log_probs - weight * prior, shape (..., labels); the same log-probabilities where there is no prior."""
    return log_probs - np.float32(weight) * np.array(prior, np.float32) if prior and weight else log_probs
