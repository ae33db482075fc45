"""Search for the likeliest sentence of a grammar in CTC log-probabilities.

The grammar, an automaton over characters, is composed with the CTC topology (Miao et al. 2015, arXiv:1507.08240) into
one graph whose arcs take a step each, and that is searched by token passing with a beam (Kaldi's, by kaldi-decoder).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import kaldifst
import numpy as np
from kaldi_decoder import (
    DecodableCtc,
    FasterDecoder,
    FasterDecoderOptions,
    LatticeSimpleDecoder,
    LatticeSimpleDecoderConfig,
)

from oyez.data.alphabet import BLANK, LABELS
from oyez.models.decoding.decoder import LogProbs
from oyez.models.grammar.automaton import EPSILON, Automaton

BEAM = 24.0
_MAX_ACTIVE = 2000  # paths that are followed at a step
_MAX_SEVERAL = 20_000  # states in which different paths are told apart
FIRST_TAG = 2 * LABELS  # symbols from here on are tags, for which nothing is said
FREE_LETTER = 1.0  # nats that a letter of free text costs: given words are heard before any words


@dataclass(frozen=True)
class Path:
    """A sentence of the grammar: the symbols along the way, and the log-probability of its best alignment."""

    symbols: tuple[int, ...]
    score: float  # less what its free text costs


class Grammar:
    """A set of sentences that log-probabilities can be searched for."""

    def __init__(self, graph: kaldifst.StdConstFst) -> None:
        self.graph = graph

    @classmethod
    def of(cls, automaton: Automaton) -> Grammar:
        """Make the grammar of an automaton over labels, LABELS + label for free text, and tags from FIRST_TAG on."""
        sentences = kaldifst.StdVectorFst()
        for _ in range(automaton.states):
            sentences.add_state()
        sentences.start = 0
        for source, symbol, target in automaton.arcs.tolist():
            label = symbol % LABELS if symbol < FIRST_TAG else EPSILON
            cost = FREE_LETTER if LABELS <= symbol < FIRST_TAG else 0.0
            sentences.add_arc(source, kaldifst.StdArc(label, symbol, cost, target))
        for state in automaton.ends.tolist():
            sentences.set_final(state, 0.0)
        kaldifst.arcsort(sentences, "ilabel")
        return cls(kaldifst.StdConstFst(kaldifst.compose(_ctc_topology(), sentences)))

    @property
    def states(self) -> int:
        """Of the graph that is searched."""
        return int(self.graph.num_states)

    @property
    def arcs(self) -> int:
        """Of the graph that is searched."""
        return sum(self.graph.num_arcs(state) for state in range(self.states))

    def search(self, log_probs: LogProbs, beam: float = BEAM) -> Path | None:
        """Return the likeliest sentence, by its best alignment, or None if no path to the end of one was followed.

        Args:
            log_probs: shape (steps, labels).
            beam: nats below the best that a path may be and still be followed. What sounds like no sentence often
                leaves none; with an infinite beam only where each is too long for the recording.

        Raises:
            ValueError: the log-probabilities are of other labels than the alphabet's.
        """
        _check(log_probs)
        decoder = FasterDecoder(self.graph, FasterDecoderOptions(beam=beam, max_active=_MAX_ACTIVE))
        decoder.decode(DecodableCtc(np.ascontiguousarray(log_probs, np.float32)))
        if not decoder.reached_final():
            return None
        _, path = decoder.get_best_path()
        _, _, symbols, weight = kaldifst.get_linear_symbol_sequence(path)
        return Path(tuple(symbols), -(weight.value1 + weight.value2))

    def search_several(self, log_probs: LogProbs, number: int, beam: float = BEAM) -> list[Path]:
        """Return the likeliest different paths, best first, at most `number` of them. See `search`."""
        _check(log_probs)
        decoder = LatticeSimpleDecoder(self.graph, LatticeSimpleDecoderConfig(beam=beam, lattice_beam=beam))
        if not decoder.decode(DecodableCtc(np.ascontiguousarray(log_probs, np.float32))):
            return []
        _, lattice = decoder.get_raw_lattice()
        sentences = kaldifst.compile("".join(_acceptor_lines(str(lattice))), acceptor=True)
        try:
            # of the alignments of a path, the best one remains
            kaldifst.determinize_star(sentences, max_states=_MAX_SEVERAL)
        except RuntimeError:  # free text: there are more paths than anybody could compare
            return [best] if (best := self.search(log_probs, beam)) else []
        paths = kaldifst.convert_nbest_to_vector(kaldifst.shortest_path(sentences, n=number))
        sequences = [kaldifst.get_linear_symbol_sequence(path) for path in paths]
        return [Path(tuple(symbols), -weight.value) for _, symbols, _, weight in sequences]


def _check(log_probs: LogProbs) -> None:
    if log_probs.ndim != 2 or log_probs.shape[1] != LABELS:  # the decoder would read beyond the rows
        raise ValueError(f"log-probabilities of shape {tuple(log_probs.shape)} are not of {LABELS} labels a step")


def _acceptor_lines(lattice: str) -> Iterator[str]:
    """Turn a lattice in OpenFst's text format into an acceptor of its output symbols, with one weight an arc.

    A line is `from to input output weight` or `state weight`; a weight of one is left out, others are two numbers.
    """
    for line in lattice.splitlines():
        *place, last = line.split()
        if len(place) in (1, 4):
            weight = sum(map(float, last.split(",")))
        else:
            place, weight = [*place, last], 0.0
        yield " ".join([*(place[:2] + place[3:]), str(weight)]) + "\n"


@cache
def _ctc_topology() -> kaldifst.StdVectorFst:
    """Return the transducer from steps to characters: state 0 after a blank, state c after character c.

    A step's label is one higher on its arc, where 0 stands for no step at all.
    """
    topology = kaldifst.StdVectorFst()
    for _ in range(LABELS):
        topology.add_state()
    topology.start = BLANK
    for state in range(LABELS):
        topology.set_final(state, 0.0)
        topology.add_arc(state, kaldifst.StdArc(BLANK + 1, EPSILON, 0.0, BLANK))
        if state != BLANK:
            topology.add_arc(state, kaldifst.StdArc(state + 1, EPSILON, 0.0, state))
        for label in range(1, LABELS):
            if label != state:
                topology.add_arc(state, kaldifst.StdArc(label + 1, label, 0.0, label))
    kaldifst.arcsort(topology, "olabel")
    return topology
