"""Trials of commands files on recorded speech that was made for none: many files by chance, on phrases of real speech.

Sentences are cut at their pauses into phrases, single words of one speaker are put together to phrases, and files are
made of such phrases by chance: of few or many, of single words or whole sentences. To each file is said what is in it,
what is not, and what is in it but for one word.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from oyez.data.alphabet import encode
from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.data.manifest import Utterance
from oyez.data.reading import read_utterance
from oyez.models.decoding.alignment import align_words, is_alignable
from oyez.models.decoding.decoder import LogProbs
from oyez.models.decoding.prior import subtract_prior
from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.confidence import Evidence
from oyez.models.grammar.document import Document
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.tags import interpret
from oyez.models.recognizer import Recognizer

_PAUSE = 0.2  # seconds; at pauses as long as this a sentence is cut
_SHORT = 1.5  # seconds; utterances up to this length are put together
_SIZES = (3, 10, 30, 100, 300)  # sentences in a file
_LONGEST = (1, 3, 6, 20)  # words of a sentence in it
_SAID: dict[Kind, int] = {"sentence": 80, "near": 60, "speech": 150, "words": 80}  # to a file, at most
_AT_ONCE = 64  # recordings in memory together


Length = tuple[int, int]  # fewest and most words of a sentence

# a sentence of the file; one but for a word; other running speech; other words that were said alone
Kind = Literal["sentence", "near", "speech", "words"]


@dataclass(frozen=True)
class Phrase:
    """Something that was said, as the model heard it. The text is empty where it is not known."""

    text: str
    speaker: str
    seconds: float
    log_probs: LogProbs
    searched: LogProbs  # the same without the label prior, as far as it is taken off for a grammar
    is_running: bool  # it comes from a longer sentence, and is no word that was said alone


@dataclass(frozen=True)
class Trial:
    """A phrase that was said to a commands file."""

    seconds: float
    evidence: Evidence | None  # for what was heard; None if it was nothing
    kind: Kind
    right: bool  # what was heard is what was said


@dataclass(frozen=True)
class Source:
    """Where a phrase is recorded: in a stretch of one utterance, or in several, one after the other."""

    utterances: tuple[Utterance, ...]
    is_running: bool  # it is a stretch of a longer sentence


def sources(
    recognizer: Recognizer, utterances: Sequence[Utterance], progress: Callable[[int], None] = lambda _: None
) -> list[Source]:
    """Cut utterances at their pauses, and put short ones of one speaker together."""
    short = [each for each in utterances if each.text and (each.duration or _SHORT + 1) <= _SHORT]
    running = _cut_at_pauses(recognizer, [each for each in utterances if each not in short], progress)
    return [
        *(Source((each,), is_running=True) for each in running),
        *(Source((each,), is_running=False) for each in short),
        *(Source(tuple(each), is_running=False) for each in _put_together(short)),
    ]


def phrases(
    recognizer: Recognizer, said: Sequence[Source], noisy: Callable[[Waveform, int], Waveform] | None = None
) -> list[Phrase]:
    """Have phrases heard, in noise if it is given."""
    config = recognizer.config
    heard: list[Phrase] = []
    for start in range(0, len(said), _AT_ONCE):
        some = said[start : start + _AT_ONCE]
        waveforms = [np.concatenate([_read(utterance) for utterance in each.utterances]) for each in some]
        if noisy is not None:
            waveforms = [noisy(waveform, start + number) for number, waveform in enumerate(waveforms)]
        for each, waveform, log_probs in zip(some, waveforms, recognizer.log_probs(waveforms), strict=True):
            text = " ".join(utterance.text for utterance in each.utterances)
            seconds = len(waveform) / SAMPLE_RATE
            searched = subtract_prior(log_probs, config.label_prior, config.command_confidence.prior_weight)
            heard.append(Phrase(text, each.utterances[0].speaker, seconds, log_probs, searched, each.is_running))
    return heard


def _cut_at_pauses(
    recognizer: Recognizer, utterances: Sequence[Utterance], progress: Callable[[int], None]
) -> Iterator[Utterance]:
    for start in range(0, len(utterances), _AT_ONCE):
        some = utterances[start : start + _AT_ONCE]
        for utterance, log_probs in zip(some, recognizer.log_probs([_read(each) for each in some]), strict=True):
            labels = encode(utterance.text)
            if not is_alignable(labels, len(log_probs)):
                continue  # more letters than steps: the text cannot be right
            words = align_words(log_probs, labels)
            length = len(log_probs) * recognizer.step_seconds
            cuts, texts = [0.0], [[word.text for word in words[:1]]]
            for word, following in itertools.pairwise(words):
                if (following.start - word.end) * recognizer.step_seconds >= _PAUSE:
                    cuts.append((following.start + word.end) / 2 * recognizer.step_seconds)
                    texts.append([])
                texts[-1].append(following.text)
            for (begin, end), text in zip(itertools.pairwise([*cuts, length]), texts, strict=True):
                yield replace(utterance, text=" ".join(text), offset=utterance.offset + begin, duration=end - begin)
        progress(len(some))


def _put_together(utterances: Sequence[Utterance]) -> list[list[Utterance]]:
    """Return groups of two to four utterances of one speaker each."""
    groups: list[list[Utterance]] = []
    for _, same in itertools.groupby(sorted(utterances, key=lambda each: each.speaker), key=lambda each: each.speaker):
        rest = list(same)
        for size in itertools.cycle((2, 3, 4)):
            if len(rest) < size:
                break
            groups.append(rest[:size])
            rest = rest[size:]
    return groups


def _read(utterance: Utterance) -> Waveform:
    return read_utterance(utterance)


def trials(heard: Sequence[Phrase], files: int, seed: int = 0, lengths: Length | None = None) -> list[Trial]:
    """Try phrases on commands files made of them by chance.

    Args:
        lengths: of the sentences in the files, in words; by default each file has a longest length of its own.

    Returns:
        The trials; none if there are no two different phrases that a file could be made of.
    """
    chance = random.Random(seed)
    texts = sorted({phrase.text for phrase in heard if phrase.text})
    words = sorted({word for text in texts for word in text.split()})
    done: list[Trial] = []
    for possible in _choices(texts, files, chance, lengths):
        size = min(chance.choice(_SIZES), len(possible) // 2)
        sentences = set(chance.sample(possible, size))
        altered = {}
        for text in chance.sample(possible, size):
            other = _with_another_word(text, words, chance)
            if " " in text and text not in sentences and other not in texts:
                altered[text] = other
        done += _trials_on(sorted({*sentences, *altered.values()}), sentences, frozenset(altered), heard, chance)
    return done


def _choices(
    texts: Sequence[str], files: int, chance: random.Random, lengths: Length | None
) -> Iterator[Sequence[str]]:
    """Return for each file the texts that it may be made of."""
    bounds = [(1, longest) for longest in _LONGEST] if lengths is None else [lengths]
    choices = [[text for text in texts if fewest <= len(text.split()) <= most] for fewest, most in bounds]
    enough = [possible for possible in choices if len(possible) > 1]
    return (chance.choice(enough) for _ in range(files if enough else 0))


def _with_another_word(text: str, words: Sequence[str], chance: random.Random) -> str:
    parts = text.split()
    parts[chance.randrange(len(parts))] = chance.choice(words)
    return " ".join(parts)


def _trials_on(
    written: Sequence[str],
    sentences: set[str],
    near: frozenset[str],
    heard: Sequence[Phrase],
    chance: random.Random,
) -> Iterator[Trial]:
    intents = {str(number): {"data": [{"sentences": [text]}]} for number, text in enumerate(written)}
    compiled = compile_commands(CommandsFile.model_validate({"intents": intents}), Document({}, {}))
    grammar = compiled.grammar()
    said: dict[Kind, list[Phrase]] = {kind: [] for kind in _SAID}
    for phrase in heard:
        if phrase.text in sentences:
            said["sentence"].append(phrase)
        elif phrase.text in near:
            said["near"].append(phrase)
        else:
            said["speech" if phrase.is_running else "words"].append(phrase)
    for kind, phrases_of_kind in said.items():
        for phrase in chance.sample(phrases_of_kind, min(_SAID[kind], len(phrases_of_kind))):
            path = grammar.search(phrase.searched)
            evidence, right = None, False
            if path is not None:
                match = interpret(path.symbols, compiled.tags)
                evidence = Evidence.of(align_words(phrase.log_probs, list(match.labels)))
                right = match.text == phrase.text
            yield Trial(phrase.seconds, evidence, kind, right)
