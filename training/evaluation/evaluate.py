"""Measure a model on utterances whose text is known."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from oyez.data.audio import AudioError, Waveform, read_audio
from oyez.data.augmentation import add_noise
from oyez.data.manifest import Utterance
from oyez.data.text import normalise
from oyez.models.checkpoint import CheckpointError
from oyez.models.decoding.alignment import AlignedWord
from oyez.models.recognizer import Recognizer
from oyez.models.types import Transcript
from oyez.training.evaluation.metrics import Accuracy, accuracy

AT_ONCE = 256  # utterances that are held in memory together


@dataclass(frozen=True)
class Result:
    """One utterance as it was heard."""

    utterance: Utterance
    transcript: Transcript

    @property
    def text(self) -> str:
        """What was heard; with a commands file nothing, if no command was."""
        if self.transcript.rejection is not None:
            return ""
        return self.transcript.text if self.transcript.command is None else normalise(self.transcript.text)

    @property
    def right(self) -> bool:
        """Whether the whole text is right."""
        return self.text == self.utterance.text


@dataclass(frozen=True)
class Heard:
    """One utterance and the words that were heard in it, before they have a confidence."""

    utterance: Utterance
    words: list[AlignedWord]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Evaluation:
    """All utterances as they were heard, and what could not be read."""

    results: list[Result]
    left_out: list[str]
    seconds_of_work: float  # reading, features, network and decoding

    @staticmethod
    def together(evaluations: Iterable[Evaluation]) -> Evaluation:
        """Return several evaluations as one."""
        given = list(evaluations)
        return Evaluation(
            [result for each in given for result in each.results],
            [reason for each in given for reason in each.left_out],
            sum(each.seconds_of_work for each in given),
        )

    @property
    def accuracy(self) -> Accuracy:
        """Over all utterances."""
        return accuracy_of(self.results)

    def by(self, key: Callable[[Utterance], str]) -> dict[str, Accuracy]:
        """Return the accuracy of each group of utterances that have a key in common."""
        return accuracy_by(self.results, key)

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """(said, heard, how often) for whatever was heard wrong, most frequent first."""
        wrong = Counter((r.utterance.text, r.text) for r in self.results if not r.right)
        return [(said, heard, count) for (said, heard), count in wrong.most_common()]

    @property
    def audio_seconds(self) -> float:
        """Length of all utterances together."""
        return sum(result.transcript.duration for result in self.results)


@dataclass(frozen=True)
class Noisy:
    """Puts recorded noise over utterances, each its own stretch of it, and at every call the same."""

    noises: Sequence[Waveform]
    snr_db: float  # of the whole utterance, by RMS

    def __call__(self, waveform: Waveform, number: int) -> Waveform:
        """Return the utterance of this number with noise."""
        rng = np.random.default_rng(number)
        recording = self.noises[int(rng.integers(len(self.noises)))]
        places = np.arange(len(waveform)) + rng.integers(len(recording))
        return add_noise(waveform, np.take(recording, places, mode="wrap"), self.snr_db)


def load_letter_model(name_or_folder: str | Path) -> Recognizer:
    """Load a model for what it gives to each letter, greedy.

    Raises:
        models.checkpoint.CheckpointError: there is no such model, it is damaged, or it is a classifier.
    """
    recognizer = Recognizer.load(name_or_folder, decoding="greedy")
    if recognizer.config.acoustic.pooling is not None:
        raise CheckpointError(
            f"model {str(name_or_folder)!r} is a classifier of words and writes no letters; choose one that was "
            "trained with CTC (no acoustic.pooling)"
        )
    return recognizer


def evaluate(
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    progress: Callable[[int], None] = lambda _: None,
    noisy: Noisy | None = None,
) -> Evaluation:
    """Transcribe utterances, with noise if it is given.

    A file that cannot be read is named and left out; `progress` is told of each batch.
    """
    started = time.perf_counter()
    results: list[Result] = []
    left_out: list[str] = []
    for asked, readable in some_at_once(utterances, left_out):
        waveforms = [waveform for _, waveform in readable]
        if noisy is not None:
            waveforms = [noisy(waveform, len(results) + number) for number, waveform in enumerate(waveforms)]
        transcripts = recognizer.transcribe(waveforms)
        results += [Result(utterance, heard) for (utterance, _), heard in zip(readable, transcripts, strict=True)]
        progress(asked)
    return Evaluation(results, left_out, time.perf_counter() - started)


def hear(recognizer: Recognizer, utterances: Sequence[Utterance]) -> list[Heard]:
    """Return what a recogniser hears in each utterance that can be read."""
    heard: list[Heard] = []
    for _, readable in some_at_once(utterances, left_out=[]):
        rows = recognizer.log_probs([waveform for _, waveform in readable])
        heard += [
            Heard(utterance, recognizer.align(row) if len(waveform) else [])
            for (utterance, waveform), row in zip(readable, rows, strict=True)
        ]
    return heard


def some_at_once(
    utterances: Sequence[Utterance], left_out: list[str]
) -> Iterator[tuple[int, list[tuple[Utterance, Waveform]]]]:
    """Read utterances, those of similar length together; gives how many were asked for and those that can be read."""
    remaining = iter(sorted(utterances, key=lambda utterance: utterance.duration or 0.0))
    while some := list(islice(remaining, AT_ONCE)):
        yield len(some), list(_read(some, left_out))


def _read(utterances: Sequence[Utterance], left_out: list[str]) -> Iterator[tuple[Utterance, Waveform]]:
    for utterance in utterances:
        try:
            yield utterance, read_audio(utterance.path, utterance.offset, utterance.duration)
        except AudioError as error:
            left_out.append(str(error))


def accuracy_of(heard: Sequence[Result | Heard]) -> Accuracy:
    """Return the accuracy over some utterances."""
    return accuracy([each.utterance.text for each in heard], [each.text for each in heard])


def accuracy_by(heard: Sequence[Result | Heard], key: Callable[[Utterance], str]) -> dict[str, Accuracy]:
    """Return the accuracy of each group of utterances that have a key in common."""
    groups: defaultdict[str, list[Result | Heard]] = defaultdict(list)
    for each in heard:
        groups[key(each.utterance)].append(each)
    return {name: accuracy_of(group) for name, group in sorted(groups.items())}
