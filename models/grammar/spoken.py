"""How what is written in a commands file is spoken: in the letters that a model writes, numbers in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from num2words import num2words

_SYMBOLS = {"%": "percent", "°": "degrees", "&": "and", "+": "plus", "=": "equals", "@": "at", "#": "number",
            "$": "dollars", "£": "pounds", "€": "euros", "½": "half"}  # fmt: skip
_TOKEN = re.compile(r"\d+(?:st|nd|rd|th)(?![a-z])|-?\d+(?:\.\d+)?|[a-z']+|\s+", re.ASCII)
_LONGEST_NUMBER = 15  # digits; a longer one is an identifier, and is read digit by digit


class SpokenError(ValueError):
    """Text that nobody can say in the letters a-z. The message names the characters."""


@dataclass(frozen=True)
class Spoken:
    """A word or number as it is written, and the ways to say it. A gap between words has no readings."""

    written: str
    readings: tuple[str, ...]  # a-z, apostrophes and single spaces; the first is the one that is shown


def spoken(text: str) -> Iterator[Spoken]:
    """Take text apart into words, numbers and the gaps between them.

    >>> [word.readings for word in spoken("TV 21")]
    [('tv', 't v'), (), ('twenty one',)]

    Raises:
        SpokenError: it holds a character that is neither a Latin letter, a digit, punctuation, nor a known symbol.
    """
    shouted = {word.lower() for word in re.findall(r"\b[A-Z]{2,4}\b", text)}
    for token in _TOKEN.findall(_plain(text)):
        if token.isspace():
            yield Spoken(" ", ())
        elif token[0].isdigit() or token[0] == "-":
            yield Spoken(" ", ())  # "3d": a number is a word of its own
            yield Spoken(token, _literal_number(token))
            yield Spoken(" ", ())
        else:
            spelled = token in shouted or (2 <= len(token) <= 4 and not re.search("[aeiouy']", token))
            yield Spoken(token, (token, " ".join(token)) if spelled else (token,))


def spell(text: str) -> str:
    """Return the first reading of a text. Raises SpokenError."""
    words = "".join(part.readings[0] if part.readings else " " for part in spoken(text))
    return " ".join(words.split())


def spell_ways(said: str | Iterable[str]) -> list[str]:
    """Return the first reading of a text, or of each of several, none of them empty. Raises SpokenError."""
    ways = [said] if isinstance(said, str) else list(said)
    spelled = [spell(way) for way in ways]
    for way, letters in zip(ways, spelled, strict=True):
        if not letters:
            raise SpokenError(f"there is nothing to say in {way!r}: what may be left out stands in [brackets]")
    return spelled


def number_readings(number: int | float) -> tuple[str, ...]:
    """Return the ways to say a number, the most usual first.

    >>> number_readings(105)
    ('one hundred and five', 'one hundred five', 'a hundred and five', 'a hundred five')
    """
    if number < 0:
        return _negative(number_readings(-number))
    whole = int(number)
    if whole != number:
        digits = np.format_float_positional(number).partition(".")[2]
        point = " ".join(num2words(int(digit)) for digit in digits)
        readings = [f"{reading} point {point}" for reading in number_readings(whole)]
        if digits == "5":
            readings += [f"{reading} and a half" for reading in number_readings(whole)] if whole else ["half", "a half"]
        return tuple(readings)
    words = _letters(num2words(whole))
    readings = [words, words.replace(" and ", " ")]
    if words.startswith(("one hundred", "one thousand")):
        readings += [reading.replace("one ", "a ", 1) for reading in readings]
    if 1000 < whole < 10000:
        readings.append(_letters(num2words(whole, to="year")))  # nineteen eighty four, twenty seven hundred
    return tuple(dict.fromkeys(readings))


def _literal_number(digits: str) -> tuple[str, ...]:
    if digits.startswith("-"):
        return _negative(_literal_number(digits[1:]))
    if digits[-1].isalpha():  # 5th
        if len(digits) > _LONGEST_NUMBER:
            raise SpokenError(f"nobody can say {digits!r}")
        words = _letters(num2words(int(digits[:-2]), to="ordinal"))
        return tuple(dict.fromkeys([words, words.replace(" and ", " ")]))
    if "." not in digits and (len(digits) > _LONGEST_NUMBER or (len(digits) > 1 and digits[0] == "0")):
        return (" ".join(num2words(int(digit)) for digit in digits),)
    return number_readings(float(digits) if "." in digits else int(digits))


def _negative(readings: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{sign} {reading}" for sign in ("minus", "negative") for reading in readings)


def _letters(words: str) -> str:
    return " ".join(re.findall("[a-z]+", words))


def _plain(text: str) -> str:
    """Return a text in a-z, signed digits, spaces, decimal points, and the apostrophes that a letter follows."""
    text = text.replace("’", "'").replace("‘", "'").replace("\N{MINUS SIGN}", "-")
    text = re.sub(r"([$£€])\s*(\d[\d.,]*)", r"\2 \1", text)
    text = "".join(f" {_SYMBOLS[character]} " if character in _SYMBOLS else character for character in text)
    # é is taken apart, but not ², which would then be a 2
    parts = (c if unicodedata.category(c) == "No" else unicodedata.normalize("NFKD", c) for c in text)
    plain = "".join(c for c in "".join(parts).lower() if not unicodedata.combining(c))
    plain = re.sub(r"(?<=\d),(?=\d{3})|'(?![a-z])", "", plain)
    foreign = sorted({c for c in plain if not (c.isascii() and c.isalnum()) and c != "'" and not _separates(c)})
    if foreign:
        names = ", ".join(f"{c!r} ({unicodedata.name(c, 'unnamed')})" for c in foreign)
        raise SpokenError(f"nobody can say {names}: write it out in letters")
    return re.sub(r"(?<![a-z0-9.])(-)(?=\d)|[^a-z0-9'.]|\.(?!\d)|(?<!\d)\.", lambda found: found[1] or " ", plain)


def _separates(character: str) -> bool:
    """Whether a character only divides words: white space, punctuation, control and format characters."""
    return unicodedata.category(character)[0] in "ZP" or unicodedata.category(character) in ("Cc", "Cf")
