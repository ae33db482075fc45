import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.alphabet import BLANK, LABELS, decode, encode
from oyez.models.decoding.alignment import log_likelihood
from oyez.models.decoding.beam import BeamDecoder, Lexicon, beam_search
from oyez.models.decoding.greedy import GreedyDecoder

EXACT = {"width": 100_000, "negligible": -math.inf}
LEXICONS = [["a"], ["ab", "a"], ["aa", "b"], ["abba", "ab", "ba"]]


def words_of(text):
    return text.split(" ") if text else []


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_wide_beam_is_the_sum_over_all_paths(steps, seed, by_brute_force, random_log_probs):
    log_probs = random_log_probs(seed, steps, "ab ")
    found = {hypothesis.labels: hypothesis.score for hypothesis in beam_search(log_probs, **EXACT)}
    assert found == pytest.approx(by_brute_force(log_probs), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("words", LEXICONS, ids=" ".join)
def test_wide_beam_in_a_lexicon_is_the_sum_over_paths_of_its_words(words, seed, by_brute_force, random_log_probs):
    log_probs = random_log_probs(seed, 5, "ab ")
    expected = {
        labels: score
        for labels, score in by_brute_force(log_probs).items()
        if set(words_of(decode(labels))) <= {*words}
    }
    found = beam_search(log_probs, lexicon=Lexicon.of(words), **EXACT)
    assert {hypothesis.labels: hypothesis.score for hypothesis in found} == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("words", [None, ["abba", "ab", "ba"]])
def test_hypotheses_come_best_first_and_score_as_the_forward_algorithm(words, random_log_probs):
    log_probs = random_log_probs(11, 6, "ab ")
    found = beam_search(log_probs, lexicon=Lexicon.of(words) if words else None, **EXACT)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    assert len(found) > 3
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(log_likelihood(log_probs, list(hypothesis.labels)), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(1, 8))
def test_lexicon_lets_nothing_but_its_words_through(seed, steps, width):
    words = ["yes", "no", "on", "one", "o'clock"]
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.log_softmax(4 * torch.randn(steps, LABELS, generator=generator), dim=-1).numpy()
    for hypothesis in beam_search(log_probs, width, Lexicon.of(words)):
        assert set(words_of(decode(hypothesis.labels))) <= {*words}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31))
def test_narrow_beam_never_claims_more_than_the_true_likelihood(seed):
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.log_softmax(2 * torch.randn(6, LABELS, generator=generator), dim=-1).numpy()
    for hypothesis in beam_search(log_probs, width=4):
        assert hypothesis.score <= log_likelihood(log_probs, list(hypothesis.labels)) + 1e-4


def test_beam_adds_up_the_paths_that_the_greedy_search_does_not():
    # best single path: two blanks, 0.36; but "a" has three paths of 0.24 + 0.24 + 0.16
    log_probs = np.full((2, LABELS), -math.inf, np.float32)
    log_probs[:, BLANK], log_probs[:, encode("a")[0]] = math.log(0.6), math.log(0.4)
    assert decode(GreedyDecoder().decode(log_probs)) == ""
    best = beam_search(log_probs)[0]
    assert decode(best.labels) == "a"
    assert best.score == pytest.approx(math.log(0.64))


@pytest.mark.parametrize(("path", "text"), [("b_aa_", "ba"), ("ba_a", "baa"), ("b_aa_a", "baa"), ("bb_b", "bb")])
def test_double_letter_needs_a_blank_between(path, text):
    labels = [BLANK if character == "_" else encode(character)[0] for character in path]
    log_probs = torch.log_softmax(
        12.0 * torch.nn.functional.one_hot(torch.tensor(labels), LABELS).float(), dim=-1
    ).numpy()
    assert decode(beam_search(log_probs)[0].labels) == text
    assert decode(beam_search(log_probs, lexicon=Lexicon.of(["ba", "baa", "bb"]))[0].labels) == text


def test_lexicon_turns_a_misspelling_into_its_nearest_word():
    labels = encode("yxs")
    log_probs = torch.log_softmax(
        5.0 * torch.nn.functional.one_hot(torch.tensor(labels), LABELS).float(), dim=-1
    ).numpy()
    assert decode(beam_search(log_probs, lexicon=Lexicon.of(["yes", "no"]), negligible=-20)[0].labels) == "yes"


@pytest.mark.parametrize("lexicon", [None, Lexicon.of(["yes"])])
def test_no_audio_is_no_text(lexicon):
    [hypothesis] = beam_search(np.empty((0, LABELS), np.float32), lexicon=lexicon)
    assert (hypothesis.labels, hypothesis.score) == ((), 0.0)


@pytest.mark.parametrize("words", [[], [""], ["yes", ""], ["turn on"], ["Yes"], ["café"]])
def test_what_is_no_word_is_refused_in_a_lexicon(words):
    with pytest.raises(ValueError, match=r"no word|at least one word|not in the alphabet"):
        Lexicon.of(words)


def nonsense_language(prefixes):
    """A language model that depends on the whole of what was said, and can be summed up by hand."""
    return [[0.1 * ((len(prefix) * 7 + sum(prefix) * 3 + label * 5) % 11) - 0.5 for label in range(LABELS)]
            for prefix in prefixes]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_language_model_counts_for_every_label_and_for_the_end(seed, by_brute_force, random_log_probs):
    log_probs = random_log_probs(seed, 5, "ab ")
    expected = {}
    for labels, score in by_brute_force(log_probs).items():
        [end] = nonsense_language([labels])
        told = [nonsense_language([labels[:n]])[0][labels[n]] for n in range(len(labels))]
        expected[labels] = score + sum(told) + end[BLANK]
    found = beam_search(log_probs, language=nonsense_language, **EXACT)
    assert {hypothesis.labels: hypothesis.score for hypothesis in found} == pytest.approx(expected, abs=1e-5)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


def test_search_asks_about_no_labelling_twice(random_log_probs):
    asked = []

    def language(prefixes):
        asked.extend(prefixes)
        return nonsense_language(prefixes)

    beam_search(random_log_probs(3, 8, "ab "), width=8, language=language)
    assert len(asked) == len(set(asked)) > 8
    assert all(not prefix or prefix[:-1] in asked for prefix in asked)


@pytest.mark.parametrize("width", [0, -1])
def test_a_beam_without_room_is_refused(width):
    with pytest.raises(ValueError, match=f"width = {width}"):
        BeamDecoder(width=width)


@pytest.mark.parametrize("width", [1, 2, 16])
def test_sound_that_ends_within_a_word_keeps_the_words_before(width):
    labels = [each for letter in "left right st" for each in (encode(letter)[0], BLANK)]
    log_probs = np.full((len(labels), LABELS), 0.001, np.float32)
    log_probs[range(len(labels)), labels] = 1.0
    log_probs = np.log(log_probs / log_probs.sum(-1, keepdims=True))
    words = ["left", "right", "stop", "start", "stay", "still"]
    best = beam_search(log_probs, width, Lexicon.of(words), negligible=-20)[0]
    assert decode(best.labels) == "left right"
