import math

import numpy as np
import pytest
import torch
import torchaudio.functional

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.models.decoding.alignment import align_labels, align_words, is_alignable, log_likelihood


@pytest.fixture
def hand_made():
    """A path written out, `_` for the blank -> log-probabilities that give each of its steps 0.9."""

    def build(path):
        log_probs = np.full((len(path), LABELS), math.log(0.1 / (LABELS - 1)), np.float32)
        for row, character in zip(log_probs, path, strict=True):
            row[BLANK if character == "_" else encode(character)[0]] = math.log(0.9)
        return log_probs

    return build


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("__nnoo___", [("no", 2, 6)]),
        ("_go_ _up_", [("go", 1, 3), ("up", 6, 8)]),
        ("g__o  u__p", [("go", 0, 4), ("up", 6, 10)]),
        ("__f_a_l_l__", [("fall", 2, 9)]),
        ("a", [("a", 0, 1)]),
    ],
)
def test_words_lie_where_their_letters_are(path, words, hand_made):
    text = " ".join(word for word, _, _ in words)
    aligned = align_words(hand_made(path), encode(text))
    assert [(word.text, word.start, word.end) for word in aligned] == words
    assert [word.score for word in aligned] == pytest.approx([math.log(0.9)] * len(words), abs=1e-5)


def test_score_falls_with_a_letter_that_was_not_heard(hand_made):
    [heard, misheard] = align_words(hand_made("_go_ _up_"), encode("go ux"))
    assert heard.score == pytest.approx(math.log(0.9), abs=1e-5)
    assert misheard.score < heard.score - 1


@pytest.mark.parametrize("text", ["", " "])
def test_no_letters_are_no_words(text, hand_made):
    assert align_words(hand_made("___"), encode(text)) == []


def test_empty_recording_has_no_words():
    assert align_words(np.empty((0, LABELS), np.float32), []) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("steps", [1, 4])
def test_likelihood_is_the_sum_over_all_paths(steps, seed, by_brute_force, random_log_probs):
    log_probs = random_log_probs(seed, steps, "ab ")
    expected = by_brute_force(log_probs)
    assert {labels: log_likelihood(log_probs, list(labels)) for labels in expected} == pytest.approx(expected, abs=1e-5)


def test_likelihood_of_nothing_is_that_of_the_blanks(hand_made):
    assert log_likelihood(hand_made("____"), []) == pytest.approx(4 * math.log(0.9), abs=1e-5)


@pytest.mark.parametrize("text", ["abcd", "aab"])
def test_text_that_does_not_fit_into_the_steps_is_impossible(text, hand_made):
    assert log_likelihood(hand_made("abc"), encode(text)) == -math.inf


def test_ratios_of_words_add_up_to_that_of_the_labelling(random_log_probs):
    for seed in range(8):
        log_probs = random_log_probs(seed, 20, " ab")
        words = align_words(log_probs, encode("ab ba a"))
        _, scores = torchaudio.functional.forced_align(
            torch.from_numpy(log_probs)[None], torch.tensor([encode("ab ba a")], dtype=torch.int32), blank=0
        )
        free = log_probs.max(axis=-1).sum()
        assert sum(word.ratio for word in words) == pytest.approx(float(scores.sum() - free), abs=1e-3)
        assert all(word.ratio <= 1e-5 for word in words)


def test_the_ratio_of_what_is_heard_freely_is_nothing():
    log_probs = np.full((5, LABELS), -9.0, np.float32)
    for step, label in enumerate([0, *encode("a b"), 0]):
        log_probs[step, label] = -0.01
    assert [word.ratio for word in align_words(log_probs, encode("a b"))] == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_the_path_is_the_one_that_torchaudio_finds(seed):
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.log_softmax(2 * torch.randn(40, LABELS, generator=generator), dim=-1)
    labels = encode("all will see abba")
    path, scores = torchaudio.functional.forced_align(
        log_probs[None], torch.tensor([labels], dtype=torch.int32), blank=0
    )
    expected = torchaudio.functional.merge_tokens(path[0], scores[0], blank=BLANK)
    found = align_labels(log_probs.numpy(), labels)
    assert [(span.label, span.start, span.end) for span in found] == [(s.token, s.start, s.end) for s in expected]
    assert [span.score for span in found] == pytest.approx([span.score for span in expected], abs=1e-5)


@pytest.mark.parametrize(("text", "steps"), [("abcd", 3), ("aab", 3), ("a", 0)])
def test_text_that_does_not_fit_into_the_steps_is_refused_in_words(text, steps):
    log_probs = np.zeros((steps, LABELS), np.float32)
    assert not is_alignable(encode(text), steps)
    for align in (align_words, align_labels):
        with pytest.raises(ValueError, match=f"'{text}' takes at least .* steps, and there are {steps}"):
            align(log_probs, encode(text))


def test_a_path_is_found_where_every_path_is_impossible():
    log_probs = np.full((4, LABELS), -math.inf, np.float32)
    log_probs[:, BLANK] = 0.0
    [word] = align_words(log_probs, encode("a"))
    assert (word.text, word.end - word.start, word.score) == ("a", 1, -math.inf)
