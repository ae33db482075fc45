"""Recognise utterances whose text is known, and compare: transcripts, errors by group, confusions."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oyez.data.audio import Waveform
from oyez.data.augmentation import add_noise
from oyez.data.manifest import Utterance
from oyez.data.reading import read_batches
from oyez.data.text import normalise
from oyez.models.checkpoint import CheckpointError
from oyez.models.decoding.alignment import AlignedWord
from oyez.models.recognizer import Recognizer
from oyez.models.types import Transcript
from oyez.training.evaluation.metrics import Accuracy, accuracy


@dataclass(frozen=True)
class Result:
    """One utterance and its transcript."""

    utterance: Utterance
    transcript: Transcript

    @property
    def text(self) -> str:
        """What was recognised; with a commands file nothing, if no command was accepted."""
        if self.transcript.rejection is not None:
            return ""
        return self.transcript.text if self.transcript.command is None else normalise(self.transcript.text)

    @property
    def right(self) -> bool:
        """Whether the text has no error."""
        return self.text == self.utterance.text


@dataclass(frozen=True)
class RecognisedUtterance:
    """One utterance and the words that were recognised in it, aligned but without a confidence."""

    utterance: Utterance
    words: list[AlignedWord]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Evaluation:
    """All utterances with their transcripts, and a line for each file that could not be read."""

    results: list[Result]
    left_out: list[str]
    seconds_of_work: float  # reading, features, network and decoding

    @staticmethod
    def together(evaluations: Iterable[Evaluation]) -> Evaluation:
        """Return several evaluations as one."""
        parts = list(evaluations)
        return Evaluation(
            [result for part in parts for result in part.results],
            [reason for part in parts for reason in part.left_out],
            sum(part.seconds_of_work for part in parts),
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
        """(reference, hypothesis, how often) for each utterance with an error, most frequent first."""
        wrong = Counter((r.utterance.text, r.text) for r in self.results if not r.right)
        return [(reference, hypothesis, count) for (reference, hypothesis), count in wrong.most_common()]

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

    A file that cannot be read is named and skipped; `progress` is called with the size of each batch.
    """
    started = time.perf_counter()
    results: list[Result] = []
    left_out: list[str] = []
    for asked, readable in read_batches(utterances, left_out):
        waveforms = [waveform for _, waveform in readable]
        if noisy is not None:
            waveforms = [noisy(waveform, len(results) + number) for number, waveform in enumerate(waveforms)]
        transcripts = recognizer.transcribe_waveforms(waveforms)
        pairs = zip(readable, transcripts, strict=True)
        results += [Result(utterance, transcript) for (utterance, _), transcript in pairs]
        progress(asked)
    return Evaluation(results, left_out, time.perf_counter() - started)


def recognise_words(recognizer: Recognizer, utterances: Sequence[Utterance]) -> list[RecognisedUtterance]:
    """Return the words that a recogniser finds in each utterance that can be read."""
    recognised: list[RecognisedUtterance] = []
    for _, readable in read_batches(utterances, skipped=[]):
        rows = recognizer.log_probs([waveform for _, waveform in readable])
        recognised += [
            RecognisedUtterance(utterance, recognizer.align(row) if len(waveform) else [])
            for (utterance, waveform), row in zip(readable, rows, strict=True)
        ]
    return recognised


def accuracy_of(recognised: Sequence[Result | RecognisedUtterance]) -> Accuracy:
    """Return the accuracy over some utterances."""
    return accuracy([result.utterance.text for result in recognised], [result.text for result in recognised])


def accuracy_by(
    recognised: Sequence[Result | RecognisedUtterance], key: Callable[[Utterance], str]
) -> dict[str, Accuracy]:
    """Return the accuracy of each group of utterances that have a key in common."""
    groups: defaultdict[str, list[Result | RecognisedUtterance]] = defaultdict(list)
    for result in recognised:
        groups[key(result.utterance)].append(result)
    return {name: accuracy_of(group) for name, group in sorted(groups.items())}
