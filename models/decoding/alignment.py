"""Where in time each word of a text lies, and how sure the model is of it, by CTC forced alignment."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from oyez.data.alphabet import BLANK, SPACE, decode
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.forward import Ints, LabellingStates, forward_scores

_LEAST = -1e30  # log-probability


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


def align_labels(log_probs: LogProbs, labels: list[int]) -> list[AlignedLabel]:
    """Find the likeliest path of a labelling: where each label lies. Arguments and errors as of `align_words`."""
    return _spans(labels, *_best_path(log_probs, labels)) if labels else []


def is_alignable(labels: list[int], steps: int) -> bool:
    """Tell whether there is a path of so many steps: one a label, and one for each pair of equal neighbours."""
    return _fewest_steps(labels) <= steps


def _fewest_steps(labels: list[int]) -> int:
    return len(labels) + sum(label == following for label, following in itertools.pairwise(labels))


def _best_path(log_probs: LogProbs, labels: list[int]) -> tuple[Ints, LogProbs]:
    """Find the likeliest path (Viterbi).

    Returns:
        the state at each step, 2n + 1 at label n and an even number at a blank, and the log-probability of its label
        there; shape (steps,) each.
    """
    if not is_alignable(labels, len(log_probs)):
        raise ValueError(
            f"{decode(labels)!r} takes at least {_fewest_steps(labels)} steps, and there are {len(log_probs)}"
        )
    states = LabellingStates([labels])
    emissions = states.emissions(log_probs)
    # so that a path through what is impossible is better than none
    np.maximum(emissions, _LEAST, out=emissions, where=states.labels >= BLANK)
    scores = states.scores(emissions, np.maximum)
    view, may_skip = memoryview(scores.data), (states.skips == 0.0).tolist()  # both are indexed faster than arrays
    state, steps = int(states.last[0]), len(log_probs)
    if view[steps, state - 1] >= view[steps, state]:
        state -= 1
    path = [state]
    for step in range(steps - 1, 0, -1):
        # of equally good ways into a state the nearest
        score, back = view[step, state], 0
        if view[step, state - 1] > score:
            score, back = view[step, state - 1], 1
        if may_skip[state - 2] and view[step, state - 2] > score:
            back = 2
        state -= back
        path.append(state)
    best = np.array(path[::-1])
    return best - states.first[0], log_probs[np.arange(steps), states.labels[best]]


def _spans(labels: list[int], path: Ints, scores: LogProbs) -> list[AlignedLabel]:
    """Split the path of some labels, as `_best_path` gives it, into the stretch of each label."""
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], len(path))
    means = np.add.reduceat(scores, starts, dtype=np.float64) / (ends - starts)
    stretches = zip(path[starts].tolist(), starts.tolist(), ends.tolist(), means.tolist(), strict=True)
    return [AlignedLabel(labels[state // 2], start, end, mean) for state, start, end, mean in stretches if state % 2]


def align_words(log_probs: LogProbs, labels: list[int]) -> list[AlignedWord]:
    """Find the likeliest path of a labelling and split it into words.

    Args:
        log_probs: shape (steps, labels).
        labels: what is said, without blanks; spaces part the words.

    Raises:
        ValueError: the labelling is not alignable (see `is_alignable`), or it holds a blank.
    """
    if not labels:
        return []
    path, scores = _best_path(log_probs, labels)
    words: list[AlignedWord] = []
    for is_space, group in itertools.groupby(_spans(labels, path, scores), key=lambda span: span.label == SPACE):
        if not is_space:
            letters = list(group)
            score = sum(letter.score for letter in letters) / len(letters)
            text = decode([letter.label for letter in letters])
            words.append(AlignedWord(text, letters[0].start, letters[-1].end, score))
    return _with_ratios(words, scores - log_probs.max(axis=1))


def _with_ratios(words: list[AlignedWord], ratios: LogProbs) -> list[AlignedWord]:
    """Share the ratios of the steps, shape (steps,), out among the words."""
    if not words:
        return []
    middles = [(word.end + following.start) // 2 for word, following in itertools.pairwise(words)]
    sums = np.add.reduceat(ratios, [0, *middles], dtype=np.float64).tolist()
    return [replace(word, ratio=ratio) for word, ratio in zip(words, sums, strict=True)]


def log_likelihood(log_probs: LogProbs, labels: list[int]) -> float:
    """Return log P(labels), summed over all paths (the CTC forward algorithm); -inf where there is no path."""
    if not labels:  # blanks alone
        return float(log_probs[:, BLANK].sum(dtype=np.float64))
    return float(forward_scores(log_probs, LabellingStates([labels]))[0])
