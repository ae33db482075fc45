"""N-gram language models in back-off form: what they score, how they are interpolated, pruned and written."""

from __future__ import annotations

import gzip
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oyez.data.files import whole_file

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
NEVER = -99.0  # log10 probability of what is no event: <s> is only ever a context

Words = tuple[str, ...]
_LEAST = 1e-9  # of what is left for the words that were not seen after a context: rounding must not make it negative


@dataclass(frozen=True)
class NgramModel:
    """An n-gram model in back-off form: log10 probabilities and back-off weights."""

    probabilities: list[dict[Words, float]]  # by order, from 1
    backoffs: dict[Words, float]  # of contexts; others have 0

    @property
    def order(self) -> int:
        """Words in the longest n-grams."""
        return len(self.probabilities)

    def score(self, word: str, context: Sequence[str]) -> float:
        """Return log10 of the probability of a word, or of END, after the words of `context`."""
        words = (*context, word)[-self.order :]
        if words[-1:] not in self.probabilities[0]:
            words = (*words[:-1], UNKNOWN)
        given = 0.0
        while words not in self.probabilities[len(words) - 1]:
            given += self.backoffs.get(words[:-1], 0.0)
            words = words[1:]
        return given + self.probabilities[len(words) - 1][words]


def interpolate(model: NgramModel, other: NgramModel, weight: float) -> NgramModel:
    """Return one model for the linear interpolation of two (Jelinek and Mercer 1980), with the words of the first.

    The n-grams of both are in it, but for those with a word that the first one lacks. Each has the weighted mean of
    what the two models say; the back-off weights are made anew, so that everything adds up to one.

    Args:
        model: whose words are kept.
        other: of the same order or another; what it gives to other words is shared out.
        weight: of `other`, from 0 to 1; below 1 if it lacks a word of the first, which would be impossible.
    """
    known = model.probabilities[0]
    probabilities: list[dict[Words, float]] = []
    for size in range(1, max(model.order, other.order) + 1):
        ngrams = set(_of_order(model, size))
        ngrams.update(words for words in _of_order(other, size) if all((word,) in known for word in words))
        ngrams.discard((BEGIN,))
        probabilities.append({
            words: (1 - weight) * 10 ** model.score(words[-1], words[:-1])
            + (weight * 10 ** other.score(words[-1], words[:-1]) if words[-1:] in other.probabilities[0] else 0.0)
            for words in ngrams
        })  # fmt: skip
    total = math.fsum(probabilities[0].values())
    probabilities[0] = {words: probability / total for words, probability in probabilities[0].items()}
    logarithms = [{words: math.log10(p) for words, p in ngrams.items()} for ngrams in probabilities]
    logarithms[0][(BEGIN,)] = NEVER
    return _with_backoffs(logarithms)


def prune_by_entropy(model: NgramModel, threshold: float) -> NgramModel:
    """Leave out the n-grams without which a model hardly changes (Stolcke 1998, "Entropy-based pruning of backoff
    language models", equation 3).

    Args:
        model: its unigrams all stay, and the n-grams that are contexts of longer ones that stay. How frequent a context
            is, its own lower orders say: those of Kneser and Ney underrate the words that follow few others often.
        threshold: the relative entropy, in nats, that leaving out one n-gram must add for it to stay.
    """
    for size in range(model.order, 1, -1):
        seen, shorter = _left(model, size)
        contexts = {words[:-1] for words in _of_order(model, size + 1)}
        likely = {context: _likelihood(model, context) for context in seen}
        kept: dict[Words, float] = {}
        for words, log_probability in model.probabilities[size - 1].items():
            context, probability = words[:-1], 10**log_probability
            backed_off = 10 ** model.score(words[-1], words[1:-1])
            unseen = 1 - seen[context]
            backoff = math.log(max(unseen, _LEAST) / max(1 - shorter[context], _LEAST))
            without = math.log((unseen + probability) / max(1 - shorter[context] + backed_off, _LEAST))
            added = probability * (math.log(probability / backed_off) - without) - unseen * (without - backoff)
            if words in contexts or likely[context] * added >= threshold:
                kept[words] = log_probability
        model = _with_backoffs([*model.probabilities[: size - 1], kept, *model.probabilities[size:]])
    return model


def write_arpa(model: NgramModel, path: Path) -> None:
    """Write a model in ARPA's format, packed if the name ends in .gz; the file appears whole or not at all."""
    lines = ["\\data\\", *(f"ngram {size}={len(model.probabilities[size - 1])}" for size in range(1, model.order + 1))]
    for size, probabilities in enumerate(model.probabilities, 1):
        lines += ["", f"\\{size}-grams:"]
        for words, score in sorted(probabilities.items()):
            backoff = f"\t{model.backoffs[words]:.4f}" if words in model.backoffs and size < model.order else ""
            lines.append(f"{score:.4f}\t{' '.join(words)}{backoff}")
    content = "\n".join([*lines, "", "\\end\\", ""]).encode()
    with whole_file(path) as part:
        # without a time in it, so that the same text gives the same file
        part.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _of_order(model: NgramModel, size: int) -> Mapping[Words, float]:
    return model.probabilities[size - 1] if size <= model.order else {}


def _with_backoffs(probabilities: list[dict[Words, float]]) -> NgramModel:
    """Return the model of log10 probabilities, by order, with the back-off weights that make them add up to one."""
    model = NgramModel(probabilities, {})
    for size in range(2, model.order + 1):
        seen, shorter = _left(model, size)
        for context, sum_of_seen in seen.items():
            if context in model.probabilities[size - 2]:
                left = max(1 - sum_of_seen, _LEAST) / max(1 - shorter[context], _LEAST)
                model.backoffs[context] = math.log10(left)
    return model


def _left(model: NgramModel, size: int) -> tuple[Mapping[Words, float], Mapping[Words, float]]:
    """Return by context what a model gives to the words seen after it, and what it gives them one order down."""
    seen: defaultdict[Words, float] = defaultdict(float)
    shorter: defaultdict[Words, float] = defaultdict(float)
    for words, score in model.probabilities[size - 1].items():
        seen[words[:-1]] += 10**score
        shorter[words[:-1]] += 10 ** model.score(words[-1], words[1:-1])
    return seen, shorter


def _likelihood(model: NgramModel, context: Words) -> float:
    """Return how likely the words of a context follow each other; a sentence begins as often as one ends."""
    scores = [model.score(END if word == BEGIN else word, context[:position]) for position, word in enumerate(context)]
    return float(10 ** math.fsum(scores))
