"""The ways to say what is written in a commands file: the first is that of `oyez.data.text`, others are as usual."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from num2words import num2words

from oyez.data.text import TextError as SpokenError
from oyez.data.text import is_digit_by_digit, is_number, spell_number, tokens
from oyez.data.text import normalise as spell

__all__ = ["Readings", "SpokenError", "number_readings", "spell", "spell_ways", "spoken"]

Readings = tuple[str, ...]  # of a word or a number, in a-z, apostrophes and single spaces; a gap has none


def spoken(text: str) -> Iterator[Readings]:
    """Take text apart into words, numbers and the gaps between them, each with the ways to say it.

    The first ways, put together, are the text as `oyez.data.text.normalise` writes it.

    >>> list(spoken("TV 21"))
    [('tv', 't v'), (), (), ('twenty one',), ()]

    Raises:
        SpokenError: a character has no reading.
    """
    capitals = {word.lower() for word in re.findall(r"\b[A-Z]{2,4}\b", text)}
    for token in tokens(text):
        if token == " ":
            yield ()
        elif is_number(token):
            yield _literal_readings(token)
        else:
            is_spelled = token in capitals or (2 <= len(token) <= 4 and not re.search("[aeiouy']", token))
            yield (token, " ".join(token)) if is_spelled else (token,)


def spell_ways(said: str | Iterable[str]) -> list[str]:
    """Return the first reading of a text, or of each of several, none of them empty. Raises SpokenError."""
    texts = [said] if isinstance(said, str) else list(said)
    spelled = [spell(text) for text in texts]
    for text, letters in zip(texts, spelled, strict=True):
        if not letters:
            raise SpokenError(f"nothing to say in {text!r}: put what may be left out in [brackets]")
    return spelled


def number_readings(number: int | float) -> Readings:
    """Return the ways to say a number, the most usual first.

    >>> number_readings(105)
    ('one hundred and five', 'one hundred five', 'a hundred and five', 'a hundred five')
    """
    if number < 0:
        return _negative(number_readings(-number))
    whole = int(number)
    if whole != number:
        decimals = np.format_float_positional(number).partition(".")[2]
        point = spell_number(f".{decimals}")
        readings = [f"{reading} {point}" for reading in number_readings(whole)]
        if decimals == "5":
            readings += [f"{reading} and a half" for reading in number_readings(whole)] if whole else ["half", "a half"]
        return tuple(readings)
    words = spell_number(str(whole))
    readings = [words, words.replace(" and ", " ")]
    if words.startswith(("one hundred", "one thousand")):
        readings += [reading.replace("one ", "a ", 1) for reading in readings]
    if 1000 < whole < 10000:
        # nineteen eighty four, twenty seven hundred
        readings.append(" ".join(re.findall("[a-z]+", num2words(whole, to="year"))))
    return tuple(dict.fromkeys(readings))


def _literal_readings(token: str) -> Readings:
    """Return the ways to say a number as it is written; see `oyez.data.text.spell_number`."""
    if token[0] == "-":
        return _negative(_literal_readings(token[1:]))
    first = spell_number(token)
    digits = token.replace(",", "")
    if digits[-1].isalpha():  # 105th
        others: Sequence[str] = [first.replace(" and ", " ")]
    elif not digits[-1].isdecimal():  # 2½
        others = [f"{article} {first}" for article in ("a", "one")] if token == "½" else []
    elif is_digit_by_digit(digits):
        others = []
    else:
        others = number_readings(float(digits) if "." in digits else int(digits))
    return tuple(dict.fromkeys([first, *others]))


def _negative(readings: Sequence[str]) -> Readings:
    return tuple(f"{sign} {reading}" for sign in ("minus", "negative") for reading in readings)
