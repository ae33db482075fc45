"""The one place where text is normalised: to lower-case letters, apostrophes and single spaces.

Numbers and common symbols are spelled out, accents are taken off, punctuation becomes a space. What cannot be said in
these characters is refused by name, never dropped silently.
"""

from __future__ import annotations

import re
import unicodedata

from num2words import num2words

_SYMBOLS = {
    "&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at", "#": "number", "°": "degrees",
    "$": "dollars", "£": "pounds", "€": "euros",
}  # fmt: skip
_CURRENCY = re.compile(r"([$£€])\s?(\d[\d,]*(?:\.\d+)?)")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:st|nd|rd|th)\b|\d+(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|(?<![\w.])\.\d+|\d+")
_MINUS = re.compile(r"(?<!\w)[-−](?=\.?\d)")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"})
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_LONGEST_NUMBER = 15  # digits; longer ones are identifiers, and are read digit by digit


class TextError(ValueError):
    """Text that holds something nobody can spell in the alphabet. The message names the characters."""


def normalise(text: str) -> str:
    """Return `text` in the characters that a model writes: a-z, apostrophe and single spaces.

    >>> normalise("It's 21 °C — turn the café's lights up 50%!")
    "it's twenty one degrees c turn the cafe's lights up fifty percent"

    Raises:
        TextError: a character is neither a Latin letter, a number, punctuation, nor a symbol with a known reading.
    """
    text = "".join(_decomposed(c) for c in text.translate(_APOSTROPHES))
    text = "".join(c for c in text if not unicodedata.combining(c)).lower().translate(_LETTERS)
    text = _CURRENCY.sub(lambda match: f"{match[2]} {match[1]}", text)
    text = _MINUS.sub("minus ", text)
    text = _NUMBER.sub(lambda match: f" {_spelled(match[0])} ", text)
    text = "".join(f" {_SYMBOLS[c]} " if c in _SYMBOLS else c for c in text)
    text = "".join(c if c == "'" or not _separates(c) else " " for c in text)
    foreign = sorted({c for c in text if not ("a" <= c <= "z" or c in "' ")})
    if foreign:
        names = ", ".join(f"{c!r} ({unicodedata.name(c, 'unnamed')})" for c in foreign)
        raise TextError(f"cannot spell {names} in {text.strip()!r}: write it out in letters")
    words = (word.strip("'") for word in text.split())  # an apostrophe belongs inside a word; outside it is a quote
    return " ".join(word for word in words if word)


def _decomposed(character: str) -> str:
    """Take a character apart (é, ﬁ, ℃), but not ² or ½, which would then read as 2 and 12 and are refused instead."""
    return character if unicodedata.category(character) == "No" else unicodedata.normalize("NFKD", character)


def _separates(character: str) -> bool:
    """Whether a character only divides words: white space, punctuation, control and format characters."""
    category = unicodedata.category(character)
    return category[0] in "ZP" or category in ("Cc", "Cf")


def _spelled(number: str) -> str:
    digits = number.replace(",", "")
    if digits[-1].isalpha():
        if len(digits) - 2 > _LONGEST_NUMBER:
            raise TextError(f"cannot spell the number {number!r}: write it out in letters")
        return str(num2words(int(digits[:-2]), to="ordinal"))
    whole, point, fraction = digits.partition(".")
    if len(whole) > _LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0" and not point):
        spelled = _digit_by_digit(whole)
    else:
        spelled = str(num2words(int(whole))) if whole else ""
    return f"{spelled} point {_digit_by_digit(fraction)}" if point else spelled


def _digit_by_digit(digits: str) -> str:
    return " ".join(str(num2words(int(digit))) for digit in digits)
