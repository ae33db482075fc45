"""The characters that a model writes, and the labels that stand for them. Label 0 is the CTC blank."""

from __future__ import annotations

from collections.abc import Iterable

BLANK = 0
CHARACTERS = " 'abcdefghijklmnopqrstuvwxyz"
LABELS = len(CHARACTERS) + 1  # with the blank
SPACE, APOSTROPHE = CHARACTERS.index(" ") + 1, CHARACTERS.index("'") + 1

_LABEL_OF = {character: label for label, character in enumerate(CHARACTERS, 1)}


def encode(text: str) -> list[int]:
    """Return the labels of a normalised text. Raises ValueError for a character outside the alphabet."""
    try:
        return [_LABEL_OF[character] for character in text]
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} in {text!r} is not in the alphabet {CHARACTERS!r}") from error


def decode(labels: Iterable[int]) -> str:
    """Return the text of labels; blanks are left out."""
    return "".join(CHARACTERS[label - 1] for label in labels if label != BLANK)
