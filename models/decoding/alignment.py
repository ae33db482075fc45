"""Where in time each word of a text lies, and how sure the model is of it, by CTC forced alignment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio.functional
from torch import Tensor

from models.alphabet import BLANK, SPACE, decode
from models.decoding.closed import rank


@dataclass(frozen=True)
class AlignedWord:
    """A word, its first step, the step after its last, and the mean log-probability of its letters there."""

    text: str
    start: int
    end: int
    score: float


def align_words(log_probs: Tensor, labels: list[int]) -> list[AlignedWord]:
    """Find the likeliest path of a labelling and split it into words.

    Args:
        log_probs: shape (steps, labels), on the CPU.
        labels: what is said, without blanks; spaces part the words. There must be a path for it: no more labels
            than steps, counting one more for each pair of equal neighbours.
    """
    if not labels:
        return []
    path, scores = torchaudio.functional.forced_align(
        log_probs[None].float(), torch.tensor([labels], dtype=torch.int32), blank=BLANK
    )
    words: list[AlignedWord] = []
    letters: list[int] = []
    steps: list[tuple[int, int]] = []
    likelihoods: list[float] = []

    def end_word() -> None:
        if letters:
            score = sum(likelihoods) / len(likelihoods)
            words.append(AlignedWord(decode(letters), steps[0][0], steps[-1][1], score))
        for pending in (letters, steps, likelihoods):
            pending.clear()

    for span in torchaudio.functional.merge_tokens(path[0], scores[0], blank=BLANK):
        if span.token == SPACE:
            end_word()
        else:
            letters.append(span.token)
            steps.append((span.start, span.end))
            likelihoods.append(span.score)
    end_word()
    return words


def log_likelihood(log_probs: Tensor, labels: list[int]) -> float:
    """Return log P(labels), summed over all paths (the CTC forward algorithm); -inf where there is no path."""
    [hypothesis] = rank(log_probs, [labels])
    return hypothesis.score


def align_labels(log_probs: Tensor, labels: list[int]) -> list[tuple[int, int, int]]:
    """Return (label, first step, step after the last) of each label on the likeliest path; see `align_words`."""
    if not labels:
        return []
    path, scores = torchaudio.functional.forced_align(
        log_probs[None].float(), torch.tensor([labels], dtype=torch.int32), blank=BLANK
    )
    spans = torchaudio.functional.merge_tokens(path[0], scores[0], blank=BLANK)
    return [(span.token, span.start, span.end) for span in spans]
