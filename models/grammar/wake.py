"""A wake phrase without commands: what is said after it is free text, and nothing else is heard."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from oyez.data.audio import SAMPLE_RATE
from oyez.models.grammar.command import NoCommand, Refusal
from oyez.models.grammar.file import WAKE_SECONDS
from oyez.models.grammar.spoken import spell
from oyez.models.grammar.wake_phrase import WakePhrase
from oyez.models.grammar.wake_session import DiscreetStream, what_counts
from oyez.models.recognizer import Recognizer, Transcript
from oyez.models.vad.segmentation import SegmentationConfig


class WakeRecognizer(Recognizer):
    """A Recognizer that tells what is said to it from what is not.

    A recording that begins with the wake phrase has the words after it for its text, and no `command`. For any other,
    `command` is the reason: WAKE_ONLY where nothing follows the phrase, which is the text then; NOT_WOKEN where the
    phrase was not said; SILENCE.
    """

    def __init__(
        self, recognizer: Recognizer, phrase: str, seconds: float | None = None, threshold: float | None = None
    ) -> None:
        """Make a recogniser; see `Recognizer.woken_by`."""
        self._hear_as(recognizer)
        self.seconds = WAKE_SECONDS if seconds is None else seconds
        self.wake = WakePhrase(phrase, self.model.config.command_confidence, threshold)

    def stream(self, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None) -> DiscreetStream:
        """Return a recogniser for a live stream, which tells nothing but what is said to it."""
        return DiscreetStream(self, rate, config, self.seconds)

    def unknown_words(self) -> list[str]:
        """Return words of the phrase that a model with a vocabulary does not know."""
        vocabulary = self.model.config.vocabulary
        return sorted(set(spell(self.wake.phrase).split()) - set(vocabulary)) if vocabulary else []

    def _transcript(self, log_probs: Tensor, samples: int) -> Transcript:
        call = self.wake.heard(log_probs, self.step_seconds) if samples else None
        if call is None:
            free = super()._transcript(log_probs, samples)
            return replace(free, command=NoCommand(Refusal.NOT_WOKEN if free.text else Refusal.SILENCE))
        duration = samples / SAMPLE_RATE
        if call.end is not None:
            until = call.end * self.step_seconds
            said = super()._transcript(log_probs[call.end :], samples - round(until * SAMPLE_RATE))
            if said.text:
                later = tuple(word.later(until) for word in said.words)
                return replace(said, words=later, duration=duration, call=call.text)
        words = self._words_of(call.words, duration)
        return Transcript(call.text, words, call.confidence, duration, self.name, NoCommand(Refusal.WAKE_ONLY))

    def joined(self, parts: list[tuple[Transcript, float]], duration: float) -> Transcript:
        """Join the transcripts of the pieces of a recording: those that are said to us, if any are."""
        pieces = what_counts(parts, self.seconds)
        joined = super().joined(pieces, duration)
        if not pieces:
            return replace(joined, command=NoCommand(Refusal.SILENCE))
        first, _ = pieces[0]
        return replace(joined, command=first.command, call=first.call)
