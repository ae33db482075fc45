"""The Recognizer: sound in, transcripts out. The web page, the command line and the evaluation all call it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast, overload

import numpy as np
import numpy.typing as npt

from oyez.data.arrays import as_waveform
from oyez.data.audio import HOP, SAMPLE_RATE, Waveform, read_audio
from oyez.models.checkpoint import DEFAULT_MODEL, find_checkpoint, load_ngram, read_config
from oyez.models.config import ModelConfig, Precision
from oyez.models.decoding.alignment import AlignedWord
from oyez.models.decoding.beam import BeamDecoder, Lexicon
from oyez.models.decoding.classes import ClassDecoder
from oyez.models.decoding.decoder import Decoder, LogProbs
from oyez.models.decoding.greedy import GreedyDecoder
from oyez.models.decoding.single_word import SingleWordDecoder
from oyez.models.grammar.file import Wake
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.grammar.wake import WakeInterpreter
from oyez.models.interpreter import Emissions, Interpreter, PlainText, WordClass
from oyez.models.runtime.runtime import BATCH_SECONDS, Runtime
from oyez.models.streaming import StreamingRecognizer
from oyez.models.types import Transcript
from oyez.models.vad.segmentation import SegmentationConfig
from oyez.models.vad.silero import segments_in

Decoding = Literal["beam", "greedy", "word", "ngram", "lstm", "class"]
Recording = str | Path | npt.NDArray[Any]

LONGEST = 20.0  # seconds; a longer recording is cut at its pauses first


class Recognizer:
    """A model, a decoder that makes text of what it says, and an interpreter that says what the text means.

    >>> recognizer = Recognizer.load("english")                # doctest: +SKIP
    >>> recognizer.transcribe("yes.wav").text                  # doctest: +SKIP
    'yes'
    """

    def __init__(self, runtime: Runtime, decoder: Decoder | None = None, interpreter: Interpreter | None = None):
        """Put the three together.

        Args:
            runtime: the model, ready to compute.
            decoder: by default a beam search, within the model's vocabulary if it has one.
            interpreter: by default plain text.
        """
        self.runtime = runtime
        self.decoder = decoder or decoder_for(runtime.config)
        self._plain = plain_text(runtime.config)
        self.interpreter: Interpreter = interpreter or self._plain

    def __repr__(self) -> str:
        """Show the model, the decoder and the interpreter."""
        parts = self.name, type(self.decoder).__name__, type(self.interpreter).__name__
        return f"<Recognizer {', '.join(parts)}>"

    @staticmethod
    def load(
        name_or_folder: str | Path = DEFAULT_MODEL,
        device: str = "cpu",
        decoding: Decoding | None = None,
        precision: Precision = "float32",
        batch_seconds: float = BATCH_SECONDS,
    ) -> Recognizer:
        """Load a shipped model by name, or any model by its folder.

        Args:
            name_or_folder: "english" or another shipped model, or a folder that `oyez train` wrote.
            device: where the network runs: "cpu", "cuda".
            decoding: see `load_decoder`.
            precision: what the network computes in; see `oyez.models.runtime.torch.TorchRuntime`.
            batch_seconds: of padded audio that the network reads at once; of influence on time and memory only.

        Raises:
            oyez.models.checkpoint.CheckpointError: there is no such model, or it is damaged.
            ValueError: the model cannot be decoded in that way.
        """
        decoder = load_decoder(name_or_folder, decoding)
        from oyez.models.runtime.torch import TorchRuntime  # loads torch

        return Recognizer(TorchRuntime.load(name_or_folder, device, precision, batch_seconds), decoder)

    @property
    def config(self) -> ModelConfig:
        """Everything of the model but its weights."""
        return self.runtime.config

    @property
    def name(self) -> str:
        """The model's name."""
        return self.config.name

    @property
    def decoding(self) -> Decoding:
        """How text is made of what the network says; see `load_decoder`."""
        return cast(Decoding, self.decoder.name)

    @property
    def step_seconds(self) -> float:
        """Time from one row of log-probabilities to the next."""
        return HOP * self.config.acoustic.subsampling / SAMPLE_RATE

    @overload
    def transcribe(self, recordings: Recording, rate: int = SAMPLE_RATE) -> Transcript: ...

    @overload
    def transcribe(
        self, recordings: list[Waveform] | list[str] | list[Path] | list[Recording], rate: int = SAMPLE_RATE
    ) -> list[Transcript]: ...

    def transcribe(self, recordings: Any, rate: int = SAMPLE_RATE) -> Transcript | list[Transcript]:
        """Transcribe recordings of any length.

        Args:
            recordings: one recording, or a list of them: the path of an audio file, or samples as an array of shape
                (samples,) or (samples, channels), floating point in [-1, 1] or integers.
            rate: of the samples of arrays, in Hz. Files say their own.

        Returns:
            the transcript of one recording, or those of a list in its order.

        Raises:
            oyez.data.audio.AudioError: a file cannot be read, or an array is no sound.
            TypeError: something is neither a path nor an array.
        """
        if isinstance(recordings, list | tuple):
            return self.transcribe_waveforms([_waveform(recording, rate) for recording in recordings])
        return self.transcribe_waveforms([_waveform(recordings, rate)])[0]

    def transcribe_waveforms(self, waveforms: Sequence[Waveform]) -> list[Transcript]:
        """Transcribe waveforms that are ready: float32, mono, 16 kHz, shape (samples,) each. They are not checked."""
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
        transcripts = [
            self.interpreter.interpret(Emissions(log_probs, len(part), self.step_seconds), self.decoder)
            for log_probs, part in zip(self.log_probs(parts), parts, strict=True)
        ]
        return [
            self.merge([(transcripts[index], start) for index, start in numbered], len(waveform) / SAMPLE_RATE)
            for numbered, waveform in zip(layout, waveforms, strict=True)
        ]

    def merge(self, parts: Sequence[tuple[Transcript, float]], duration: float) -> Transcript:
        """Return the transcript of a recording from those of its pieces and their starts, in order, in seconds."""
        return self.interpreter.merge(parts, duration)

    def log_probs(self, waveforms: Sequence[Waveform]) -> list[LogProbs]:
        """Return the CTC log-probabilities of short recordings, float32 of shape (steps, labels) each."""
        return self.runtime.log_probs(waveforms)

    def align(self, log_probs: LogProbs) -> list[AlignedWord]:
        """Return the words of one utterance's log-probabilities, shape (steps, labels), and the steps they are in."""
        return self._plain.align(log_probs, self.decoder)

    def stream(self, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None) -> StreamingRecognizer:
        """Return a recognizer for a live stream of samples at `rate` Hz."""
        return StreamingRecognizer(self, rate, config)

    def with_commands(
        self,
        path: str | Path,
        threshold: float | None = None,
        alternatives: int = 0,
        wake: Wake | None = None,
    ) -> Recognizer:
        """Return a recognizer of the sentences of a commands file and nothing else.

        Args:
            path: the commands file (see docs/commands.md).
            threshold: confidence below which a command is rejected; by default the file's, or else the model's.
            alternatives: how many other commands are given beside the likeliest one.
            wake: a wake phrase instead of the file's.

        Raises:
            oyez.models.grammar.errors.CommandsError: the file cannot be used, or the model is a classifier.
        """
        return self.with_interpreter(CommandsInterpreter.load(self.config, path, threshold, alternatives, wake))

    def with_wake_phrase(self, phrase: str, timeout: float | None = None, threshold: float | None = None) -> Recognizer:
        """Return a recognizer of what is said after a wake phrase and nothing else.

        Args:
            phrase: of three or more syllables.
            timeout: seconds after the wake phrase in which something may begin; by default 6.
            threshold: confidence below which the phrase is not detected; by default the model's.

        Raises:
            oyez.models.grammar.errors.CommandsError: the phrase cannot be a wake phrase, or the model is a classifier.
        """
        return self.with_interpreter(WakeInterpreter(self.config, phrase, timeout, threshold))

    def with_config(self, config: ModelConfig) -> Recognizer:
        """Return a recognizer of the same network with other confidences; for plain text, with the same decoder."""
        return Recognizer(self.runtime.with_config(config), self.decoder)

    def with_interpreter(self, interpreter: Interpreter) -> Recognizer:
        """Return a recognizer with the same model and decoder and another interpreter."""
        return Recognizer(self.runtime, self.decoder, interpreter)


def load_decoder(name_or_folder: str | Path, decoding: Decoding | None = None) -> Decoder:
    """Load what a model is decoded with.

    Args:
        name_or_folder: of the model.
        decoding: "greedy", the best label of each step; or "beam", the likeliest text over all alignments, within the
            model's vocabulary if it has one; or "word", whichever single word of the vocabulary it is most likely to
            be, for recordings that are known to hold one; or "ngram", the likeliest words by sound and by the n-gram
            language model that some models have; or "lstm", the likeliest letters by sound and by the shipped
            character language model, slowly. By default "ngram" where there is one, else "beam".

    Raises:
        oyez.models.checkpoint.CheckpointError: there is no such model, or its language model is damaged or missing.
        ValueError: "word" is asked of a model without a vocabulary.
    """
    config = read_config(find_checkpoint(name_or_folder))
    decoding = decoding or ("ngram" if config.ngram else "beam")
    if config.acoustic.pooling is not None:
        return ClassDecoder(config.vocabulary)
    if decoding == "ngram":
        return load_ngram(name_or_folder, config)
    if decoding == "lstm":
        # loads torch
        from oyez.models.language.character import load_language_model
        from oyez.models.language.character_decoder import CharacterLmDecoder

        lexicon = Lexicon.of(config.vocabulary) if config.vocabulary else None
        return CharacterLmDecoder(load_language_model(), config.fusion, lexicon)
    return decoder_for(config, decoding)


def decoder_for(config: ModelConfig, decoding: Decoding = "beam") -> Decoder:
    """Return a decoder that needs no language model. Raises ValueError for "word" without a vocabulary."""
    if config.acoustic.pooling is not None:
        return ClassDecoder(config.vocabulary)
    if decoding == "greedy":
        return GreedyDecoder()
    if decoding == "word":
        if not config.vocabulary:
            raise ValueError(f"model {config.name!r} has no vocabulary to find a word in")
        return SingleWordDecoder(config.vocabulary)
    return BeamDecoder(Lexicon.of(config.vocabulary) if config.vocabulary else None)


def plain_text(config: ModelConfig) -> PlainText:
    """Return the interpreter of a model without commands."""
    kind = PlainText if config.acoustic.pooling is None else WordClass
    return kind(config.name, config.confidence)


def _waveform(recording: Any, rate: int) -> Waveform:
    if isinstance(recording, str | Path):
        return read_audio(recording)
    if isinstance(recording, bytes | bytearray | memoryview):
        raise TypeError(
            "bytes say neither their format nor their rate; give the path of a file, or an array of samples "
            "(numpy.frombuffer(data, numpy.int16) with rate=…)"
        )
    if recording is None or isinstance(recording, int | float):
        raise TypeError(f"{recording!r} is no recording; give the path of a file, or an array of samples")
    return as_waveform(np.asarray(recording), rate)
