"""The interpreter of a commands file: what is recognised is one of its sentences, or nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oyez.models.config import ModelConfig
from oyez.models.decoding.alignment import AlignedWord, align_words
from oyez.models.decoding.decoder import Decoder, LogProbs
from oyez.models.decoding.prior import subtract_prior
from oyez.models.grammar.cache import load_commands
from oyez.models.grammar.confidence import Evidence
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import CommandsFile, Wake
from oyez.models.grammar.samples import draw_samples
from oyez.models.grammar.search import BEAM, Grammar
from oyez.models.grammar.spoken import spell
from oyez.models.grammar.tags import Match, Tags, interpret
from oyez.models.grammar.wake_phrase import WakePhrase, WakePhraseMatch
from oyez.models.interpreter import Emissions, PlainText
from oyez.models.types import Command, Rejection, RejectionCode, Transcript, Word
from oyez.models.wake_session import WakeSession, addressed_parts

_SENTENCES_TRIED = 200  # that are looked through for words that the model does not know
_PATHS_A_COMMAND = 8  # a command may be said in several ways that sound alike


class CommandsInterpreter:
    """Finds the sentence of a commands file that was said, or says why there is none.

    The text of a transcript is that of the sentence; of what is none of the sentences it is free text.
    """

    def __init__(
        self,
        config: ModelConfig,
        file: CommandsFile,
        grammar: Grammar,
        tags: Tags,
        threshold: float | None = None,
        alternatives: int = 0,
    ) -> None:
        """Make an interpreter of a compiled commands file.

        Args:
            config: of the acoustic model.
            file: the commands file.
            grammar: its sentences as an automaton.
            tags: what the automaton's symbols mean.
            threshold: confidence below which a command is rejected; by default the file's, or else the model's.
            alternatives: how many other commands are given beside the likeliest one.

        Raises:
            oyez.models.grammar.errors.CommandsError: the model is a classifier.
        """
        refuse_classifier(config)
        self.file = file
        self.grammar = grammar
        self.tags = tags
        self.alternatives = alternatives
        self._model = config
        self._judge = config.command_confidence
        self._plain = PlainText(config.name, config.confidence)
        given = threshold if threshold is not None else file.oyez.threshold
        self.threshold = self._judge.threshold if given is None else given
        self.wake = None if file.oyez.wake is None else WakePhrase.of_file(file.oyez, self._judge)

    @classmethod
    def load(
        cls,
        config: ModelConfig,
        path: str | Path,
        threshold: float | None = None,
        alternatives: int = 0,
        wake: Wake | None = None,
    ) -> CommandsInterpreter:
        """Read a commands file; see `Recognizer.with_commands`."""
        refuse_classifier(config)
        return cls(config, *load_commands(path, wake=wake), threshold, alternatives)

    def wake_session(self) -> WakeSession | None:
        """Return who is being spoken to, if the file has a wake phrase: a command may follow it within some seconds."""
        return None if self.wake is None else WakeSession(self.file.oyez.wake_seconds)

    def interpret(self, emissions: Emissions, decoder: Decoder) -> Transcript:
        """Return the transcript of a piece of sound, with a command or with a rejection."""
        log_probs, is_empty = emissions.log_probs, not emissions.samples
        beam = BEAM if self.threshold > 0 else math.inf
        path = None if is_empty else self.grammar.search(self._for_search(log_probs), beam)
        match = None if path is None else interpret(path.symbols, self.tags)
        call = None if self.wake is None or is_empty else self.wake.detect(log_probs, emissions.step_seconds)
        if path is None or match is None or match.intent is None:
            return self._rejected(emissions, decoder, call)
        aligned = align_words(log_probs, list(match.labels))
        confidence = self._judge(Evidence.of(aligned))
        command = self._command(match, confidence)
        # of a phrase that is hard to make out, a short sentence leaves less to explain
        is_call = call is not None and not match.woken and call.confidence > confidence
        if confidence < self.threshold or is_call:
            return self._rejected(emissions, decoder, call, command)
        command = replace(command, alternatives=self._alternatives(log_probs, path.score, command))
        words = self._words_as_written(match, aligned, emissions)
        transcript = Transcript(match.text, words, confidence, emissions.duration, self._model.name)
        if self.wake is None or match.woken:
            return replace(transcript, command=command)
        return replace(transcript, rejection=Rejection(RejectionCode.NOT_WOKEN, command))

    def _for_search(self, log_probs: LogProbs) -> LogProbs:
        return subtract_prior(log_probs, self._model.label_prior, self._judge.prior_weight)

    def _rejected(
        self, emissions: Emissions, decoder: Decoder, call: WakePhraseMatch | None, nearest: Command | None = None
    ) -> Transcript:
        """Return the transcript of what is no command, but may be the wake phrase."""
        if call is not None:
            return call.transcript(self._plain, emissions, nearest)
        free = self._plain.interpret(emissions, decoder)
        code = RejectionCode.NO_MATCH if free.text else RejectionCode.NO_SPEECH
        return replace(free, rejection=Rejection(code, nearest))

    def unknown_words(self) -> list[str]:
        """Return words of the file that a model with a vocabulary does not know, as far as a few sentences show."""
        vocabulary = self._model.vocabulary
        if not vocabulary:
            return []
        texts = [spell(sample.text) for sample in draw_samples(self.file, _SENTENCES_TRIED) if sample.is_whole]
        texts.append(spell(self.file.oyez.wake or ""))
        return sorted({word for text in texts for word in text.split()} - set(vocabulary))

    def _command(self, match: Match, confidence: float) -> Command:
        assert match.intent is not None
        slots = self.file.slots(match.intent, match.block, match.slots)
        return Command(match.intent, slots, match.text, confidence)

    def _alternatives(self, log_probs: LogProbs, best_score: float, best: Command) -> tuple[Command, ...]:
        """Return the next likely commands; each is as much less sure than the best one as it is less likely."""
        if not self.alternatives:
            return ()
        found = [best]
        for path in self.grammar.search_several(
            self._for_search(log_probs), _PATHS_A_COMMAND * (self.alternatives + 1)
        ):
            match = interpret(path.symbols, self.tags)
            if match.intent is None:
                continue
            less = math.exp(min(0.0, path.score - best_score))
            other = self._command(match, round(best.confidence * less, 4))
            if all((other.intent, other.slots) != (command.intent, command.slots) for command in found):
                found.append(other)
        return tuple(found[1 : self.alternatives + 1])

    def _words_as_written(self, match: Match, aligned: Sequence[AlignedWord], emissions: Emissions) -> tuple[Word, ...]:
        """Return the words of a command; one that is said in several counts from the first to the last of them."""
        said = self._plain.words_of(aligned, emissions)
        return tuple(
            Word(text, said[first].start, said[last].end, min(word.confidence for word in said[first : last + 1]))
            for text, (first, last) in zip(match.text.split(" "), match.spans, strict=True)
        )

    def merge(self, parts: Sequence[tuple[Transcript, float]], duration: float) -> Transcript:
        """Merge the transcripts of the pieces of a recording as a stream would report them; two commands are none."""
        pieces = addressed_parts(parts, self.file.oyez.wake_seconds)
        if len(pieces) == 1:
            merged = self._plain.merge(pieces, duration)
            [(piece, _)] = pieces
            return replace(merged, confidence=piece.confidence, command=piece.command, rejection=piece.rejection)
        code = RejectionCode.NO_SPEECH
        if pieces:
            first, _ = pieces[0]
            code = RejectionCode.MULTIPLE if first.rejection is None else first.rejection.code
        nearest = pieces[0][0].rejection.nearest if pieces and pieces[0][0].rejection is not None else None
        return replace(self._plain.merge(pieces, duration), rejection=Rejection(code, nearest))


def refuse_classifier(config: ModelConfig) -> None:
    """Raise CommandsError if a model is a classifier of words, and writes no letters that could be aligned."""
    if config.acoustic.pooling is not None:
        raise CommandsError(
            f"model {config.name!r} tells classes apart and does not write letters, of which commands are made; "
            "choose one that was trained with CTC (no acoustic.pooling)"
        )
