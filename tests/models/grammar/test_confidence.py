import itertools

import pytest

from oyez.models.decoding.alignment import AlignedWord
from oyez.models.grammar.confidence import CommandConfidence, Evidence


def word(text, ratio):
    return AlignedWord(text, 0, 1, -0.1, ratio)


def test_evidence_is_that_of_all_words_and_of_the_worst():
    evidence = Evidence.of([word("turn", -2.0), word("it", -3.0), word("on", 0.0)])
    assert evidence == Evidence(against=-5.0, letters=8, worst_word=-1.5)


def test_evidence_is_bounded():
    evidence = Evidence.of([word("a" * 50, -1e9), word("b" * 50, 0.0)])
    assert evidence == Evidence(against=-200.0, letters=60, worst_word=-12.0)


@pytest.mark.parametrize("confidence", [CommandConfidence(), CommandConfidence(against=9, worst_word=9, intercept=-9)])
def test_confidence_rises_with_what_speaks_for_a_sentence(confidence):
    against, letters, worst = (-200.0, -10.0, -1.0, 0.0), (1, 5, 60), (-12.0, -0.5, 0.0)
    for one, other in itertools.pairwise(against):
        assert confidence(Evidence(one, 5, -0.5)) <= confidence(Evidence(other, 5, -0.5))
    for one, other in itertools.pairwise(letters):
        assert confidence(Evidence(-1.0, one, -0.5)) <= confidence(Evidence(-1.0, other, -0.5))
    for one, other in itertools.pairwise(worst):
        assert confidence(Evidence(-1.0, 5, one)) <= confidence(Evidence(-1.0, 5, other))
    everything = [confidence(Evidence(*each)) for each in itertools.product(against, letters, worst)]
    assert all(0 <= each <= 1 for each in everything)
