"""The Recognizer: waveforms in, transcripts out. The web page, the command line and the evaluation all call it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from oyez.data.alphabet import decode, encode
from oyez.data.audio import HOP, SAMPLE_RATE, Waveform
from oyez.models.checkpoint import DEFAULT_MODEL, Model, load_checkpoint, load_ngram
from oyez.models.classifier import classes_of
from oyez.models.confidence import WordEvidence
from oyez.models.decoding.alignment import AlignedWord, align_words, log_likelihood
from oyez.models.decoding.beam import Lexicon, beam_search
from oyez.models.decoding.closed import rank
from oyez.models.decoding.greedy import greedy_search
from oyez.models.decoding.ngram import NgramDecoder
from oyez.models.grammar.command import Command, NoCommand
from oyez.models.language.character import CharacterLanguageModel, load_language_model
from oyez.models.language.fusion import CharacterFusion
from oyez.models.precision import Precision, resolve_precision
from oyez.models.vad.segmentation import SegmentationConfig
from oyez.models.vad.silero import segments_in

if TYPE_CHECKING:
    from oyez.models.grammar.file import Wake
    from oyez.models.grammar.recognizer import CommandRecognizer
    from oyez.models.grammar.wake import WakeRecognizer
    from oyez.models.streaming import StreamingRecognizer

Decoding = Literal["beam", "greedy", "word", "ngram", "lstm"]

LONGEST = 20.0  # seconds; a longer recording is cut at its pauses first
BATCH_SECONDS = 160.0  # of padded audio that goes through the network at once: eight of the longest pieces
_MOST_ROWS = 64  # in a batch: with eight the network is fast, and with more than these it leaves the cache


@dataclass(frozen=True)
class Word:
    """A word and where it was heard."""

    text: str
    start: float  # seconds from the start of the recording
    end: float
    confidence: float  # probability that this word is right

    def later(self, seconds: float) -> Word:
        """Return the word at its place in a longer recording, in which this one begins at `seconds`."""
        return replace(self, start=round(self.start + seconds, 3), end=round(self.end + seconds, 3))


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording."""

    text: str  # empty if nothing was
    words: tuple[Word, ...]
    confidence: float  # probability that the whole text is right; of no text, that a step is silence, on average
    duration: float  # of the recording, in seconds
    model: str  # name of the model that heard it
    command: Command | NoCommand | None = None  # with a commands file: what is wanted, or why it is no command
    call: str = ""  # the wake phrase, where it was said before the text and is no part of that


class Recognizer:
    """A model ready to listen.

    >>> recognizer = Recognizer.load("commands")
    >>> [transcript] = recognizer.transcribe([read_audio("yes.wav")])   # doctest: +SKIP
    >>> transcript.text                                                 # doctest: +SKIP
    'yes'
    """

    def __init__(
        self,
        model: Model,
        device: str | torch.device = "cpu",
        decoding: Decoding = "beam",
        beam_width: int = 16,
        ngram: NgramDecoder | None = None,
        language: CharacterLanguageModel | None = None,
    ) -> None:
        self.model = model.to(device).eval()
        self.device = torch.device(device)
        self.decoding = decoding
        self.beam_width = beam_width
        self.ngram = ngram
        self.language = language
        self.batch_seconds = BATCH_SECONDS  # of padded audio in a batch; of influence on time and memory only
        self.lexicon = Lexicon.of(model.config.vocabulary) if model.config.vocabulary else None
        if decoding == "word" and not self.lexicon:
            raise ValueError(f"model {model.config.name!r} has no vocabulary to find a word in")
        if (decoding == "ngram" and ngram is None) or (decoding == "lstm" and language is None):
            raise ValueError(f"decoding {decoding!r} of model {model.config.name!r} needs its language model")
        self._words = [encode(word) for word in model.config.vocabulary]

    def _hear_as(self, other: Recognizer) -> None:
        """Begin as a recogniser with the same model and the same settings; for classes that align words with the sound.

        Raises models.commands.errors.CommandsError if the model is a classifier.
        """
        from oyez.models.grammar.errors import CommandsError

        if other.model.config.acoustic.pooling is not None:
            raise CommandsError(
                f"model {other.name!r} tells classes apart and does not write letters, of which commands are made; "
                "choose one that was trained with CTC (no acoustic.pooling)"
            )
        Recognizer.__init__(
            self, other.model, other.device, other.decoding, other.beam_width, other.ngram, other.language
        )
        self.batch_seconds = other.batch_seconds

    @staticmethod
    def load(
        name_or_folder: str | Path = DEFAULT_MODEL,
        device: str | torch.device = "cpu",
        decoding: Decoding | None = None,
        precision: Precision = "float32",
    ) -> Recognizer:
        """Load a shipped model by name, or any model by its folder.

        Args:
            name_or_folder: "commands", or a folder that `oyez train` or `save_checkpoint` wrote.
            device: where the network runs: "cpu", "cuda".
            decoding: "greedy", the best label of each step; or "beam", the likeliest text over all alignments,
                within the model's vocabulary if it has one; or "word", whichever single word of the vocabulary it
                is most likely to be, for recordings that are known to hold one; or "ngram", the likeliest words by
                ear and by the n-gram language model that some models have; or "lstm", the likeliest letters by ear and
                by the shipped character language model, slowly. By default "ngram" where there is one, else "beam".
            precision: what the network computes in. "bfloat16" takes half the time on processors that are made for it;
                "auto" is that on those, and "float32" elsewhere.

        Raises:
            models.checkpoint.CheckpointError: there is no such model, or it is damaged.
            ValueError: "word" is asked of a model without a vocabulary.
        """
        model = load_checkpoint(name_or_folder)
        model.precision = resolve_precision(precision, torch.device(device))
        decoding = decoding or ("ngram" if model.config.ngram else "beam")
        ngram = load_ngram(name_or_folder, model.config) if decoding == "ngram" else None
        language = load_language_model() if decoding == "lstm" else None
        return recognizer_of(model, device, decoding, ngram, language)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.config.name

    @property
    def step_seconds(self) -> float:
        """Time from one row of log-probabilities to the next."""
        return HOP * self.model.config.acoustic.subsampling / SAMPLE_RATE

    def transcribe(self, waveforms: Sequence[Waveform]) -> list[Transcript]:
        """Transcribe recordings of any length, in the order given.

        Args:
            waveforms: float32 in [-1, 1], mono, 16 kHz, shape (samples,) each (see data.audio.read_audio).
                One that is longer than LONGEST seconds is cut at its pauses and joined again.
        """
        parts: list[Waveform] = []
        layout: list[list[tuple[int, float]]] = []  # for each recording: index in parts, start in seconds
        for waveform in waveforms:
            if len(waveform) <= LONGEST * SAMPLE_RATE:
                pieces = [(0.0, waveform)]
            else:
                cuts = segments_in([waveform], SegmentationConfig(longest=LONGEST))
                pieces = [(segment.start, segment.waveform) for segment in cuts]
            layout.append([(len(parts) + n, start) for n, (start, _) in enumerate(pieces)])
            parts.extend(piece for _, piece in pieces)
        heard = [
            self._transcript(log_probs, len(part)) for log_probs, part in zip(self.log_probs(parts), parts, strict=True)
        ]
        return [
            self.joined([(heard[index], start) for index, start in places], len(waveform) / SAMPLE_RATE)
            for places, waveform in zip(layout, waveforms, strict=True)
        ]

    def log_probs(self, waveforms: Sequence[Waveform]) -> list[Tensor]:
        """Return the CTC log-probabilities of short recordings, shape (steps, labels) each, on the CPU."""
        results: list[Tensor] = [torch.empty(0)] * len(waveforms)
        for indices in _batches([len(waveform) for waveform in waveforms], self.batch_seconds):
            lengths = torch.tensor([len(waveforms[index]) for index in indices])
            padded = np.zeros((len(indices), int(lengths.max())), np.float32)
            for row, index in enumerate(indices):
                padded[row, : len(waveforms[index])] = waveforms[index]
            with torch.inference_mode():
                log_probs, steps = self.model(torch.from_numpy(padded).to(self.device), lengths.to(self.device))
            for row, index in enumerate(indices):
                results[index] = log_probs[row, : int(steps[row])].cpu()
        return results

    def stream(self, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None) -> StreamingRecognizer:
        """Return a recogniser for a live stream of samples at `rate` Hz."""
        from oyez.models.streaming import StreamingRecognizer

        return StreamingRecognizer(self, rate, config)

    def commands(
        self,
        path: str | Path,
        threshold: float | None = None,
        runners_up: int = 0,
        wake: Wake | None = None,
    ) -> CommandRecognizer:
        """Return a recogniser that hears the sentences of a commands file and nothing else.

        Args:
            path: the commands file (see docs/commands.md).
            threshold: confidence below which a command is refused; by default the file's, or else the model's.
            runners_up: how many other commands to tell beside the likeliest one.
            wake: a wake phrase instead of the file's.

        Raises:
            models.commands.errors.CommandsError: the file cannot be used, or the model is a classifier.
        """
        from oyez.models.grammar.recognizer import CommandRecognizer

        return CommandRecognizer.of(self, path, threshold, runners_up, wake)

    def woken_by(self, phrase: str, seconds: float | None = None, threshold: float | None = None) -> WakeRecognizer:
        """Return a recogniser that hears what is said after a wake phrase and nothing else.

        Args:
            phrase: of three or more syllables.
            seconds: within which something may follow the wake phrase; by default 6.
            threshold: confidence below which the phrase is not heard; by default the model's.

        Raises:
            models.commands.errors.CommandsError: the phrase cannot be a wake phrase, or the model is a classifier.
        """
        from oyez.models.grammar.wake import WakeRecognizer

        return WakeRecognizer(self, phrase, seconds, threshold)

    def decode(self, log_probs: Tensor, decoding: Decoding | None = None) -> list[int]:
        """Return the labels of one utterance's log-probabilities, shape (steps, labels)."""
        if (decoding or self.decoding) == "greedy":
            return greedy_search(log_probs)
        if (decoding or self.decoding) == "ngram":
            assert self.ngram is not None
            return encode(" ".join(self.ngram.search(log_probs)))
        if (decoding or self.decoding) == "word":
            best = rank(log_probs, self._words)[0]
            return list(best.labels) if best.score > -math.inf else []  # too short for any word
        language = None
        if (decoding or self.decoding) == "lstm":
            assert self.language is not None
            language = CharacterFusion(self.language, self.model.config.fusion)
        return list(beam_search(log_probs, self.beam_width, self.lexicon, language=language)[0].labels)

    def words(self, log_probs: Tensor) -> list[AlignedWord]:
        """Return the words of one utterance's log-probabilities, shape (steps, labels), and where they are."""
        return align_words(log_probs, self.decode(log_probs))

    def _transcript(self, log_probs: Tensor, samples: int) -> Transcript:
        aligned = self.words(log_probs) if samples else []
        duration = samples / SAMPLE_RATE
        words = self._words_of(aligned, duration)
        confidence = math.prod(word.confidence for word in words) if words else _sureness_of_silence(log_probs)
        return Transcript(_text(words), words, round(confidence, 4), duration, self.name)

    def _words_of(self, aligned: Sequence[AlignedWord], duration: float) -> tuple[Word, ...]:
        return tuple(
            Word(
                word.text,
                start=round(min(word.start * self.step_seconds, duration), 3),
                end=round(min(word.end * self.step_seconds, duration), 3),
                confidence=confidence,
            )
            for word, confidence in zip(aligned, self._confidences(aligned), strict=True)
        )

    def joined(self, parts: list[tuple[Transcript, float]], duration: float) -> Transcript:
        """Return the transcript of a recording from those of its parts and their starts, in order, all in seconds."""
        words = tuple(word.later(start) for transcript, start in parts for word in transcript.words)
        confidence = math.prod(transcript.confidence for transcript, _ in parts)
        return Transcript(_text(words), words, round(confidence, 4), duration, self.name)

    def _confidences(self, words: Sequence[AlignedWord]) -> list[float]:
        return [self.model.config.confidence(evidence) for evidence in WordEvidence.of(words)]


class ClassifyingRecognizer(Recognizer):
    """A Recognizer over a classifier: it hears one word, or nothing, in each recording (or piece of a long one).

    It does not know where the word is: its times are those of the recording.
    """

    def decode(self, log_probs: Tensor, decoding: Decoding | None = None) -> list[int]:  # noqa: ARG002  # but one way
        """Return the labels of the likeliest class, given log-probabilities of shape (1, classes)."""
        return encode(classes_of(self.model.config.vocabulary)[int(log_probs[0].argmax())])

    def words(self, log_probs: Tensor) -> list[AlignedWord]:
        """Return the word of the likeliest class, if it is one, given log-probabilities of shape (1, classes)."""
        text = decode(self.decode(log_probs))
        return [AlignedWord(text, 0, 1, score=float(log_probs[0].max()))] if text else []

    def _transcript(self, log_probs: Tensor, samples: int) -> Transcript:
        aligned = self.words(log_probs) if samples else []
        duration = samples / SAMPLE_RATE
        words = tuple(
            Word(word.text, 0.0, round(duration, 3), confidence)
            for word, confidence in zip(aligned, self._confidences(aligned), strict=True)
        )
        sureness = words[0].confidence if words else round(math.exp(log_probs[0].max()), 4) if samples else 1.0
        return Transcript(_text(words), words, sureness, duration, self.name)


def recognizer_of(
    model: Model,
    device: str | torch.device = "cpu",
    decoding: Decoding = "beam",
    ngram: NgramDecoder | None = None,
    language: CharacterLanguageModel | None = None,
) -> Recognizer:
    """Return the Recognizer for a model: for CTC, or for a classifier."""
    kind = Recognizer if model.config.acoustic.pooling is None else ClassifyingRecognizer
    return kind(model, device, decoding, ngram=ngram, language=language)


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _sureness_of_silence(log_probs: Tensor) -> float:
    return math.exp(log_likelihood(log_probs, []) / len(log_probs)) if len(log_probs) else 1.0


def _batches(lengths: Sequence[int], seconds: float) -> Iterator[list[int]]:
    """Group recordings of similar length, so that little is padded and no batch of several is larger than `seconds`."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if len(batch) == _MOST_ROWS or (batch and (len(batch) + 1) * lengths[index] > seconds * SAMPLE_RATE):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
