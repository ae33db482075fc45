"""How right texts are: word and character error rate, and the share of utterances without an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer


@dataclass(frozen=True)
class Accuracy:
    """Figures over a set of utterances, as shares (0.05 is 5 %).

    Error rates can exceed 1. Where nothing was said at all, they are the share of utterances with an error.
    """

    utterances: int
    word_error_rate: float
    character_error_rate: float
    correct: float  # sentence accuracy: utterances without an error; for single commands, the command accuracy

    def __str__(self) -> str:
        return (
            f"WER {self.word_error_rate:.2%}, CER {self.character_error_rate:.2%}, "
            f"{self.correct:.2%} of {self.utterances} right"
        )


def accuracy(references: Sequence[str], hypotheses: Sequence[str]) -> Accuracy:
    """Compare texts with what was really said, both normalised.

    Words that are recognised where the reference is empty count as insertions, and are set against all reference words.
    Raises ValueError if there is nothing to compare or the numbers differ.
    """
    if not references or len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references and {len(hypotheses)} hypotheses cannot be compared")
    right = sum(r == h for r, h in zip(references, hypotheses, strict=True)) / len(references)
    words = characters = 1 - right
    if any(references):
        words = jiwer.process_words([*references], [*hypotheses]).wer
        characters = jiwer.process_characters([*references], [*hypotheses]).cer
    return Accuracy(len(references), words, characters, right)
