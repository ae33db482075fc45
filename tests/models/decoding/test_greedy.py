import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.alphabet import BLANK, LABELS, decode, encode
from oyez.models.decoding.greedy import GreedyDecoder


def log_probs_of(path):
    """Return log-probabilities whose best path is this one, shape (steps, labels)."""
    return torch.log_softmax(5.0 * torch.nn.functional.one_hot(torch.tensor(path), LABELS).float(), dim=-1).numpy()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([BLANK, 1, 2, 3, LABELS - 1]), min_size=1, max_size=40))
def test_repeats_are_merged_and_blanks_left_out(path):
    assert GreedyDecoder().decode(log_probs_of(path)) == [
        label for label, _ in itertools.groupby(path) if label != BLANK
    ]


@pytest.mark.parametrize(
    ("path", "text"), [("_ll_l_", "ll"), ("_lll__", "l"), ("nn__oo", "no"), ("____", ""), ("", "")]
)
def test_double_letter_needs_a_blank_between(path, text):
    labels = [BLANK if character == "_" else encode(character)[0] for character in path]
    log_probs = log_probs_of(labels) if labels else np.empty((0, LABELS), np.float32)
    assert decode(GreedyDecoder().decode(log_probs)) == text
