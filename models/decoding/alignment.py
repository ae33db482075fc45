"""Where in time each word of a text lies, and how sure the model is of it, by CTC forced alignment."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import torch
import torchaudio.functional
from torch import Tensor

from oyez.data.alphabet import BLANK, SPACE, decode
from oyez.models.decoding.closed import rank


@dataclass(frozen=True)
class AlignedWord:
    """A word, its first step, the step after its last, and the mean log-probability of its letters there.

    `ratio` is the log-likelihood of the word against the likeliest labels, whatever they spell, over its steps and the
    halves of the pauses beside it; over all words these add up to that of the whole labelling.
    """

    text: str
    start: int
    end: int
    score: float
    ratio: float = 0.0


@dataclass(frozen=True)
class AlignedLabel:
    """A label, its first step, the step after its last, and its mean log-probability there."""

    label: int
    start: int
    end: int
    score: float


def align_labels(log_probs: Tensor, labels: list[int]) -> list[AlignedLabel]:
    """Find the likeliest path of a labelling: where each label lies. Arguments as of `align_words`."""
    return _spans(*_best_path(log_probs, labels)) if labels else []


def is_alignable(labels: list[int], steps: int) -> bool:
    """Tell whether there is a path of so many steps: one a label, and one for each pair of equal neighbours."""
    return len(labels) + sum(one == other for one, other in itertools.pairwise(labels)) <= steps


def _best_path(log_probs: Tensor, labels: list[int]) -> tuple[Tensor, Tensor]:
    """Return the label of each step and its log-probability, shape (steps,) each."""
    path, scores = torchaudio.functional.forced_align(
        log_probs[None].float(), torch.tensor([labels], dtype=torch.int32), blank=BLANK
    )
    return path[0], scores[0]


def _spans(path: Tensor, scores: Tensor) -> list[AlignedLabel]:
    spans = torchaudio.functional.merge_tokens(path, scores, blank=BLANK)
    return [AlignedLabel(span.token, span.start, span.end, span.score) for span in spans]


def align_words(log_probs: Tensor, labels: list[int]) -> list[AlignedWord]:
    """Find the likeliest path of a labelling and split it into words.

    Args:
        log_probs: shape (steps, labels), on the CPU.
        labels: what is said, without blanks; spaces part the words. It must be alignable.
    """
    if not labels:
        return []
    path, scores = _best_path(log_probs, labels)
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

    for span in _spans(path, scores):
        if span.label == SPACE:
            end_word()
        else:
            letters.append(span.label)
            steps.append((span.start, span.end))
            likelihoods.append(span.score)
    end_word()
    return _with_ratios(words, scores - log_probs.max(dim=-1).values)


def _with_ratios(words: list[AlignedWord], ratios: Tensor) -> list[AlignedWord]:
    """Share the ratios of the steps, shape (steps,), out among the words."""
    if not words:
        return []
    borders = [0, *((one.end + other.start) // 2 for one, other in itertools.pairwise(words)), len(ratios)]
    return [
        replace(word, ratio=float(ratios[start:end].sum()))
        for word, (start, end) in zip(words, itertools.pairwise(borders), strict=True)
    ]


def log_likelihood(log_probs: Tensor, labels: list[int]) -> float:
    """Return log P(labels), summed over all paths (the CTC forward algorithm); -inf where there is no path."""
    [hypothesis] = rank(log_probs, [labels])
    return hypothesis.score
