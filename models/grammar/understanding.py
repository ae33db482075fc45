"""A text against a grammar: what it would mean if it was said, or which sentence is nearest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.models.grammar.automaton import EPSILON
from oyez.models.grammar.compiler import Compiled
from oyez.models.grammar.search import FIRST_TAG, Grammar
from oyez.models.grammar.spoken import spell
from oyez.models.grammar.tags import Match, interpret

LONGEST_TEXT = 500  # characters
_MOST = 100  # meanings of one text
_WRONG = -4.0  # log-probability of a letter that the text does not have there
_ROOM = 20

Place = tuple[int, int]  # state of the automaton, and how many labels of a text were read on the way to it
_START = (0, 0)


class Understanding:
    """Reads texts by a compiled commands file."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        arcs = compiled.automaton.arcs
        self._arcs = arcs[np.argsort(arcs[:, 0], kind="stable")]
        self._first = np.searchsorted(self._arcs[:, 0], np.arange(compiled.automaton.states + 1))
        self._ends = set(compiled.automaton.ends.tolist())

    def meanings(self, text: str) -> list[Match]:
        """Return all that a text means, in the order of the file; no free text before free text.

        Raises:
            models.commands.spoken.SpokenError: nobody can say it.
        """
        labels = encode(spell(text))
        steps = self._steps(labels)
        found: list[tuple[int, ...]] = []
        pending: list[tuple[Place, tuple[int, ...]]] = [(_START, ())]  # with the symbols so far
        while pending and len(found) < _MOST:
            place, path = pending.pop()
            if self._is_end(place, labels):
                found.append(path)
            for symbol, target in steps.get(place, ()):
                pending.append((target, path if symbol == EPSILON else (*path, symbol)))
        matches = [interpret(path, self.compiled.tags) for path in found]
        intents = [None, *self.compiled.file.intents]
        matches.sort(key=lambda match: (match.free_letters, intents.index(match.intent), match.block))
        distinct: dict[tuple[str | None, int, str], Match] = {}
        for match in matches:
            distinct.setdefault((match.intent, match.block, repr(match.slots)), match)
        return list(distinct.values())

    def _steps(self, labels: Sequence[int]) -> dict[Place, list[tuple[int, Place]]]:
        """Return the symbols and places that follow each place from which the end of a text can be reached."""
        steps: dict[Place, list[tuple[int, Place]]] = {}
        before: defaultdict[Place, list[Place]] = defaultdict(list)
        pending = [_START]
        while pending:
            place = pending.pop()
            if place not in steps:
                steps[place] = list(self._steps_from(place, labels))
                for _, target in steps[place]:
                    before[target].append(place)
                    pending.append(target)
        leading: set[Place] = set()  # to the end
        pending = [place for place in steps if self._is_end(place, labels)]
        while pending:
            place = pending.pop()
            if place not in leading:
                leading.add(place)
                pending += before[place]
        return {place: [step for step in steps[place] if step[1] in leading] for place in leading}

    def _steps_from(self, place: Place, labels: Sequence[int]) -> Iterator[tuple[int, Place]]:
        state, read = place
        for _, symbol, target in self._arcs[self._first[state] : self._first[state + 1]].tolist():
            if symbol == EPSILON or symbol >= FIRST_TAG:
                yield symbol, (target, read)
            elif read < len(labels) and symbol % LABELS == labels[read]:
                yield symbol, (target, read + 1)

    def _is_end(self, place: Place, labels: Sequence[int]) -> bool:
        state, read = place
        return read == len(labels) and state in self._ends

    @cached_property
    def _grammar(self) -> Grammar:
        return self.compiled.grammar()

    def nearest(self, text: str) -> Match | None:
        """Return the sentence that is spelled most like a text. Raises models.commands.spoken.SpokenError."""
        labels = encode(spell(text))
        if not labels:
            return None
        # each letter, with room for two more behind it, and for a word more at the end
        log_probs = np.full((3 * len(labels) + _ROOM, LABELS), _WRONG, np.float32)
        log_probs[:, BLANK] = 0.0
        letters = 3 * np.arange(len(labels))
        log_probs[letters, BLANK] = _WRONG
        log_probs[letters, labels] = 0.0
        path = self._grammar.search(log_probs, beam=_WRONG * -_ROOM)
        return None if path is None else interpret(path.symbols, self.compiled.tags)
