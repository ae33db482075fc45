"""The interpreter of a wake phrase without commands: what is said after it is free text, and nothing else counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from oyez.models.config import ModelConfig
from oyez.models.decoding.decoder import Decoder
from oyez.models.grammar.file import WAKE_SECONDS
from oyez.models.grammar.interpreter import refuse_classifier
from oyez.models.grammar.spoken import spell
from oyez.models.grammar.wake_phrase import WakePhrase
from oyez.models.interpreter import Emissions, PlainText
from oyez.models.types import Rejection, RejectionCode, Transcript
from oyez.models.wake_session import WakeSession, addressed_parts


class WakeInterpreter:
    """Tells what is meant for the recognizer from what is not.

    A recording that begins with the wake phrase has the words after it for its text. Any other has a rejection:
    `wake_only` where nothing follows the phrase, which is the text then; `not_woken` where the phrase was not said;
    `no_speech`.
    """

    def __init__(
        self, config: ModelConfig, phrase: str, timeout: float | None = None, threshold: float | None = None
    ) -> None:
        """Make an interpreter; see `Recognizer.with_wake_phrase`."""
        refuse_classifier(config)
        self._vocabulary = config.vocabulary
        self._plain = PlainText(config.name, config.confidence)
        self.timeout = WAKE_SECONDS if timeout is None else timeout
        self.wake = WakePhrase(phrase, config.command_confidence, threshold)

    def wake_session(self) -> WakeSession:
        """Return who is being spoken to; nothing is reported of what is not meant for the recognizer."""
        return WakeSession(self.timeout, only_addressed=True)

    def unknown_words(self) -> list[str]:
        """Return words of the phrase that a model with a vocabulary does not know."""
        return sorted(set(spell(self.wake.phrase).split()) - set(self._vocabulary)) if self._vocabulary else []

    def interpret(self, emissions: Emissions, decoder: Decoder) -> Transcript:
        """Return what follows the phrase in a piece of sound, or why nothing does."""
        call = self.wake.detect(emissions.log_probs, emissions.step_seconds) if emissions.samples else None
        if call is None:
            free = self._plain.interpret(emissions, decoder)
            code = RejectionCode.NOT_WOKEN if free.text else RejectionCode.NO_SPEECH
            return replace(free, rejection=Rejection(code))
        if call.end is not None:
            rest = self._plain.interpret(emissions.since(call.end), decoder)
            if rest.text:
                words = tuple(word.shifted(call.end * emissions.step_seconds) for word in rest.words)
                return replace(rest, words=words, duration=emissions.duration, wake_phrase=call.text)
        return call.transcript(self._plain, emissions)

    def merge(self, parts: Sequence[tuple[Transcript, float]], duration: float) -> Transcript:
        """Merge the transcripts of the pieces of a recording: those that are meant for the recognizer, if any are."""
        pieces = addressed_parts(parts, self.timeout)
        merged = self._plain.merge(pieces, duration)
        if not pieces:
            return replace(merged, rejection=Rejection(RejectionCode.NO_SPEECH))
        first, _ = pieces[0]
        confidence = first.confidence if len(pieces) == 1 else merged.confidence
        return replace(merged, confidence=confidence, rejection=first.rejection, wake_phrase=first.wake_phrase)
