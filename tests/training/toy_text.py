"""Sentences by chance, and what a language model of them must add up to."""

from __future__ import annotations

from random import Random

from oyez.training.lm.ngram_model import BEGIN, NgramModel

WORDS = ["the", "a", "cat", "dog", "sees", "runs", "on", "off", "and", "light"]
CONTEXTS = [(), (BEGIN,), ("the",), ("the", "cat"), ("a", "cat", "dog"), ("never", "seen"), (BEGIN, "light")]


def sentences(count: int = 400, seed: int = 1) -> list[list[str]]:
    random = Random(seed)
    return [random.choices(WORDS, range(10, 0, -1), k=random.randint(1, 6)) for _ in range(count)]


def total(model: NgramModel, context: tuple[str, ...]) -> float:
    words = [word for (word,) in model.probabilities[0] if word != BEGIN]
    return sum(10 ** model.score(word, context) for word in words)
