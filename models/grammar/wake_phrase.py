"""A wake phrase: what may be one, and whether a recording begins with it.

The phrase stands at the beginning of a segment, followed by any words or by none. It is weighed against free letters as
a command is (models.commands.confidence), over its own time alone. Where other words follow in the same breath it has
to be much surer: what sounds like a wake phrase by accident is nearly always the beginning of a longer sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oyez.data.alphabet import LABELS, SPACE
from oyez.models.decoding.alignment import AlignedWord, align_words
from oyez.models.decoding.decoder import LogProbs
from oyez.models.grammar.automaton import AutomatonBuilder
from oyez.models.grammar.confidence import CommandConfidence, Evidence
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import Settings
from oyez.models.grammar.search import FIRST_TAG, Grammar
from oyez.models.grammar.spoken import SpokenError, spell, spell_ways
from oyez.models.grammar.tags import Tags, WakeTag
from oyez.models.grammar.templates import Cursor, GrammarBuilder, add_any_words
from oyez.models.interpreter import Emissions, PlainText
from oyez.models.types import Command, Rejection, RejectionCode, Transcript

FEWEST_SYLLABLES = 3  # a shorter phrase is in too many others
LONGEST = 100  # characters
RUNNING_ON = -3.0  # logarithm of the odds of a wake phrase, against one that stands alone, where other words follow it
SLOWEST = 5.0  # letters a second; nobody speaks so slowly, but an alignment with other speech may be as long
_LARGEST = 100_000  # arcs of a phrase in all its readings

_CONSONANT_Y = re.compile("(?:^|(?<=[aeiou]))y(?=[aeiou])")  # yes, oyez
_SILENT_E = re.compile("(?<=[aeiouy][^aeiouy])e$|(?<=[aeiouy][^aeiouy]{2})(?<!l)e$")  # home, prince; but not apple
_VOWELS = re.compile("[aeiouy]+")
_HIATUS = re.compile("(?<![tcsgx])i(?=[aou])|e(?=o)|a(?=o)")  # radio, leo, naomi; but not nation


@dataclass(frozen=True)
class WakePhraseMatch:
    """The wake phrase at the beginning of a recording, as far as it may have been said."""

    words: tuple[AlignedWord, ...]  # of the phrase, as it was said
    confidence: float  # probability that it was said
    end: int | None  # step from which on other words follow; None if none do

    @property
    def text(self) -> str:
        """The phrase."""
        return " ".join(word.text for word in self.words)

    def transcript(self, plain: PlainText, emissions: Emissions, nearest: Command | None = None) -> Transcript:
        """Return the transcript of a recording that holds the phrase and nothing after it."""
        words = plain.words_of(self.words, emissions)
        rejection = Rejection(RejectionCode.WAKE_ONLY, nearest)
        return Transcript(self.text, words, self.confidence, emissions.duration, plain.model, rejection=rejection)


class WakePhrase:
    """Listens for a wake phrase at the beginning of recordings."""

    def __init__(
        self,
        phrase: str,
        judge: CommandConfidence,
        threshold: float | None = None,
        spellings: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Make a listener for a phrase; words of it may also be said as `spellings` has it.

        `threshold` is the confidence below which the phrase is not heard, by default that of `judge`.
        Raises models.commands.errors.CommandsError if this cannot be a wake phrase.
        """
        draft, tags = AutomatonBuilder(_LARGEST), Tags()
        self._tag = tags.symbol(WakeTag())
        end = add_wake_phrase(GrammarBuilder(draft, tags, spellings or {}), phrase, self._tag)
        draft.ends.add(end)
        add_any_words(draft, draft.step(end, SPACE))
        self._grammar = Grammar.of(draft.finish())
        self._judge = judge
        self.phrase = phrase
        self.threshold = judge.wake_threshold if threshold is None else threshold

    @classmethod
    def of_file(cls, settings: Settings, judge: CommandConfidence) -> WakePhrase:
        """Make a listener for the wake phrase of a commands file."""
        spellings = {spell(written): spell_ways(said) for written, said in settings.spellings.items()}
        return cls(settings.wake or "", judge, settings.wake_threshold, spellings)

    def find(self, log_probs: LogProbs, step_seconds: float) -> WakePhraseMatch | None:
        """Find where the phrase would be in log-probabilities, shape (steps, labels); None where it cannot be.

        Whether it was said is up to the confidence.
        """
        path = self._grammar.search(log_probs)
        if path is None:
            return None
        phrase = path.symbols[: path.symbols.index(self._tag)]
        length = 1 + phrase.count(SPACE)
        aligned = align_words(log_probs, [symbol % LABELS for symbol in path.symbols if symbol < FIRST_TAG])
        words, others = tuple(aligned[:length]), aligned[length:]
        letters = sum(len(word.text) for word in words)
        if letters < SLOWEST * (words[-1].end - words[0].start) * step_seconds:
            return None
        end = (words[-1].end + others[0].start) // 2 if others else None
        return WakePhraseMatch(words, self._judge(Evidence.of(words), RUNNING_ON if others else 0.0), end)

    def detect(self, log_probs: LogProbs, step_seconds: float) -> WakePhraseMatch | None:
        """Return the phrase if it was said; see `find`."""
        call = self.find(log_probs, step_seconds)
        return call if call is not None and call.confidence >= self.threshold else None


def check_wake_phrase(phrase: str) -> None:
    """Raise CommandsError if a phrase cannot be a wake phrase: it is too short or too long, or nobody can say it."""
    if len(phrase) > LONGEST:
        raise CommandsError(f"the wake phrase has {len(phrase)} characters, of at most {LONGEST}")
    try:
        said = spell(phrase)
    except SpokenError as error:
        raise CommandsError(str(error)) from error
    if not said:
        raise CommandsError("the wake phrase is empty")
    if (number := syllables(said)) < FEWEST_SYLLABLES:
        raise CommandsError(
            f"the wake phrase {phrase!r} has {number} syllable{'s' * (number > 1)}; with less than {FEWEST_SYLLABLES} "
            "it is heard too easily: take a longer one"
        )


def syllables(text: str) -> int:
    """Estimate the number of syllables of an English text in a-z, rather too high than too low.

    >>> [syllables(word) for word in ("hey oyez", "computer", "radio", "home")]
    [3, 3, 3, 1]
    """
    return sum(map(_syllables, text.split()))


def _syllables(word: str) -> int:
    word = _SILENT_E.sub("", _CONSONANT_Y.sub("j", word))
    # a word without vowels is said letter by letter
    return len(_VOWELS.findall(word)) + len(_HIATUS.findall(word)) or len(word)


def add_wake_phrase(builder: GrammarBuilder, phrase: str, tag: int) -> int:
    """Add a wake phrase from the start on, with its tag behind; return the state after it. Raises CommandsError."""
    check_wake_phrase(phrase)
    cursor = builder.add_tag(builder.add_text(Cursor(start=0), phrase), tag)
    end = cursor.gap if cursor.word is None else cursor.word  # a gap follows the punctuation of "hey computer!"
    assert end is not None
    return end
