"""Finite automata over symbols: building, determinising, minimising, and putting one in the place of a symbol.

The algorithms are OpenFst's (Allauzen et al. 2007), through kaldifst.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import kaldifst
import numpy as np
import numpy.typing as npt

EPSILON = 0
Ints = npt.NDArray[np.int32]


class TooLarge(ValueError):
    """An automaton that outgrew its limit. The message names the limit."""


@dataclass
class AutomatonBuilder:
    """An automaton as it is drawn, nondeterministic. State 0 is its start."""

    limit: int  # of arcs
    states: int = 1
    arcs: list[tuple[int, int, int]] = field(default_factory=list)  # from, symbol, to
    ends: set[int] = field(default_factory=set)

    def state(self) -> int:
        """Return a new state."""
        self.states += 1
        return self.states - 1

    def arc(self, source: int, symbol: int, target: int) -> None:
        """Draw an arc. Raises TooLarge."""
        if len(self.arcs) >= self.limit:
            raise TooLarge(f"more than {self.limit:,} arcs")
        self.arcs.append((source, symbol, target))

    def step(self, source: int, symbol: int) -> int:
        """Draw an arc to a new state and return that."""
        target = self.state()
        self.arc(source, symbol, target)
        return target

    def finish(self) -> Automaton:
        """Return the smallest deterministic automaton of the same sentences. Raises TooLarge."""
        fst = kaldifst.StdVectorFst()
        for _ in range(self.states):
            fst.add_state()
        fst.start = 0
        for source, symbol, target in self.arcs:
            # as a transducer without output, so that the determinisation keeps no strings
            fst.add_arc(source, kaldifst.StdArc(symbol, EPSILON, 0.0, target))
        for state in self.ends:
            fst.set_final(state, 0.0)
        kaldifst.connect(fst)
        if fst.start < 0:
            return Automaton(1, np.zeros((0, 3), np.int32), np.zeros(0, np.int32))
        try:
            kaldifst.determinize_star(fst, max_states=self.limit)
        except RuntimeError as error:  # it has passed that many states
            raise TooLarge(f"more than {self.limit:,} states") from error
        kaldifst.minimize(fst)
        return _read(fst)


@dataclass(frozen=True)
class Automaton:
    """Arcs as rows (from, symbol, to), shape (arcs, 3), and the states in which a sentence may end. It starts in 0."""

    states: int
    arcs: Ints
    ends: Ints

    def substitute(self, parts: Mapping[int, Automaton], limit: int) -> Automaton:
        """Put automata in the place of symbols. Arcs of one symbol to one state share their part.

        Raises:
            TooLarge: the result would have more than `limit` arcs. Nothing of it is built then.
        """
        symbols = self.arcs[:, 1]
        calls = np.isin(symbols, np.fromiter(parts, np.int32, len(parts)))
        places, instances = np.unique(self.arcs[calls][:, 1:], axis=0, return_inverse=True)
        entries = {symbol: part.arcs[part.arcs[:, 0] == 0] for symbol, part in parts.items()}
        size = int((~calls).sum()) + sum(len(entries[s]) for s in symbols[calls].tolist())
        size += sum(len(parts[s].arcs) + len(parts[s].ends) for s in places[:, 0].tolist())
        if size > limit:
            raise TooLarge(f"{size:,} arcs, of at most {limit:,}")
        rows = [self.arcs[~calls]]
        states = self.states
        offsets = []
        for symbol, target in places.tolist():
            part = parts[symbol]
            offsets.append(states)
            rows.append(part.arcs + np.array([states, 0, states], np.int32))
            ends = np.full((len(part.ends), 3), (0, EPSILON, target), np.int32)
            ends[:, 0] = part.ends + states
            rows.append(ends)
            states += part.states
        # a call steps right behind the part's start: no epsilon leads into it
        for source, symbol, instance in zip(
            self.arcs[calls, 0].tolist(), symbols[calls].tolist(), instances.ravel(), strict=True
        ):
            entry = entries[symbol] + np.array([0, 0, offsets[instance]], np.int32)
            entry[:, 0] = source
            rows.append(entry)
        return Automaton(states, np.concatenate(rows), self.ends)


def _read(fst: kaldifst.StdVectorFst) -> Automaton:
    rows: list[tuple[int, int, int]] = []
    ends: list[int] = []
    # the start comes first
    number = {fst.start: 0}
    for state in range(fst.num_states):
        number.setdefault(state, len(number))
    for state in range(fst.num_states):
        rows += [(number[state], arc.ilabel, number[arc.nextstate]) for arc in kaldifst.ArcIterator(fst, state)]
        if fst.final(state).value < float("inf"):
            ends.append(number[state])
    return Automaton(len(number), np.array(rows, np.int32).reshape(-1, 3), np.array(ends, np.int32))
