"""The speech that a model is adapted with: sentences of a commands file and general phrases, by synthetic voices,
and a replay of real speech where there is some.

What is measured on is never trained on: some voices are held out entirely, and so are sentences of files that have
enough of them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oyez.data.manifest import Utterance
from oyez.data.synthesis.synthesis import DEFAULT_VOICES, ESPEAK_ACCENTS, HIBARI, PIPER_JOE, SynthesisError, check_voice
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.samples import draw_samples
from oyez.models.grammar.spoken import spell
from oyez.training.config import CorpusConfig, Recipe
from oyez.training.curation.phrases import phrases, words
from oyez.training.holding_out import ONE_IN, hold_out
from oyez.training.lm.frequent_words import frequent_words
from oyez.training.selection import refuse_shared_recordings, refuse_shared_speakers, select

HELD_OUT_VOICES = frozenset(
    {
        PIPER_JOE,
        "flite:slt",
        *(f"espeak:{accent}+{variant}" for accent in ESPEAK_ACCENTS for variant in ("Linda", "Max")),
    }
)
FURTHER_VOICE = 0.2  # share of a voice that the user adds, beside DEFAULT_VOICES
REPLAY_SECONDS = 1800.0  # of real speech in training
HELD_OUT_SECONDS = 1800.0  # of real speech to measure on
_MIN_TO_SPLIT = 50  # sentences: of fewer, every one is needed in training
_SENTENCES = 500  # that are drawn from a file at most
_FREE_TEXTS = 10  # that a sentence is filled in with
_FREE_TEXT = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class SplitTexts:
    """Texts to train on and texts to measure on."""

    training: list[str]
    held_out: list[str]
    apart: bool = True  # no text is in both


@dataclass(frozen=True)
class Voices:
    """Voices with their shares, to train with and to measure with; none is in both."""

    training: dict[str, float]
    held_out: dict[str, float]
    missing: list[str]  # a line for each engine that is not installed


@dataclass(frozen=True)
class Replay:
    """Real speech: to train on, so that it stays known, and of other speakers to measure on."""

    training: list[Utterance]
    held_out: list[Utterance]


def choose_voices(further: Sequence[str] = ()) -> Voices:
    """Split the voices that are installed, with further ones to train with.

    Raises:
        MissingPackageError, SynthesisError: the extra `synthesis` is not installed, a further voice is unavailable or
            is one that is held out, or there is none to measure with.
    """
    for name in HIBARI:
        check_voice(name)
    frequent_words(1)  # the general phrases are made of such words
    for name in further:
        if name in HELD_OUT_VOICES:
            raise SynthesisError(f"voice {name!r} is held out to measure with: train with another")
        check_voice(name)
    available: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name, share in DEFAULT_VOICES.items():
        engine = name.partition(":")[0]
        try:
            check_voice(name)
        except SynthesisError as error:
            missing.setdefault(engine, str(error))
        else:
            available[name] = share
    held_out = {name: share for name, share in available.items() if name in HELD_OUT_VOICES}
    if not held_out:
        raise SynthesisError(f"no voice is left to measure with: {'; '.join(missing.values())}")
    training = {name: share for name, share in available.items() if name not in HELD_OUT_VOICES}
    return Voices(training | dict.fromkeys(further, FURTHER_VOICE), held_out, list(missing.values()))


def draw_sentences(file: CommandsFile, seed: int = 1) -> SplitTexts:
    """Draw sentences of a commands file as they are spoken, with the wake phrase if there is one.

    A fifth of them is held out; but a file of few sentences is trained on all of them, and measured on the same, which
    then `apart` denies. Free text becomes one to five words by chance.
    """
    chance = random.Random(seed)
    any_words = words(chance)
    wake = f"{file.oyez.wake} " if file.oyez.wake else ""
    samples = [
        sample for sample in draw_samples(file, _SENTENCES, seed) for _ in range(1 if sample.is_whole else _FREE_TEXTS)
    ]
    spoken = (spell(wake + _FREE_TEXT.sub(lambda _: next(any_words), sample.text)) for sample in samples)
    texts = sorted({text for text in spoken if text})
    if len(texts) < _MIN_TO_SPLIT:
        return SplitTexts(texts, texts, apart=False)
    held_out = set(chance.sample(texts, len(texts) // ONE_IN))
    return SplitTexts([text for text in texts if text not in held_out], sorted(held_out))


def draw_general(
    training: int, held_out: int, vocabulary: Sequence[str], never: Collection[str], seed: int
) -> SplitTexts:
    """Draw so many phrases to train on and to measure on, everyday commands and words in no order; none comes twice.

    Of a model with a vocabulary every second one is made of its words.
    """
    seen = set(never)
    drawn: list[str] = []
    for phrase in _general(random.Random(seed), vocabulary):
        if phrase not in seen:
            seen.add(phrase)
            drawn.append(phrase)
        if len(drawn) == training + held_out:
            break
    return SplitTexts(drawn[:training], drawn[training:])


def _general(chance: random.Random, vocabulary: Sequence[str]) -> Iterator[str]:
    block = 1000
    while True:
        for phrase in phrases(block, None, chance.randrange(2**32)):
            if vocabulary:
                yield " ".join(chance.choices(vocabulary, k=chance.randint(1, 4)))
            yield phrase


def replay_of_recipe(recipe: Recipe, data: Path, vocabulary: Sequence[str]) -> Replay:
    """Return some of the speech that a recipe trains on, and some of what it validates on.

    Raises:
        MissingDataError: a corpus is missing.
        DataError: a speaker or a recording is in both.
    """
    training, validation = (select(part, data, vocabulary) for part in (recipe.data.train, recipe.data.validation))
    refuse_shared_speakers(training, validation)
    return _some(training.utterances, validation.utterances)


def replay_of_folder(folder: Path, vocabulary: Sequence[str]) -> Replay:
    """Return recordings of a folder with a manifest; some speakers, or recordings of a single one, are held out.

    Raises:
        MissingDataError: there is no manifest.
        DataError: there is nothing to hold out, or people of both parts speak in one recording.
    """
    config = CorpusConfig(corpus="recordings", root=folder.resolve(), only_vocabulary=bool(vocabulary))
    return _some(*hold_out(select([config], Path(), vocabulary).utterances, folder))


def _some(training: Sequence[Utterance], held_out: Sequence[Utterance]) -> Replay:
    refuse_shared_recordings(training, held_out)
    return Replay(_spread(training, REPLAY_SECONDS), _spread(held_out, HELD_OUT_SECONDS))


def _spread(utterances: Sequence[Utterance], seconds: float) -> list[Utterance]:
    """Return about so many seconds of utterances, evenly spread over them, but one at least."""
    share = min(1.0, seconds / max(1e-9, sum(utterance.duration or 0.0 for utterance in utterances)))
    return [utterances[int(n / share)] for n in range(max(1, int(len(utterances) * share)))]
