"""Frequent words: spelled in the alphabet, in order, and a clear word where the package is not installed."""

from __future__ import annotations

import sys

import pytest

from oyez.data.alphabet import encode
from oyez.training.errors import MissingPackageError
from oyez.training.lm.frequent_words import frequent_words


def test_they_are_spelled_in_the_alphabet_most_frequent_first() -> None:
    words = frequent_words(2000)
    assert 1900 < len(words) < 2000  # numbers are left out
    for word in words:
        encode(word)
    assert next(iter(words)) == "the"
    assert list(words.values()) == sorted(words.values(), reverse=True)
    assert 0 < sum(words.values()) < 1


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    with pytest.raises(MissingPackageError, match=r"pip install -e '\.\[synthesis\]'"):
        frequent_words(10)
