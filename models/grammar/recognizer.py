"""The Recognizer of a commands file: what is heard is one of its sentences, or nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from oyez.data.audio import SAMPLE_RATE
from oyez.models.decoding.alignment import AlignedWord, align_words
from oyez.models.decoding.prior import without_prior
from oyez.models.grammar.cache import load_commands
from oyez.models.grammar.command import Command, NoCommand, Refusal
from oyez.models.grammar.confidence import Evidence
from oyez.models.grammar.file import CommandsFile, Wake
from oyez.models.grammar.samples import draw_samples
from oyez.models.grammar.search import BEAM, Grammar
from oyez.models.grammar.spoken import spell
from oyez.models.grammar.tags import Match, Tags, interpret
from oyez.models.grammar.wake_phrase import Call, WakePhrase
from oyez.models.grammar.wake_session import AttentiveStream, what_counts
from oyez.models.recognizer import Recognizer, Transcript, Word
from oyez.models.streaming import StreamingRecognizer
from oyez.models.vad.segmentation import SegmentationConfig

_TRIED = 200  # sentences that are looked through for words that the model does not know
_PATHS_A_COMMAND = 8  # a command may be said in several ways that sound alike


class CommandRecognizer(Recognizer):
    """A Recognizer whose transcripts hold a Command or the reason why there is none.

    The text of a transcript is that of the sentence; of what is none of the sentences it is what was heard freely.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        file: CommandsFile,
        grammar: Grammar,
        tags: Tags,
        threshold: float | None = None,
        runners_up: int = 0,
    ) -> None:
        self._hear_as(recognizer)
        self.file = file
        self.grammar = grammar
        self.tags = tags
        self.judge = self.model.config.command_confidence
        given = threshold if threshold is not None else file.oyez.threshold
        self.runners_up = runners_up
        self.threshold = self.judge.threshold if given is None else given
        self.wake = None if file.oyez.wake is None else WakePhrase.of_file(file.oyez, self.judge)

    @classmethod
    def of(
        cls,
        recognizer: Recognizer,
        path: str | Path,
        threshold: float | None = None,
        runners_up: int = 0,
        wake: Wake | None = None,
    ) -> CommandRecognizer:
        """Make a recogniser for a commands file (see `Recognizer.commands`)."""
        return cls(recognizer, *load_commands(path, wake=wake), threshold, runners_up)

    def stream(self, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None) -> StreamingRecognizer:
        """Return a recogniser for a live stream; with a wake phrase, a command may follow that within some seconds."""
        if self.file.oyez.wake is None:
            return super().stream(rate, config)
        return AttentiveStream(self, rate, config, self.file.oyez.wake_seconds)

    def _transcript(self, log_probs: Tensor, samples: int) -> Transcript:
        beam = BEAM if self.threshold > 0 else math.inf
        path = self.grammar.search(self._for_search(log_probs), beam) if samples else None
        match = None if path is None else interpret(path.symbols, self.tags)
        call = self.wake.heard(log_probs, self.step_seconds) if self.wake is not None and samples else None
        if path is None or match is None or match.intent is None:
            return self._refused(log_probs, samples, call)
        aligned = align_words(log_probs, list(match.labels))
        confidence = self.judge(Evidence.of(aligned))
        command = self._command(match, confidence)
        # of a phrase that is hard to make out, a short sentence leaves less to explain
        is_call = call is not None and not match.woken and call.confidence > confidence
        if confidence < self.threshold or is_call:
            return self._refused(log_probs, samples, call, command)
        command = replace(command, runners_up=self._runners_up(log_probs, path.score, command))
        is_called = self.file.oyez.wake is None or match.woken
        heard = command if is_called else NoCommand(Refusal.NOT_WOKEN, command)
        words = self._words_as_written(match, aligned, samples / SAMPLE_RATE)
        return Transcript(match.text, words, confidence, samples / SAMPLE_RATE, self.name, heard)

    def _for_search(self, log_probs: Tensor) -> Tensor:
        return without_prior(log_probs, self.model.config.label_prior, self.judge.prior_weight)

    def _refused(
        self, log_probs: Tensor, samples: int, call: Call | None, nearest: Command | None = None
    ) -> Transcript:
        """Return the transcript of what is no command, but may be a call."""
        if call is not None:
            duration = samples / SAMPLE_RATE
            words = self._words_of(call.words, duration)
            only = NoCommand(Refusal.WAKE_ONLY, nearest)
            return Transcript(call.text, words, call.confidence, duration, self.name, only)
        free = super()._transcript(log_probs, samples)
        return replace(free, command=NoCommand(Refusal.OTHER if free.text else Refusal.SILENCE, nearest))

    def unknown_words(self) -> list[str]:
        """Return words of the file that a model with a vocabulary does not know, as far as a few sentences show."""
        vocabulary = self.model.config.vocabulary
        if not vocabulary:
            return []
        texts = [spell(sample.text) for sample in draw_samples(self.file, _TRIED) if sample.is_whole]
        texts.append(spell(self.file.oyez.wake or ""))
        return sorted({word for text in texts for word in text.split()} - set(vocabulary))

    def _command(self, match: Match, confidence: float) -> Command:
        assert match.intent is not None
        slots = self.file.slots(match.intent, match.block, match.slots)
        return Command(match.intent, slots, match.text, confidence)

    def _runners_up(self, log_probs: Tensor, best_score: float, best: Command) -> tuple[Command, ...]:
        """Return the next likely commands; each is as much less sure than the best one as it is less likely."""
        if not self.runners_up:
            return ()
        found = [best]
        for path in self.grammar.search_several(self._for_search(log_probs), _PATHS_A_COMMAND * (self.runners_up + 1)):
            match = interpret(path.symbols, self.tags)
            if match.intent is None:
                continue
            less = math.exp(min(0.0, path.score - best_score))
            other = self._command(match, round(best.confidence * less, 4))
            if all((other.intent, other.slots) != (each.intent, each.slots) for each in found):
                found.append(other)
        return tuple(found[1 : self.runners_up + 1])

    def _words_as_written(self, match: Match, aligned: list[AlignedWord], duration: float) -> tuple[Word, ...]:
        """Return the words of a command; one that is said in several counts from the first to the last of them."""
        said = self._words_of(aligned, duration)
        return tuple(
            Word(text, said[first].start, said[last].end, min(word.confidence for word in said[first : last + 1]))
            for text, (first, last) in zip(match.text.split(" "), match.spans, strict=True)
        )

    def joined(self, parts: list[tuple[Transcript, float]], duration: float) -> Transcript:
        """Join the transcripts of the pieces of a recording as a stream would hear them; two commands are none."""
        pieces = what_counts(parts, self.file.oyez.wake_seconds)
        command = pieces[0][0].command if pieces else NoCommand(Refusal.SILENCE)
        if command and len(pieces) > 1:
            command = NoCommand(Refusal.SEVERAL)
        return replace(super().joined(pieces, duration), command=command)
