"""Back-off models: interpolated and pruned ones still add up to one, pruning takes what matters least, KenLM agrees."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import BEGIN, END, UNKNOWN, NgramModel, interpolate, prune_by_entropy, write_arpa
from tests.training.toy_text import CONTEXTS, WORDS, sentences, total


def relative_entropy(model: NgramModel, other: NgramModel) -> float:
    """Return what is lost, in nats for a word, by using `other` where `model` is right: after two words or fewer."""
    events = [word for (word,) in model.probabilities[0] if word != BEGIN]
    contexts = [(BEGIN,), *itertools.product([BEGIN, *WORDS], WORDS)]
    lost = 0.0
    for context in contexts:
        likely = math.prod(
            10 ** model.score(END if word == BEGIN else word, context[:position])
            for position, word in enumerate(context)
        )
        for word in events:
            score = model.score(word, context)
            lost += likely * 10**score * (score - other.score(word, context)) * math.log(10)
    return lost


def renewed(model: NgramModel) -> NgramModel:
    """Return the model with back-off weights that make it add up to one."""
    return interpolate(model, model, 0.0)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_an_interpolated_model_says_what_both_say_in_part(weight: float) -> None:
    one, other = estimate(sentences(), 3), estimate(sentences(seed=2), 3)
    mixed = interpolate(one, other, weight)
    for ngrams in [*one.probabilities, *other.probabilities]:
        for words in ngrams:
            if words != (BEGIN,):
                expected = sum(
                    share * 10 ** model.score(words[-1], words[:-1])
                    for share, model in ((1 - weight, one), (weight, other))
                )
                assert 10 ** mixed.score(words[-1], words[:-1]) == pytest.approx(expected, rel=1e-6)
    for context in CONTEXTS:
        assert total(mixed, context) == pytest.approx(1, abs=1e-6)


def test_models_of_different_words_and_orders_are_interpolated_to_the_words_of_the_first() -> None:
    foreign = [[*sentence, "zulu"] for sentence in sentences(seed=2)]
    one, other = estimate([*sentences(), ["ours", "alone"]], 2), estimate(foreign, 3)
    mixed = interpolate(one, other, 0.5)
    assert mixed.order == 3
    assert mixed.probabilities[0].keys() == one.probabilities[0].keys()
    assert not any("zulu" in words for ngrams in mixed.probabilities for words in ngrams)
    for context in [*CONTEXTS, ("ours",), ("zulu",)]:
        assert total(mixed, context) == pytest.approx(1, abs=1e-6)


def test_pruning_by_entropy_loses_little_and_the_least_first() -> None:
    model = estimate(sentences(2000), 3)
    sizes, losses = [], []
    for threshold in (0.0, 1e-6, 1e-4, 1.0):
        pruned = prune_by_entropy(model, threshold)
        for context in CONTEXTS:
            assert total(pruned, context) == pytest.approx(1, abs=1e-6)
        assert pruned.probabilities[0].keys() == model.probabilities[0].keys()
        sizes.append(sum(map(len, pruned.probabilities)))
        losses.append(relative_entropy(model, pruned))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert losses == sorted(losses)
    assert len(pruned.probabilities[1]) == len(pruned.probabilities[2]) == 0  # a nat is more than any is worth
    # as many trigrams left out by chance would cost more
    some = prune_by_entropy(model, 1e-5)
    gone = [words for words in model.probabilities[2] if words not in some.probabilities[2]]
    first = dict(list(model.probabilities[2].items())[len(gone) :])
    by_chance = renewed(NgramModel([*model.probabilities[:2], first], model.backoffs))
    assert relative_entropy(model, some) < relative_entropy(model, by_chance) / 2


def test_what_pruning_adds_is_what_was_computed() -> None:
    model = estimate(sentences(), 2)
    costs = {}
    for words in model.probabilities[1]:
        kept = {others: score for others, score in model.probabilities[1].items() if others != words}
        without = renewed(NgramModel([model.probabilities[0], kept], {}))
        costs[words] = bigram_entropy(model, without)
    threshold = sorted(costs.values())[len(costs) // 2]
    kept = prune_by_entropy(model, threshold).probabilities[1].keys()
    clear = {words: cost for words, cost in costs.items() if abs(cost / threshold - 1) > 1e-6}
    assert kept & clear.keys() == {words for words, cost in clear.items() if cost > threshold}


def bigram_entropy(model: NgramModel, other: NgramModel) -> float:
    lost = 0.0
    for context in [BEGIN, *WORDS]:
        likely = 10 ** model.score(END if context == BEGIN else context, ())
        for (word,) in model.probabilities[0]:
            if word != BEGIN:
                score = model.score(word, (context,))
                lost += likely * 10**score * (score - other.score(word, (context,))) * math.log(10)
    return lost


def test_kenlm_reads_the_file_as_we_do(tmp_path: Path) -> None:
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    model = estimate(sentences(), 3, (0, 1))
    for path in (tmp_path / "words.arpa", tmp_path / "words.arpa.gz"):
        write_arpa(model, path)
        theirs = KenLM(str(path), Dictionary([*WORDS, UNKNOWN]))
        for sentence in sentences(20):
            state = theirs.start(False)
            for position, word in enumerate(sentence):
                state, score = theirs.score(state, WORDS.index(word))
                ours = model.score(word, (BEGIN, *sentence[:position]))
                assert score == pytest.approx(ours, abs=2e-4)
            assert theirs.finish(state)[1] == pytest.approx(model.score(END, (BEGIN, *sentence)), abs=2e-4)


def test_the_same_model_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz"):
        write_arpa(estimate(sentences(), 3), tmp_path / name)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
