import random

import numpy as np
import pytest
import torch
import torchaudio.functional

from oyez.data.alphabet import BLANK, LABELS, decode, encode
from oyez.models.grammar.automaton import AutomatonBuilder
from oyez.models.grammar.search import FIRST_TAG, FREE_LETTER, Grammar

WORDS = ["a", "ab", "abba", "ba b", "bb", "b a a", "cab", "aaa"]


def grammar_of(texts, tags=()):
    draft = AutomatonBuilder(10_000)
    for number, text in enumerate(texts):
        state = 0
        for label in encode(text):
            state = draft.step(state, label)
        for tag in tags:
            state = draft.step(state, FIRST_TAG + number if tag is None else tag)
        draft.ends.add(state)
    return Grammar.of(draft.finish())


def alignment_score(log_probs, text):
    """Log-probability of the best alignment, by torchaudio."""
    labels = torch.tensor([encode(text)], dtype=torch.int32)
    _, scores = torchaudio.functional.forced_align(torch.from_numpy(log_probs)[None], labels, blank=BLANK)
    return float(scores.sum())


def speech(seed, steps):
    scores = 3 * torch.randn(steps, LABELS, generator=torch.Generator().manual_seed(seed))
    scores[:, [BLANK, *encode(" abc")]] += 4
    return torch.log_softmax(scores, dim=-1).numpy()


@pytest.mark.parametrize("seed", range(12))
def test_search_finds_the_sentence_whose_best_alignment_is_best(seed):
    texts = random.Random(seed).sample(WORDS, 5)
    log_probs = speech(seed, 12)
    path = grammar_of(texts).search(log_probs)
    scores = {text: alignment_score(log_probs, text) for text in texts}
    assert decode(path.symbols) == max(scores, key=scores.get)
    assert path.score == pytest.approx(max(scores.values()), abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_several_paths_are_different_sentences_in_the_order_of_their_scores(seed):
    log_probs = speech(seed, 14)
    paths = grammar_of(WORDS).search_several(log_probs, 4, beam=200.0)
    scores = sorted((alignment_score(log_probs, text) for text in WORDS), reverse=True)
    assert [path.score for path in paths] == pytest.approx(scores[:4], abs=1e-3)
    assert len({path.symbols for path in paths}) == 4
    assert paths[0].symbols == grammar_of(WORDS).search(log_probs).symbols


def test_what_sounds_like_no_sentence_has_a_path_in_a_wide_beam_alone():
    log_probs = np.full((60, LABELS), -30.0, np.float32)
    log_probs[np.arange(60), np.arange(60) % 2 * encode("c")[0]] = 0.0  # c c c ...
    log_probs[:, encode("ab")] = -60.0
    texts = ["ab" * 12, "abb" * 8]
    grammar = grammar_of(texts)
    assert grammar.search(log_probs) is None
    path = grammar.search(log_probs, beam=float("inf"))
    scores = {text: alignment_score(log_probs, text) for text in texts}
    assert decode(path.symbols) == max(scores, key=scores.get)
    assert path.score == pytest.approx(max(scores.values()), rel=1e-4)


@pytest.mark.parametrize("shape", [(12, LABELS - 1), (12, LABELS + 1), (LABELS,)])
def test_log_probabilities_of_other_labels_are_refused(shape):
    for search in (grammar_of(["a"]).search, lambda rows: grammar_of(["a"]).search_several(rows, 2)):
        with pytest.raises(ValueError, match=f"not of {LABELS} labels"):
            search(np.zeros(shape, np.float32))


def test_a_letter_twice_takes_a_blank_between():
    log_probs = np.full((2, LABELS), -20.0, np.float32)
    log_probs[:, encode("b")] = -0.1
    assert grammar_of(["bb"]).search(log_probs) is None
    assert decode(grammar_of(["b", "bb"]).search(log_probs).symbols) == "b"


def test_free_text_has_more_paths_than_are_told_apart_and_gives_the_best_one():
    draft = AutomatonBuilder(100)
    for label in range(1, LABELS):
        draft.arc(0, LABELS + label, 0)
        draft.arc(0, label, 0)
    draft.ends.add(0)
    grammar, log_probs = Grammar.of(draft.finish()), speech(1, 60)
    assert grammar.search_several(log_probs, 5) == [grammar.search(log_probs)]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_what_is_too_short_for_any_sentence_is_none(steps):
    assert grammar_of(["cab"]).search(speech(1, steps)) is None
    assert grammar_of(["cab"]).search_several(speech(1, steps), 3) == []


def test_tags_stand_where_they_were_put_and_cost_nothing():
    log_probs = speech(3, 12)
    plain, tagged = grammar_of(WORDS).search(log_probs), grammar_of(WORDS, tags=(None, 99)).search(log_probs)
    assert tagged.score == pytest.approx(plain.score, abs=1e-4)
    number = WORDS.index(decode(plain.symbols))
    assert tagged.symbols == (*plain.symbols, FIRST_TAG + number, 99)


def test_free_letters_cost_more_than_given_ones():
    draft = AutomatonBuilder(100)
    given = draft.step(draft.step(0, encode("a")[0]), encode("b")[0])
    free = draft.step(draft.step(0, LABELS + encode("a")[0]), LABELS + encode("b")[0])
    draft.ends |= {given, free}
    paths = Grammar.of(draft.finish()).search_several(speech(5, 6), 2, beam=100.0)
    assert [symbol >= LABELS for path in paths for symbol in path.symbols] == [False, False, True, True]
    assert paths[0].score - paths[1].score == pytest.approx(2 * FREE_LETTER, abs=1e-3)
