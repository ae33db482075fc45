"""Estimate a word n-gram language model from text, by interpolated modified Kneser-Ney smoothing.

The method of estimation is that of Chen and Goodman (1998, "An Empirical Study of Smoothing Techniques for Language
Modeling", section 4.1.6, equations 25 to 27); n-grams pruned by their counts give these to the back-off weight of their
context. Words that the text lacks share what the smoothing holds back by how frequent they are elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from oyez.training.lm.ngram_model import BEGIN, END, NEVER, UNKNOWN, NgramModel, Words


def estimate(
    sentences: Iterable[Sequence[str]],
    order: int = 3,
    prune: Sequence[int] = (),
    frequencies: Mapping[str, float] | None = None,
) -> NgramModel:
    """Estimate a model.

    Args:
        sentences: the words of each.
        order: words in the longest n-grams.
        prune: for orders 2, 3, ..., the count up to which n-grams are left out; the last one holds for those after it.
        frequencies: of words elsewhere, above 0: the distribution that unigrams are interpolated with, in place of the
            uniform one. Words that the sentences lack are added; one that is missing here is as rare as the rarest.

    Raises:
        ValueError: there is no sentence, or an order is pruned less than a lower one.
    """
    if list(prune) != sorted(prune):
        raise ValueError(f"prune {list(prune)}: a longer n-gram would be kept whose beginning is not; let them rise")
    raw: list[Counter[Words]] = [Counter() for _ in range(order)]
    for sentence in sentences:
        words = (BEGIN, *sentence, END)
        for size in range(1, order + 1):
            raw[size - 1].update(words[start : start + size] for start in range(len(words) - size + 1))
    if not raw[0]:
        raise ValueError("no sentence to estimate a language model from")
    counts = _adjusted(raw)
    elsewhere = _elsewhere({words for words in counts[0] if words != (BEGIN,)}, frequencies or {})
    probabilities: list[dict[Words, float]] = []
    backoffs: dict[Words, float] = {}
    lower: dict[Words, float] = {}  # probabilities one order down
    for size in range(1, order + 1):
        limit = prune[min(size - 2, len(prune) - 1)] if size > 1 and prune else 0
        discounts = _discounts(counts[size - 1].values())
        totals: Counter[Words] = Counter()
        held_back: defaultdict[Words, float] = defaultdict(float)
        for words, count in counts[size - 1].items():
            if words == (BEGIN,):
                continue
            totals[words[:-1]] += count
            held_back[words[:-1]] += count if raw[size - 1][words] <= limit else discounts[min(count, 3)]
        now: dict[Words, float] = {}
        for words, count in counts[size - 1].items():
            if words == (BEGIN,) or raw[size - 1][words] <= limit:
                continue
            context = words[:-1]
            shorter = lower[words[1:]] if size > 1 else elsewhere[words]
            now[words] = (count - discounts[min(count, 3)] + held_back[context] * shorter) / totals[context]
        if size == 1:
            unseen = elsewhere.keys() - now.keys()
            now.update({words: held_back[()] * elsewhere[words] / totals[()] for words in unseen})
        else:
            backoffs.update({c: math.log10(held_back[c] / totals[c]) for c in totals if held_back[c] > 0})
        probabilities.append({words: math.log10(p) for words, p in now.items()})
        lower = now
    probabilities[0][(BEGIN,)] = NEVER
    known = {words for ngrams in probabilities for words in ngrams}
    return NgramModel(probabilities, {context: weight for context, weight in backoffs.items() if context in known})


def _adjusted(raw: Sequence[Counter[Words]]) -> list[Counter[Words]]:
    """Return Kneser-Ney's counts: below the highest order, the number of different words seen before an n-gram.

    N-grams that begin a sentence have nothing before them and keep their count.
    """
    adjusted: list[Counter[Words]] = []
    for size in range(1, len(raw)):
        counts: Counter[Words] = Counter(words[1:] for words in raw[size])
        counts.update({words: count for words, count in raw[size - 1].items() if words[0] == BEGIN})
        adjusted.append(counts)
    return [*adjusted, raw[-1]]


def _elsewhere(seen: set[Words], frequencies: Mapping[str, float]) -> dict[Words, float]:
    """Return a word's probability without any knowledge of the text; UNKNOWN is as likely as the rarest word."""
    words = seen | {(word,) for word in frequencies} | {(UNKNOWN,)}
    rarest = min(frequencies.values(), default=1.0)
    total = math.fsum(frequencies.get(word, rarest) for (word,) in words)
    return {words: frequencies.get(words[0], rarest) / total for words in words}


def _discounts(counts: Iterable[int]) -> list[float]:
    """Return what is taken off counts of 0, 1, 2, and 3 or more."""
    n = Counter(min(count, 4) for count in counts)
    tiny = [0.0, 0.5, 0.75, 0.75]  # for a text without some count of counts, or with an odd one: absolute discounting
    if not all(n[size] for size in (1, 2, 3, 4)):
        return tiny
    y = n[1] / (n[1] + 2 * n[2])
    discounts = [0.0, *(size - (size + 1) * y * n[size + 1] / n[size] for size in (1, 2, 3))]
    return discounts if min(discounts[1:]) > 0 else tiny
