"""Sentence templates, as hassil parses them, built into automata over characters, lists and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Protocol

from hassil.expression import Alternative, Expression, Group, ListReference, Permutation, RuleReference, TextChunk

from oyez.data.alphabet import APOSTROPHE, LABELS, SPACE, encode
from oyez.models.grammar.automaton import EPSILON, AutomatonBuilder, TooLarge
from oyez.models.grammar.spoken import Readings, spoken
from oyez.models.grammar.tags import Tags, WrittenTag

_LONGEST_PERMUTATION = 8  # parts: it takes 2 ** parts cursors


@dataclass(frozen=True)
class Cursor:
    """Where a sentence stands: at its start, inside a word, in a gap between two, or in several of these.

    Each is a state or None. So spaces come out single whatever is optional around them, and none at either end.
    """

    start: int | None = None
    word: int | None = None
    gap: int | None = None

    @property
    def states(self) -> list[int]:
        """The states of the cursor; without any, it is never reached."""
        return [state for state in (self.start, self.word, self.gap) if state is not None]


class Names(Protocol):
    """What the names in a template mean."""

    def rule(self, name: str) -> Expression:
        """Return the body of a rule, which is left with `leave_rule`."""

    def leave_rule(self) -> None:
        """Leave the rule named last: its body has been added."""

    def reference(self, reference: ListReference) -> tuple[int | None, int | None]:
        """Return the symbol of a list, None if none of its values is allowed here; and that of the tag of its slot."""


class GrammarBuilder:
    """Adds expressions to an automaton. Each method takes the cursor to start from and returns where it leads."""

    def __init__(
        self,
        automaton: AutomatonBuilder,
        tags: Tags,
        spellings: Mapping[str, Sequence[str]],
        vocabulary: frozenset[str] = frozenset(),
    ) -> None:
        """Make a builder.

        Args:
            automaton: what expressions are added to.
            tags: the tags of the grammar.
            spellings: further ways to say a word or phrase, all spelled out.
            vocabulary: words, of which readings have to be made; without any, or where there is no such reading, all
                words will do.
        """
        self.automaton = automaton
        self._tags = tags
        self._spellings = spellings
        self._vocabulary = vocabulary
        self._longest = max((2 * phrase.count(" ") + 1 for phrase in spellings), default=0)  # parts: words and gaps
        self._steps = 0

    def add(self, cursor: Cursor, expression: Expression, names: Names) -> Cursor:
        """Add an expression.

        Raises:
            TooLarge: it has more parts than the automaton may have arcs.
            oyez.models.grammar.spoken.SpokenError: a character of it has no reading.
        """
        self._steps += 1
        if self._steps > self.automaton.limit:  # rules may double without adding an arc
            raise TooLarge(f"more than {self.automaton.limit:,} parts")
        match expression:
            case TextChunk():
                return self.add_text(cursor, expression.original_text)
            case RuleReference():
                cursor = self.add(cursor, names.rule(expression.rule_name), names)
                names.leave_rule()
                return cursor
            case ListReference():
                symbol, slot = names.reference(expression)
                cursor = Cursor() if symbol is None else self.add_symbol(cursor, symbol)
                return cursor if slot is None else self.add_tag(cursor, slot)
            case Alternative():
                return self.join(self.add(cursor, item, names) for item in expression.items)
            case Permutation():
                return self._add_permutation(cursor, expression.items, names)
            case Group():
                # hassil has a chunk of text for each word, and a phrase of several may have spellings
                for kind, items in groupby(expression.items, key=type):
                    if kind is TextChunk:
                        text = "".join(item.original_text for item in items if isinstance(item, TextChunk))
                        cursor = self.add_text(cursor, text)
                        continue
                    for item in items:
                        cursor = self.add(cursor, item, names)
                return cursor
        raise TypeError(f"an expression of hassil's that is not supported: {expression}")

    def _add_permutation(self, cursor: Cursor, items: Sequence[Expression], names: Names) -> Cursor:
        """Add parts in any order: there is a cursor for each set of parts that have been said."""
        if len(items) > _LONGEST_PERMUTATION:
            raise TooLarge(f"{len(items)} parts in any order (limit {_LONGEST_PERMUTATION})")
        cursors: dict[tuple[int, ...], Cursor] = {(): cursor}
        for size in range(1, len(items) + 1):
            for said in combinations(range(len(items)), size):
                cursors[said] = self.join(
                    self.add(cursors[tuple(part for part in said if part != last)], items[last], names) for last in said
                )
        return cursors[tuple(range(len(items)))]

    def add_text(self, cursor: Cursor, text: str) -> Cursor:
        """Add a text as it is spoken, in all its readings. Raises SpokenError."""
        parts = list(spoken(text))
        while parts:
            readings, length = self._phrase(parts)
            if not readings:
                cursor = self.add_gap(cursor)
            else:
                cursor = self.join(self._add_reading(cursor, readings[0], said) for said in self.usable(readings))
            del parts[:length]
        return cursor

    def usable(self, readings: Readings) -> Readings:
        """Return the readings in words of the vocabulary; the first one if there is none."""
        if not self._vocabulary:
            return readings
        return tuple(said for said in readings if self._vocabulary.issuperset(said.split())) or readings[:1]

    def _phrase(self, parts: Sequence[Readings]) -> tuple[Readings, int]:
        """Return the longest phrase with given spellings that the parts begin with, or else the first part alone."""
        for length in range(min(len(parts), self._longest), 0, -1):
            written = "".join(readings[0] if readings else " " for readings in parts[:length])
            if written in self._spellings:
                return tuple(dict.fromkeys([written, *self._spellings[written]])), length
        return parts[0], 1

    def _add_reading(self, cursor: Cursor, written: str, said: str) -> Cursor:
        cursor = self.add_characters(cursor, said)
        return cursor if said == written else self.add_tag(cursor, self._tags.symbol(WrittenTag(written, len(said))))

    def add_characters(self, cursor: Cursor, characters: str) -> Cursor:
        """Add characters of the alphabet. An apostrophe before a word is a quotation mark, and not spoken."""
        for label in encode(characters):
            if label == SPACE:
                cursor = self.add_gap(cursor)
            elif label == APOSTROPHE:
                inside = self.add_symbol(Cursor(word=cursor.word), label)
                cursor = Cursor(cursor.start, inside.word, cursor.gap)
            else:
                cursor = self.add_symbol(cursor, label)
        return cursor

    def add_symbol(self, cursor: Cursor, symbol: int) -> Cursor:
        """Add a letter, or a symbol that stands for several."""
        sources = [state for state in (cursor.start, cursor.word) if state is not None]
        if cursor.gap is not None:
            sources.append(self.automaton.step(cursor.gap, SPACE))
        if not sources:
            return Cursor()
        target = self.automaton.state()
        for source in sources:
            self.automaton.arc(source, symbol, target)
        return Cursor(word=target)

    def add_gap(self, cursor: Cursor) -> Cursor:
        """Leave the word, if there is one."""
        return Cursor(start=cursor.start, gap=self._merge([cursor.word, cursor.gap]))

    def add_tag(self, cursor: Cursor, tag: int) -> Cursor:
        """Add a tag, for which nothing is said."""
        states = (cursor.start, cursor.word, cursor.gap)
        return Cursor(*(None if state is None else self.automaton.step(state, tag) for state in states))

    def join(self, cursors: Iterable[Cursor]) -> Cursor:
        """Return a cursor that is wherever one of several is."""
        several = list(cursors)
        return Cursor(
            self._merge([cursor.start for cursor in several]),
            self._merge([cursor.word for cursor in several]),
            self._merge([cursor.gap for cursor in several]),
        )

    def _merge(self, states: Iterable[int | None]) -> int | None:
        different = list(dict.fromkeys(state for state in states if state is not None))
        if len(different) < 2:
            return different[0] if different else None
        target = self.automaton.state()
        for state in different:
            self.automaton.arc(state, EPSILON, target)
        return target


def add_any_words(automaton: AutomatonBuilder, start: int) -> None:
    """Add one or more words of free text from a state on, and end."""
    inside = automaton.state()
    for label in range(SPACE + 1, LABELS):
        automaton.arc(start, LABELS + label, inside)
        automaton.arc(inside, LABELS + label, inside)
    automaton.arc(inside, LABELS + SPACE, start)
    automaton.ends.add(inside)
