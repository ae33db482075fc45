"""The decoder of a classifier: the likeliest class is the text."""

from __future__ import annotations

from collections.abc import Sequence

from oyez.data.alphabet import encode
from oyez.models.decoding.decoder import LogProbs


class ClassDecoder:
    """Gives the word that a classifier chooses, or no text."""

    name = "class"

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Take the words in the order of the classes; class 0 is no word."""
        self._labels: list[list[int]] = [[], *(encode(word) for word in vocabulary)]

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the likeliest class, given log-probabilities of shape (1, classes)."""
        return list(self._labels[int(log_probs[0].argmax())]) if len(log_probs) else []
