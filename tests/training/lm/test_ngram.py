"""N-gram estimation: probabilities that add up to one, a worked example, what pruning leaves out."""

from __future__ import annotations

import pytest

from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import BEGIN, END, UNKNOWN
from tests.training.toy_text import CONTEXTS, sentences, total


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("prune", [(), (0, 1), (1, 2)])
def test_probabilities_add_up_to_one_after_any_context(order: int, prune: tuple[int, ...]) -> None:
    model = estimate(sentences(), order, prune)
    for context in CONTEXTS:
        assert total(model, context) == pytest.approx(1, abs=1e-9)


def test_a_worked_example() -> None:
    # Kneser-Ney counts of single words: the number of different words before them
    model = estimate([["a", "b"], ["a", "b"], ["c", "b"]], order=2)
    # before b: a, c; before a and c: <s>; before </s>: b. In all 5; the text is tiny, so discounts are 1/2 and 3/4
    held_back = (0.5 + 0.5 + 0.5 + 0.75) / 5
    uniform = 1 / 5  # a, b, c, </s>, <unk>
    b = (2 - 0.75) / 5 + held_back * uniform
    assert 10 ** model.score("b", ()) == pytest.approx(b)
    # after a: b twice, nothing else
    assert 10 ** model.score("b", ("a",)) == pytest.approx((2 - 0.75) / 2 + 0.75 / 2 * b)
    assert 10 ** model.score(UNKNOWN, ()) == pytest.approx(held_back * uniform)


def test_words_that_the_text_lacks_share_what_is_held_back_by_how_frequent_they_are_elsewhere() -> None:
    frequencies = {"often": 0.3, "seldom": 0.1, "cat": 0.2}
    model = estimate(sentences(), order=3, prune=(0, 1), frequencies=frequencies)
    often, seldom = (10 ** model.score(word, ()) for word in ("often", "seldom"))
    assert often == pytest.approx(3 * seldom)
    assert 10 ** model.score(UNKNOWN, ()) == pytest.approx(seldom)  # as the rarest
    for context in [(), (BEGIN,), ("the", "cat"), ("often", "seldom")]:
        assert total(model, context) == pytest.approx(1, abs=1e-9)
    # what was seen is as likely as before, but for its part of what was held back
    plain = estimate(sentences(), order=3, prune=(0, 1))
    assert model.score("sees", ("the", "cat")) == pytest.approx(plain.score("sees", ("the", "cat")), abs=0.05)


def test_what_follows_is_likelier_where_it_was_seen() -> None:
    model = estimate([["turn", "it", "on"]] * 5 + [["turn", "it", "off"]] * 2 + [["on", "and", "off"]] * 3)
    assert model.score("on", ("turn", "it")) > model.score("off", ("turn", "it")) > model.score("and", ("turn", "it"))
    assert model.score(END, ("it", "on")) > model.score("it", ("it", "on"))


def test_pruning_leaves_out_the_rare() -> None:
    whole, pruned = estimate(sentences(), 3), estimate(sentences(), 3, (0, 2))
    assert len(pruned.probabilities[1]) == len(whole.probabilities[1])
    assert len(pruned.probabilities[2]) < len(whole.probabilities[2])


@pytest.mark.parametrize(("prune", "message"), [((2, 1), "let them rise"), ((), "no sentence")])
def test_what_cannot_be_estimated_is_refused(prune: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimate([], 3, prune)
