"""Numbers of things in messages."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, in the singular or the plural.

    >>> counted(1, "result"), counted(2, "result"), counted(1200, "false accept")
    ('1 result', '2 results', '1,200 false accepts')
    >>> counted(2, "match", "matches")
    '2 matches'
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
