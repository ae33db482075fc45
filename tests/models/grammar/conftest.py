"""What the tests of commands files share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from oyez.data.alphabet import LABELS, decode
from oyez.models.grammar.automaton import EPSILON, Automaton
from oyez.models.grammar.compiler import Compiled, compile_commands
from oyez.models.grammar.reading import parse_commands
from oyez.models.grammar.search import FIRST_TAG


@pytest.fixture(scope="session")
def compiled() -> Callable[[str], Compiled]:
    """The text of a commands file in YAML -> compiled."""
    return lambda text: compile_commands(*parse_commands(text, is_yaml=True))


@pytest.fixture(scope="session")
def of_sentences() -> Callable[..., Compiled]:
    """Templates of one intent, Go -> compiled."""

    def build(*templates: str, rest: str = "") -> Compiled:
        listed = "".join(f"          - {template!r}\n" for template in templates)
        text = f"intents:\n  Go:\n    data:\n      - sentences:\n{listed}{rest}"
        return compile_commands(*parse_commands(text, is_yaml=True))

    return build


@pytest.fixture(scope="session")
def language() -> Callable[[Automaton], set[str]]:
    """An automaton without loops -> all texts that it accepts."""

    def texts(automaton: Automaton) -> Iterator[str]:
        following: dict[int, list[tuple[int, int]]] = {}
        for source, symbol, target in automaton.arcs.tolist():
            following.setdefault(source, []).append((symbol, target))
        ends = set(automaton.ends.tolist())
        pending = [(0, "")]
        while pending:
            state, text = pending.pop()
            if state in ends:
                yield text
            for symbol, target in following.get(state, []):
                silent = symbol == EPSILON or symbol >= FIRST_TAG
                pending.append((target, text if silent else text + decode([symbol % LABELS])))

    return lambda automaton: set(texts(automaton))
