"""Error rates, against counts made by hand."""

from __future__ import annotations

import pytest

from oyez.training.evaluation.metrics import accuracy


def test_rates_count_over_all_words_together() -> None:
    # one substitution, one deletion, one insertion, over five words
    figures = accuracy(["turn left", "go", "yes no"], ["turn right", "", "yes no no"])
    assert figures.word_error_rate == pytest.approx(3 / 5)
    assert figures.correct == 0


def test_characters_count_too() -> None:
    assert accuracy(["four"], ["for"]).character_error_rate == pytest.approx(1 / 4)


def test_words_heard_in_silence_count_as_insertions() -> None:
    figures = accuracy(["yes", "", ""], ["yes", "no", ""])
    assert figures.word_error_rate == 1.0
    assert figures.correct == pytest.approx(2 / 3)


def test_where_nothing_was_said_the_error_rate_is_the_share_that_is_wrong() -> None:
    figures = accuracy(["", "", "", ""], ["", "no", "", ""])
    assert figures.word_error_rate == figures.character_error_rate == 0.25
    assert figures.correct == 0.75


@pytest.mark.parametrize(("references", "hypotheses"), [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_lists_that_do_not_fit_are_refused(references: list[str], hypotheses: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        accuracy(references, hypotheses)
