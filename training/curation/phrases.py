"""Phrases for synthetic voices to read: everyday commands, pieces of sentences, and words in no order.

Commands come from the templates of phrases.toml; pieces are cut from the sentences of a text file, one a line; words
are drawn from the wordfreq package's list of frequent English words. Words in no order keep a recurrent network from
learning which word follows which, where it should learn what each sounds like: commands that a user types are not the
sentences it was trained on.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from num2words import num2words

from oyez.data.corpora.sentences import read_sentences
from oyez.data.text import TextError, normalise
from oyez.training.lm.frequent_words import frequent_words

TEMPLATES = Path(__file__).with_suffix(".toml")
FREQUENT_WORDS = 20_000
SHARES = {"commands": 0.35, "sentences": 0.4, "words": 0.25}
_SLOT = re.compile(r"\{(\w+)\}")


def commands(rng: random.Random) -> Iterator[str]:
    """Yield everyday commands without end."""
    settings = tomllib.loads(TEMPLATES.read_text(encoding="utf-8"))
    lists: dict[str, list[str]] = settings["lists"]
    templates = [template for group in settings["templates"].values() for template in group]

    def filled(match: re.Match[str]) -> str:
        if match[1] == "number":
            return str(num2words(_number(rng)))
        if match[1] == "digit":
            return str(num2words(rng.randrange(10)))
        return _SLOT.sub(filled, rng.choice(lists[match[1]]))

    while True:
        yield " ".join(_SLOT.sub(filled, rng.choice(templates)).split())


def pieces(path: Path, rng: random.Random) -> Iterator[str]:
    """Yield pieces of 1 to 14 words of a text file's sentences, without end. Raises TextError for a bad file."""
    sentences = read_sentences(path).texts
    while True:
        words = rng.choice(sentences).split()
        length = rng.randint(1, 14)
        start = rng.randrange(max(1, len(words) - length + 1))
        yield " ".join(words[start : start + length])


def words(rng: random.Random) -> Iterator[str]:
    """Yield one to five frequent English words in no order, without end; the rarer ones more often than in texts."""
    frequencies = frequent_words(FREQUENT_WORDS)
    known, weights = list(frequencies), [frequency**0.4 for frequency in frequencies.values()]
    while True:
        yield " ".join(rng.choices(known, weights, k=rng.choice((1, 1, 2, 3, 4, 5))))


def phrases(count: int, sentences: Path | None, seed: int = 1) -> Iterator[str]:
    """Yield `count` phrases of all kinds, mixed by SHARES."""
    rng = random.Random(seed)
    kinds = {"commands": commands(rng), "words": words(rng)}
    if sentences is not None:
        kinds["sentences"] = pieces(sentences, rng)
    while count:
        [kind] = rng.choices(list(kinds), [SHARES[kind] for kind in kinds])
        text = next(kinds[kind])
        try:
            phrase = normalise(text)
        except TextError:
            continue
        if phrase:
            yield phrase
            count -= 1


def _number(rng: random.Random) -> int:
    return rng.choice((rng.randrange(13), rng.randrange(101), rng.randrange(101), rng.randrange(1001)))
