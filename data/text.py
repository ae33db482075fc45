"""How a written text is spoken: in lower-case letters a-z, apostrophes and single spaces.

Training, evaluation and commands files alike read texts with this module. Numbers, amounts of money and common signs
become words, accents are taken off, letters of other Latin alphabets become English ones, and punctuation separates
words. A character without a reading is refused by name, never dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from num2words import num2words

_SIGNS = {
    "&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at", "#": "number", "№": "number", "°": "degrees",
    "²": "squared", "³": "cubed", "×": "times", "÷": "divided by", "±": "plus or minus", "¢": "cents",
}  # fmt: skip


class _Currency(NamedTuple):
    singular: str
    plural: str
    hundredth: str = ""  # of what has none in use, nothing
    hundredths: str = ""


_CURRENCIES = {
    "$": _Currency("dollar", "dollars", "cent", "cents"),
    "€": _Currency("euro", "euros", "cent", "cents"),
    "£": _Currency("pound", "pounds", "penny", "pence"),
    "¥": _Currency("yen", "yen"),
    "₩": _Currency("won", "won"),
    "₹": _Currency("rupee", "rupees"),
    "₽": _Currency("ruble", "rubles"),
    "₺": _Currency("lira", "lira"),
    "₪": _Currency("shekel", "shekels"),
    "₴": _Currency("hryvnia", "hryvnia"),
    "₦": _Currency("naira", "naira"),
    "₿": _Currency("bitcoin", "bitcoins"),
}
_SIGNS |= {sign: currency.plural for sign, currency in _CURRENCIES.items()}
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_NOT_SPOKEN = "™℠®©" + "\N{SOFT HYPHEN}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{WORD JOINER}"
_BEFORE = str.maketrans(
    {
        **dict.fromkeys("’‘ʼʻ`´", "'"),
        **dict.fromkeys(_NOT_SPOKEN, ""),
        **{chr(ord("₀") + digit): f" {digit} " for digit in range(10)},  # H₂O: a number of its own
        "№": " number ",  # which would be taken apart into "No"
        "−": "-",
    }
)
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "ŋ": "ng", "ĸ": "k", "ə": "a"}
_NAMED_LETTER = re.compile(r"LATIN SMALL LETTER ([A-Z]{1,2}) WITH ")  # ø, ł, đ: O, L and D with stroke

_AMOUNT = r"(?:\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+)(?!\d)"
_SIGN_FIRST = re.compile(
    rf"([{''.join(_CURRENCIES)}])\s?({_AMOUNT})(\s(?:hundred|thousand|million|billion|trillion)\b)?"
)
_SIGN_LAST = re.compile(rf"(?<![\d.,])({_AMOUNT})\s?([{''.join(_CURRENCIES)}])")
_SIGN = re.compile(f"[{re.escape(''.join(_SIGNS))}]")
_OTHER = re.compile(rf"[^a-z'\d.,\- {_FRACTIONS}]")
_ONE_DEGREE = re.compile(r"(?<![\d.,])1\s?°")
_TOKEN = re.compile(
    r"\d+(?:,\d{3})*(?:st|nd|rd|th)(?![a-z\d])"  # 1st, 1,000th
    rf"|(?:(?<![\w{_FRACTIONS}])-)?(?:"
    r"(?:\d+(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+\.\d+|(?<![\w.])\.\d+|\d+)"
    rf"[{_FRACTIONS}]?|[{_FRACTIONS}])"
    r"|[a-z']+"
)
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST_NUMBER = 15  # digits; longer ones are identifiers, and are read digit by digit


class TextError(ValueError):
    """Text that holds something without a reading. The message names the characters."""


class UnsupportedCharacters(TextError):
    """Text with characters that are neither Latin letters, numbers, punctuation nor signs with an English word."""

    def __init__(self, characters: Iterable[str], text: str) -> None:
        self.characters = sorted(set(characters))
        super().__init__(f"{name_characters(self.characters)} in {text.strip()!r}: write it in English letters")


def name_characters(characters: Iterable[str]) -> str:
    """Return the words of a message that names characters without a reading.

    >>> name_characters("п")
    "unsupported character 'п' (CYRILLIC SMALL LETTER PE)"
    """
    named = [f"{character!r} ({unicodedata.name(character, 'unnamed')})" for character in characters]
    return f"unsupported character{'s' * (len(named) > 1)} {', '.join(named)}"


def normalise(text: str) -> str:
    """Return `text` in the characters that a model writes: a-z, apostrophe and single spaces.

    >>> normalise("It's 21 °C — turn the café's lights up 50%!")
    "it's twenty one degrees c turn the cafe's lights up fifty percent"

    Raises:
        TextError: a character is neither a Latin letter, a number, punctuation, nor a sign with a known reading; or
            an ordinal number is too long to be read.
    """
    words = (spell_number(token) if is_number(token) else token.strip("'") for token in tokens(text))
    return " ".join("".join(words).split())


def tokens(text: str) -> Iterator[str]:
    """Take a text apart into words of a-z and apostrophes, numbers as they are written, and gaps (a space each).

    A number has a gap at either side; two gaps never follow each other. An apostrophe belongs inside a word; outside
    it is a quotation mark and left out, but at the beginning of the text, which may be a part of a longer one.

    >>> list(tokens("the 2nd 'dogs'"))
    ['the', ' ', '2nd', ' ', 'dogs', ' ']

    Raises:
        UnsupportedCharacters: it holds characters without a reading.
    """
    plain = _plain(text)
    end, in_word = 0, True  # of what is read so far; in a word, because the text may continue one
    for match in _TOKEN.finditer(plain):
        word = match[0].strip("'")
        is_apart = match.start() > end or not word or is_number(word)
        end = match.end()
        if is_apart and in_word:
            yield " "
        if not word:
            in_word = False
            continue
        yield f"'{word}" if match.start() == 0 and match[0][0] == "'" else word
        in_word = not is_number(word) and plain[end - 1] != "'"
        if not in_word:
            yield " "
    if len(plain) > end and in_word:
        yield " "


def is_number(token: str) -> bool:
    """Whether one of the `tokens` of a text is a number."""
    return token[-1].isdigit() or token[-1] in _FRACTIONS or token[0].isdigit()


def spell_number(token: str) -> str:
    """Return the words of a number as it is written: 1,000 and -.5 and 2½ and 5th.

    A whole number of more than 15 digits, or with leading zeros, is read digit by digit. Raises TextError for an
    ordinal number of more digits.
    """
    if token[0] == "-":
        return f"minus {spell_number(token[1:])}"
    if token[-1] in _FRACTIONS:
        fraction = _fraction(token[-1])
        return f"{spell_number(token[:-1])} and {fraction}" if token[:-1] else fraction.replace("a half", "half")
    digits = token.replace(",", "")
    if digits[-1].isalpha():
        if len(digits) - 2 > _LONGEST_NUMBER:
            raise TextError(f"the number {token[:20]!r}... is too long to be read: write it in words")
        return _in_letters(num2words(int(digits[:-2]), to="ordinal"))
    whole, point, decimals = digits.partition(".")
    words = _digit_by_digit(whole) if is_digit_by_digit(digits) else _in_letters(num2words(int(whole or "0")))
    if not point:
        return words
    return f"{words if whole else ''} point {_digit_by_digit(decimals)}".strip()


def is_digit_by_digit(digits: str) -> bool:
    """Whether a number without sign and commas is read digit by digit, like 007."""
    whole, point, _ = digits.partition(".")
    return len(whole) > _LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0" and not point)


def _fraction(character: str) -> str:
    numerator, denominator = map(int, unicodedata.normalize("NFKD", character).split("\N{FRACTION SLASH}"))
    name = {2: "half", 4: "quarter"}.get(denominator) or _in_letters(num2words(denominator, to="ordinal"))
    if numerator > 1:
        return f"{_in_letters(num2words(numerator))} {name}s"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _digit_by_digit(digits: str) -> str:
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def _in_letters(words: str) -> str:
    """Take hyphens and commas out of the words of a number."""
    return " ".join(re.findall("[a-z]+", words))


def _plain(text: str) -> str:
    """Return a text in a-z, apostrophes, numbers with their marks, and spaces for all that separates words."""
    plain = text.translate(_BEFORE)
    if not plain.isascii():
        plain = "".join(map(_english_letter, "".join(map(_decomposed, plain)).lower()))
    plain = _SIGN_FIRST.sub(lambda match: _money(match[1], match[2], match[3]), plain.lower())
    plain = _SIGN_LAST.sub(lambda match: _money(match[2], match[1]), plain)
    plain = _ONE_DEGREE.sub("1 degree ", plain)
    plain = _SIGN.sub(lambda match: f" {_SIGNS[match[0]]} ", plain)
    others = set(_OTHER.findall(plain))
    if unsupported := [character for character in others if not _separates(character)]:
        raise UnsupportedCharacters(unsupported, text)
    return _OTHER.sub(" ", plain) if others else plain


def _decomposed(character: str) -> str:
    """Take a character apart (é, ﬁ, ℃) and its accents off, but leave ² and ½, which would read as 2 and 12."""
    if character.isascii() or unicodedata.category(character) == "No":
        return character
    return "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) not in ("Mn", "Me"))


def _english_letter(character: str) -> str:
    if character.isascii():
        return character
    named = _NAMED_LETTER.match(unicodedata.name(character, ""))
    return _LETTERS.get(character) or (named[1].lower() if named else character)


def _money(sign: str, amount: str, magnitude: str | None = None) -> str:
    currency = _CURRENCIES[sign]
    whole, _, decimals = amount.partition(".")
    if magnitude or len(decimals) != 2 or not currency.hundredth:
        return f"{amount}{magnitude or ''} {currency.singular if amount == '1' else currency.plural} "
    hundredths = f"{int(decimals)} {currency.hundredth if decimals == '01' else currency.hundredths} "
    units = f"{whole} {currency.singular if whole == '1' else currency.plural} "
    if not whole.strip("0,"):
        return hundredths
    return f"{units}and {hundredths}" if decimals.strip("0") else units


def _separates(character: str) -> bool:
    """Whether a character only divides words: white space, punctuation, control and format characters."""
    category = unicodedata.category(character)
    return category[0] in "ZP" or category in ("Cc", "Cf")
