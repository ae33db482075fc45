"""Words, or some in a row, cut out of sentences by forced alignment: voices for what nobody was asked to say alone.

No audio is copied: the manifest says where in which recording each word lies. Put together in a new order
(batching.concat_probability), they are sentences that nobody said (aligned data augmentation, Lam et al. 2021,
arXiv:2104.01393).
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from oyez.data.alphabet import encode
from oyez.data.manifest import Utterance
from oyez.data.reading import read_batches
from oyez.models.decoding.alignment import AlignedWord, align_words, is_alignable
from oyez.models.recognizer import Recognizer

_BESIDE = 0.12  # seconds; most that is taken beside a word's letters, whose peaks lie inside their sound
_FAINTEST = -1.5  # mean log-probability of a word's letters, below which the word may not be there
_SHORTEST, _LONGEST, _LONGEST_FURTHER = 0.15, 1.5, 0.5  # seconds of a piece: of its first word, and of each further one


def cut_words(
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    wanted: Callable[[str], bool] = lambda _: True,
    words: tuple[int, int] = (1, 1),
    seed: int = 1,
) -> Iterator[Utterance]:
    """Yield pieces of utterances of several words, each as an utterance of its own.

    Each piece has as many words as are drawn, the fewest to the most of `words`; what is left at an utterance's end
    and has fewer is not taken. A piece reaches to the middle of the way to its neighbour's letters, and no further than
    0.12 s beyond its own. Words that the model does not find in the sound are skipped with their piece, as are
    utterances that cannot be read or aligned.

    Args:
        wanted: whether a word is; a piece holds at least one that is.
    """
    chance = random.Random(seed)
    several = [u for u in utterances if " " in u.text and any(map(wanted, u.text.split()))]
    for _, readable in read_batches(several, skipped=[]):
        all_log_probs = recognizer.log_probs([waveform for _, waveform in readable])
        for (utterance, _), log_probs in zip(readable, all_log_probs, strict=True):
            labels = encode(utterance.text)
            if is_alignable(labels, len(log_probs)):
                aligned = align_words(log_probs, labels)
                sizes = [chance.randint(*words) for _ in aligned]
                for piece in _cut(utterance, aligned, sizes, len(log_probs), recognizer.step_seconds):
                    if len(piece.text.split()) >= words[0] and any(map(wanted, piece.text.split())):
                        yield piece


def _cut(
    utterance: Utterance, words: Sequence[AlignedWord], sizes: Sequence[int], steps: int, step_seconds: float
) -> Iterator[Utterance]:
    middles = [0.0, *((word.end + following.start) / 2 for word, following in itertools.pairwise(words)), float(steps)]
    ends = [end for end in itertools.accumulate(sizes) if end < len(words)]
    for first, after in itertools.pairwise([0, *ends, len(words)]):
        piece = words[first:after]
        begin = max(middles[first] * step_seconds, piece[0].start * step_seconds - _BESIDE)
        end = min(middles[after] * step_seconds, piece[-1].end * step_seconds + _BESIDE)
        longest = _LONGEST + _LONGEST_FURTHER * (len(piece) - 1)
        if min(word.score for word in piece) >= _FAINTEST and _SHORTEST <= end - begin <= longest:
            text = " ".join(word.text for word in piece)
            yield replace(
                utterance, text=text, offset=round(utterance.offset + begin, 3), duration=round(end - begin, 3)
            )


def at_most(utterances: Sequence[Utterance], limit: int, seed: int = 1) -> list[Utterance]:
    """Return the utterances with no text more often than `limit` times; those that are dropped are drawn by chance."""
    by_text: defaultdict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_text[utterance.text].append(utterance)
    chance = random.Random(seed)
    return [
        utterance
        for _, same in sorted(by_text.items())
        for utterance in (chance.sample(same, limit) if len(same) > limit else same)
    ]
