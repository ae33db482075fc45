"""Sentence templates, as hassil parses them, drawn as automata over characters, lists and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Protocol

from hassil.expression import Alternative, Expression, Group, ListReference, Permutation, RuleReference, TextChunk

from oyez.data.alphabet import LABELS, SPACE, encode
from oyez.models.grammar.automaton import EPSILON, AutomatonBuilder, TooLarge
from oyez.models.grammar.spoken import Spoken, spoken
from oyez.models.grammar.tags import Tags, WrittenTag

_LONGEST_PERMUTATION = 8  # parts: it is drawn with 2 ** parts places


@dataclass(frozen=True)
class Place:
    """Where a sentence stands: at its start, inside a word, in a gap between two, or in several of these.

    Each is a state or None. So spaces come out single whatever is optional around them, and none at either end.
    """

    start: int | None = None
    word: int | None = None
    gap: int | None = None

    @property
    def states(self) -> list[int]:
        """The states of the place."""
        return [state for state in (self.start, self.word, self.gap) if state is not None]


class Names(Protocol):
    """What the names in a template mean."""

    def rule(self, name: str) -> Expression:
        """Return the body of a rule, which is left with `leave_rule`."""

    def leave_rule(self) -> None:
        """Tell that the body has been drawn."""

    def reference(self, reference: ListReference) -> tuple[int | None, int | None]:
        """Return the symbol of a list, None if nothing of it may be said here, and the one of the tag of its slot."""


class Pen:
    """Draws expressions into an automaton."""

    def __init__(self, draft: AutomatonBuilder, tags: Tags, spellings: Mapping[str, Sequence[str]]) -> None:
        """Make a pen; `spellings` are further ways to say a word or phrase, all spelled out."""
        self.draft = draft
        self._tags = tags
        self._spellings = spellings
        self._longest = max((2 * phrase.count(" ") + 1 for phrase in spellings), default=0)  # parts: words and gaps
        self._steps = 0

    def draw(self, place: Place, expression: Expression, names: Names) -> Place:
        """Draw an expression from a place on and return where it leads; a place without states is never reached.

        Raises:
            TooLarge: it does not end within the draft's limit.
            models.commands.spoken.SpokenError: nobody can say a character of it.
        """
        self._steps += 1
        if self._steps > self.draft.limit:  # rules may double without drawing anything
            raise TooLarge(f"more than {self.draft.limit:,} parts")
        match expression:
            case TextChunk():
                return self.text(place, expression.original_text)
            case RuleReference():
                place = self.draw(place, names.rule(expression.rule_name), names)
                names.leave_rule()
                return place
            case ListReference():
                symbol, slot = names.reference(expression)
                place = Place() if symbol is None else self.symbol(place, symbol)
                return place if slot is None else self.tag(place, slot)
            case Alternative():
                return self.join(self.draw(place, item, names) for item in expression.items)
            case Permutation():
                return self._permutation(place, expression.items, names)
            case Group():
                # hassil has a chunk of text for each word, and a phrase of several may have spellings
                for kind, items in groupby(expression.items, key=type):
                    if kind is TextChunk:
                        text = "".join(item.original_text for item in items if isinstance(item, TextChunk))
                        place = self.text(place, text)
                        continue
                    for item in items:
                        place = self.draw(place, item, names)
                return place
        raise TypeError(f"hassil knows an expression that Oyez does not: {expression}")

    def _permutation(self, place: Place, items: Sequence[Expression], names: Names) -> Place:
        """Draw parts in any order: a place for each set of parts that have been said."""
        if len(items) > _LONGEST_PERMUTATION:
            raise TooLarge(f"{len(items)} parts in any order, of at most {_LONGEST_PERMUTATION}")
        places: dict[tuple[int, ...], Place] = {(): place}
        for size in range(1, len(items) + 1):
            for said in combinations(range(len(items)), size):
                places[said] = self.join(
                    self.draw(places[tuple(each for each in said if each != last)], items[last], names) for last in said
                )
        return places[tuple(range(len(items)))]

    def text(self, place: Place, text: str) -> Place:
        """Draw a text as it is spoken, in all its readings. Raises SpokenError."""
        parts = list(spoken(text))
        while parts:
            phrase, length = self._phrase(parts)
            if not phrase.readings:
                place = self.gap(place)
            else:
                place = self.join(self._reading(place, phrase.readings[0], said) for said in phrase.readings)
            del parts[:length]
        return place

    def _phrase(self, parts: Sequence[Spoken]) -> tuple[Spoken, int]:
        """Return the longest phrase with given spellings that the parts begin with, or else the first part alone."""
        for length in range(min(len(parts), self._longest), 0, -1):
            first = "".join(part.readings[0] if part.readings else " " for part in parts[:length])
            if first in self._spellings:
                return Spoken(first, tuple(dict.fromkeys([first, *self._spellings[first]]))), length
        return parts[0], 1

    def _reading(self, place: Place, written: str, said: str) -> Place:
        place = self.characters(place, said)
        return place if said == written else self.tag(place, self._tags.symbol(WrittenTag(written, len(said))))

    def characters(self, place: Place, characters: str) -> Place:
        """Draw characters of the alphabet."""
        for label in encode(characters):
            place = self.gap(place) if label == SPACE else self.symbol(place, label)
        return place

    def symbol(self, place: Place, symbol: int) -> Place:
        """Draw a letter, or a symbol that stands for some."""
        sources = [state for state in (place.start, place.word) if state is not None]
        if place.gap is not None:
            sources.append(self.draft.step(place.gap, SPACE))
        if not sources:
            return Place()
        target = self.draft.state()
        for source in sources:
            self.draft.arc(source, symbol, target)
        return Place(word=target)

    def gap(self, place: Place) -> Place:
        """Leave the word, if there is one."""
        return Place(start=place.start, gap=self._merge([place.word, place.gap]))

    def tag(self, place: Place, tag: int) -> Place:
        """Draw a tag, for which nothing is said."""
        start, word, gap = (
            None if state is None else self.draft.step(state, tag) for state in (place.start, place.word, place.gap)
        )
        return Place(start, word, gap)

    def join(self, places: Iterable[Place]) -> Place:
        """Go on from several places as one."""
        several = list(places)
        return Place(
            self._merge([place.start for place in several]),
            self._merge([place.word for place in several]),
            self._merge([place.gap for place in several]),
        )

    def _merge(self, states: Iterable[int | None]) -> int | None:
        different = list(dict.fromkeys(state for state in states if state is not None))
        if len(different) < 2:
            return different[0] if different else None
        target = self.draft.state()
        for state in different:
            self.draft.arc(state, EPSILON, target)
        return target


def draw_any_words(draft: AutomatonBuilder, start: int) -> None:
    """Draw one or more words of free text from a state on, and end."""
    inside = draft.state()
    for label in range(SPACE + 1, LABELS):
        draft.arc(start, LABELS + label, inside)
        draft.arc(inside, LABELS + label, inside)
    draft.arc(inside, LABELS + SPACE, start)
    draft.ends.add(inside)
