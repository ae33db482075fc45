"""Frequent English words, of the wordfreq package (an extra): what texts at hand are too short to hold."""

from __future__ import annotations

from oyez.training.errors import MissingPackageError


def frequent_words(count: int) -> dict[str, float]:
    """Return those of the `count` most frequent words that the alphabet can spell, most frequent first.

    Returns:
        each word's share of all words that are said or written.

    Raises:
        MissingPackageError: wordfreq is not installed; the message names the extra.
    """
    try:
        from wordfreq import top_n_list, word_frequency
    except ImportError as error:
        raise MissingPackageError("wordfreq is not installed: pip install -e '.[synthesis]'") from error
    words = (word for word in top_n_list("en", count) if word.isascii() and word.replace("'", "").isalpha())
    return {word: word_frequency(word, "en") for word in words}
