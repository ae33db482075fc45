"""Measure a model on utterances whose text is known."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from data.audio import AudioError, Waveform, read_audio
from data.augmentation import add_noise
from data.manifest import Utterance
from models.recognizer import Recognizer, Transcript
from training.metrics import Accuracy, accuracy

AT_ONCE = 256  # utterances that are held in memory together


@dataclass(frozen=True)
class Result:
    """One utterance as it was heard."""

    utterance: Utterance
    transcript: Transcript

    @property
    def right(self) -> bool:
        """Whether the whole text is right."""
        return self.transcript.text == self.utterance.text


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
        return _accuracy(self.results)

    def by(self, key: Callable[[Utterance], str]) -> dict[str, Accuracy]:
        """Return the accuracy of each group of utterances that have a key in common."""
        groups: defaultdict[str, list[Result]] = defaultdict(list)
        for result in self.results:
            groups[key(result.utterance)].append(result)
        return {name: _accuracy(group) for name, group in sorted(groups.items())}

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """(said, heard, how often) for whatever was heard wrong, most frequent first."""
        wrong = Counter((r.utterance.text, r.transcript.text) for r in self.results if not r.right)
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
    remaining = iter(sorted(utterances, key=lambda utterance: utterance.duration or 0.0))
    while some := list(islice(remaining, AT_ONCE)):
        readable = list(_read(some, left_out))
        waveforms = [waveform for _, waveform in readable]
        if noisy is not None:
            waveforms = [noisy(waveform, len(results) + number) for number, waveform in enumerate(waveforms)]
        transcripts = recognizer.transcribe(waveforms)
        results += [Result(utterance, heard) for (utterance, _), heard in zip(readable, transcripts, strict=True)]
        progress(len(some))
    return Evaluation(results, left_out, time.perf_counter() - started)


def _read(utterances: Sequence[Utterance], left_out: list[str]) -> Iterator[tuple[Utterance, Waveform]]:
    for utterance in utterances:
        try:
            yield utterance, read_audio(utterance.path, utterance.offset, utterance.duration)
        except AudioError as error:
            left_out.append(str(error))


def _accuracy(results: Sequence[Result]) -> Accuracy:
    return accuracy([r.utterance.text for r in results], [r.transcript.text for r in results])
