"""What the words mean: the protocol of interpreters, and plain text, which is what there is without one.

A recognizer gives an interpreter the network's output for a piece of sound; the interpreter says what it means. The
interpreters of commands files and wake phrases are in oyez.models.grammar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oyez.data.alphabet import decode
from oyez.data.audio import SAMPLE_RATE
from oyez.models.confidence import WordConfidence, WordEvidence
from oyez.models.decoding.alignment import AlignedWord, align_words, log_likelihood
from oyez.models.decoding.decoder import Decoder, LogProbs
from oyez.models.types import Transcript, Word
from oyez.models.wake_session import WakeSession


@dataclass(frozen=True)
class Emissions:
    """What the network says of a piece of sound."""

    log_probs: LogProbs  # shape (steps, labels)
    samples: int  # length of the sound
    step_seconds: float  # time from one row to the next

    @property
    def duration(self) -> float:
        """Length of the sound in seconds."""
        return self.samples / SAMPLE_RATE

    def since(self, step: int) -> Emissions:
        """Return what follows from a step on."""
        rest = self.samples - round(step * self.step_seconds * SAMPLE_RATE)
        return Emissions(self.log_probs[step:], max(0, rest), self.step_seconds)


class Interpreter(Protocol):
    """Makes transcripts of what the network says. It is made once and holds no state of a recording."""

    def interpret(self, emissions: Emissions, decoder: Decoder) -> Transcript:
        """Return the transcript of a piece of sound; the decoder finds free text where that is wanted."""
        ...

    def merge(self, parts: Sequence[tuple[Transcript, float]], duration: float) -> Transcript:
        """Return the transcript of a recording from those of its pieces and their starts, in order, in seconds."""
        ...

    def wake_session(self) -> WakeSession | None:
        """Return what says, for one stream, who is being spoken to; None where there is no wake phrase."""
        ...


class PlainText:
    """Text as it is decoded, with the times and the confidence of its words."""

    def __init__(self, model: str, confidence: WordConfidence) -> None:
        """Make an interpreter; `model` is the name that transcripts carry, `confidence` that of the model's words."""
        self.model = model
        self._confidence = confidence

    def align(self, log_probs: LogProbs, decoder: Decoder) -> list[AlignedWord]:
        """Return the words of log-probabilities, shape (steps, labels), and the steps in which they are."""
        return align_words(log_probs, decoder.decode(log_probs))

    def interpret(self, emissions: Emissions, decoder: Decoder) -> Transcript:
        """Return the text of a piece of sound."""
        aligned = self.align(emissions.log_probs, decoder) if emissions.samples else []
        words = self.words_of(aligned, emissions)
        confidence = mean_confidence(words) if words else _confidence_of_silence(emissions.log_probs)
        return Transcript(text_of(words), words, confidence, emissions.duration, self.model)

    def words_of(self, aligned: Sequence[AlignedWord], emissions: Emissions) -> tuple[Word, ...]:
        """Return aligned words with their times in seconds and their confidence."""
        step, duration = emissions.step_seconds, emissions.duration
        return tuple(
            Word(
                word.text,
                start=round(min(word.start * step, duration), 3),
                end=round(min(word.end * step, duration), 3),
                confidence=self._confidence(evidence),
            )
            for word, evidence in zip(aligned, WordEvidence.of(aligned), strict=True)
        )

    def merge(self, parts: Sequence[tuple[Transcript, float]], duration: float) -> Transcript:
        """Return the transcript of a recording from those of its pieces."""
        words = tuple(word.shifted(start) for transcript, start in parts for word in transcript.words)
        if words:
            confidence = mean_confidence(words)
        else:  # of several silent pieces the least sure one counts; where no piece holds speech, there is none
            confidence = min((transcript.confidence for transcript, _ in parts), default=1.0)
        return Transcript(text_of(words), words, confidence, duration, self.model)

    def wake_session(self) -> WakeSession | None:
        """Return None: there is no wake phrase."""
        return None


class WordClass(PlainText):
    """The word that a classifier chooses, or none. Where it is in the sound, a classifier does not know."""

    def align(self, log_probs: LogProbs, decoder: Decoder) -> list[AlignedWord]:
        """Return the word of the likeliest class, if it is one, given log-probabilities of shape (1, classes)."""
        text = decode(decoder.decode(log_probs))
        return [AlignedWord(text, 0, 1, score=float(log_probs[0].max()))] if text else []

    def interpret(self, emissions: Emissions, decoder: Decoder) -> Transcript:
        """Return the word as said throughout the piece of sound."""
        aligned = self.align(emissions.log_probs, decoder) if emissions.samples else []
        words = tuple(
            Word(word.text, 0.0, round(emissions.duration, 3), self._confidence(evidence))
            for word, evidence in zip(aligned, WordEvidence.of(aligned), strict=True)
        )
        silence = round(math.exp(emissions.log_probs[0].max()), 4) if emissions.samples else 1.0
        confidence = words[0].confidence if words else silence
        return Transcript(text_of(words), words, confidence, emissions.duration, self.model)


def text_of(words: Sequence[Word]) -> str:
    """Return the words as one text."""
    return " ".join(word.text for word in words)


def mean_confidence(words: Sequence[Word]) -> float:
    """Return the expected share of the words that are right."""
    return round(sum(word.confidence for word in words) / len(words), 4)


def _confidence_of_silence(log_probs: LogProbs) -> float:
    """Return the probability that a step is silence, on average (the geometric mean)."""
    return round(math.exp(log_likelihood(log_probs, []) / len(log_probs)), 4) if len(log_probs) else 1.0
