"""A closed list is scored exactly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.single_word import SingleWordDecoder, score_candidates


def brute_force(log_probs: LogProbs, labels: list[int]) -> float:
    """Return the log of the sum over every path that collapses to `labels`; few labels have a probability."""
    used = sorted({BLANK, *labels})
    total = -math.inf
    for path in itertools.product(used, repeat=len(log_probs)):
        if [label for label, _ in itertools.groupby(path) if label != BLANK] == labels:
            score = float(sum(log_probs[step, label] for step, label in enumerate(path)))
            total = math.log(math.exp(total) + math.exp(score))
    return total


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_sums_over_all_paths(seed: int) -> None:
    log_probs = torch.randn(5, LABELS, generator=torch.manual_seed(seed)).log_softmax(-1).numpy()
    candidates = [encode(word) for word in ("no", "on", "aa", "see", "")]
    ranked = score_candidates(log_probs, candidates)
    assert [h.score for h in ranked] == sorted((h.score for h in ranked), reverse=True)
    for hypothesis in ranked:
        assert hypothesis.score == pytest.approx(brute_force(log_probs, list(hypothesis.labels)), abs=1e-4)


def test_what_is_too_long_for_the_audio_comes_last_and_is_impossible() -> None:
    log_probs = torch.zeros(3, LABELS).log_softmax(-1).numpy()
    ranked = score_candidates(log_probs, [encode("aaa"), encode("no")])
    assert ranked[-1].labels == tuple(encode("aaa"))  # three equal letters need five steps
    assert ranked[-1].score == -math.inf


def test_the_decoder_finds_the_word_that_scores_best() -> None:
    words = ["no", "on", "see", "seen"]
    decoder = SingleWordDecoder(words)
    for seed in range(8):
        log_probs = (3 * torch.randn(7, LABELS, generator=torch.manual_seed(seed))).log_softmax(-1).numpy()
        best = score_candidates(log_probs, [encode(word) for word in words])[0]
        assert decoder.decode(log_probs) == list(best.labels)


@pytest.mark.parametrize("steps", [0, 1])
def test_where_no_word_fits_there_is_none(steps: int) -> None:
    assert SingleWordDecoder(["no", "on"]).decode(np.zeros((steps, LABELS), np.float32)) == []


@pytest.mark.parametrize(("words", "message"), [([], "at least one word"), (["caf\u00e9"], "not in the alphabet")])
def test_a_list_without_words_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SingleWordDecoder(words)
