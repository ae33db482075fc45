"""CTC prefix beam search, free or within a lexicon, with or without a language model.

The search is that of Hannun et al. (2014, arXiv:1408.2873), the language model is fused in as by Graves and Jaitly
(2014): its score of each label is added as the label is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from oyez.data.alphabet import BLANK, SPACE, encode
from oyez.models.decoding.decoder import LogProbs

_IMPOSSIBLE = -math.inf
_NEGLIGIBLE = math.log(1e-5)  # a label less likely than this is not tried at a step, unless it is the likeliest


class NextLabels(Protocol):
    """A language model, as the search asks it."""

    def __call__(self, prefixes: Sequence[tuple[int, ...]]) -> list[Sequence[float]]:
        """Return for each labelling what each next label adds to its score; at BLANK, what its ending there adds."""


@dataclass(frozen=True)
class Hypothesis:
    """A labelling and the log-probability of all its paths together, with what a language model adds to it."""

    labels: tuple[int, ...]
    score: float


@dataclass
class Lexicon:
    """The words that may be said, one after the other, as a tree over their letters."""

    children: dict[int, Lexicon] = field(default_factory=dict)
    ends_word: bool = False

    @classmethod
    def of(cls, words: Iterable[str]) -> Lexicon:
        """Build the tree of some words. Raises ValueError for an empty list and for what is no word of the alphabet."""
        root = cls()
        for word in words:
            if not word or " " in word:
                raise ValueError(f"{word!r} is no word: a lexicon takes single words, without spaces")
            node = root
            for label in encode(word):
                node = node.children.setdefault(label, cls())
            node.ends_word = True
        if not root.children:
            raise ValueError("a lexicon needs at least one word")
        return root


@dataclass(frozen=True)
class BeamDecoder:
    """Finds the likeliest text over all its alignments, within a lexicon if one is given; see `beam_search`.

    Raises ValueError for a width below 1.
    """

    lexicon: Lexicon | None = None
    width: int = 16

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width = {self.width}: a beam keeps at least one labelling")

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the likeliest text, given log-probabilities of shape (steps, labels)."""
        return list(beam_search(log_probs, self.width, self.lexicon)[0].labels)


def beam_search(
    log_probs: LogProbs,
    width: int = 16,
    lexicon: Lexicon | None = None,
    negligible: float = _NEGLIGIBLE,
    language: NextLabels | None = None,
) -> list[Hypothesis]:
    """Return the likeliest labellings, best first.

    Args:
        log_probs: shape (steps, labels).
        width: labellings kept at each step, and one more if none of them ends with a word of the lexicon; with enough
            of them the search is exact.
        lexicon: if given, only sequences of its words with single spaces between them (or nothing) are found.
        negligible: labels below this log-probability are left out of a step, unless nothing else is above it.
        language: if given, its scores count beside those of the labels.
    """
    # a prefix -> [log-probability of its paths that end in blank, of those that end in its last label]
    beam: dict[tuple[int, ...], list[float]] = {(): [0.0, _IMPOSSIBLE]}
    nodes: dict[tuple[int, ...], Lexicon | None] = {(): lexicon}  # the node of the lexicon that a prefix leads to
    added: dict[tuple[int, ...], float] = {(): 0.0}  # what the language model adds to a prefix
    following: dict[tuple[int, ...], Sequence[float]] = {}  # and to what it is continued by
    for row in log_probs.tolist():
        likely = [label for label, score in enumerate(row) if score > negligible] or [row.index(max(row))]
        if language is not None:
            _ask(language, beam, following)
        grown: dict[tuple[int, ...], list[float]] = {}
        for prefix, (blank_end, label_end) in beam.items():
            total = _add(blank_end, label_end)
            same = grown.setdefault(prefix, [_IMPOSSIBLE, _IMPOSSIBLE])
            same[0] = _add(same[0], total + row[BLANK])
            if prefix:
                same[1] = _add(same[1], label_end + row[prefix[-1]])
            for label in likely:
                if label == BLANK:
                    continue
                longer = (*prefix, label)
                if longer not in nodes:
                    if lexicon is not None:
                        node = _follow(nodes[prefix], label, lexicon)
                        if node is None:
                            continue
                        nodes[longer] = node
                    else:
                        nodes[longer] = None
                # a label after itself is a new one only if a blank came between
                before = blank_end if prefix and prefix[-1] == label else total
                if before > _IMPOSSIBLE:
                    ends = grown.setdefault(longer, [_IMPOSSIBLE, _IMPOSSIBLE])
                    ends[1] = _add(ends[1], before + row[label])
                    if longer not in added:
                        added[longer] = added[prefix] + (following[prefix][label] if language is not None else 0.0)
        best = sorted(grown.items(), key=lambda item: _add(*item[1]) + added[item[0]], reverse=True)
        beam = dict(best[:width])
        if lexicon is not None and not any(_complete(prefix, nodes[prefix]) for prefix in beam):
            # the sound may end within a word: what came before it is to be found
            beam.update([next(item for item in best if _complete(item[0], nodes[item[0]]))])
    if language is not None:
        _ask(language, beam, following)
        added.update({prefix: added[prefix] + following[prefix][BLANK] for prefix in beam})
    found = [
        Hypothesis(prefix, _add(*ends) + added[prefix])
        for prefix, ends in beam.items()
        if _complete(prefix, nodes[prefix])
    ]
    return sorted(found, key=lambda hypothesis: hypothesis.score, reverse=True)


def _ask(
    language: NextLabels, beam: Mapping[tuple[int, ...], object], following: dict[tuple[int, ...], Sequence[float]]
) -> None:
    """Ask the language model about the prefixes of the beam that are new."""
    new = [prefix for prefix in beam if prefix not in following]
    if new:
        following.update(zip(new, language(new), strict=True))


def _follow(node: Lexicon | None, label: int, root: Lexicon) -> Lexicon | None:
    """Return where `label` leads, or None where it leads nowhere. A space leads back to the root after a whole word."""
    if node is None:
        return None
    if label == SPACE:
        return root if node.ends_word else None
    return node.children.get(label)


def _complete(prefix: tuple[int, ...], node: Lexicon | None) -> bool:
    return not prefix or node is None or node.ends_word


def _add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == _IMPOSSIBLE else a + math.log1p(math.exp(b - a))
