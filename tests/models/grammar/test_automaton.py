import random

import pytest

from oyez.models.grammar.automaton import EPSILON, AutomatonBuilder, TooLarge


def accepted(automaton, longest=8):
    """All strings of an automaton that are not longer, by walking it."""
    following = {}
    for source, symbol, target in automaton.arcs.tolist():
        following.setdefault(source, []).append((symbol, target))
    found, seen, pending = set(), set(), [(0, ())]
    while pending:
        state, text = pending.pop()
        if (state, text) in seen:
            continue
        seen.add((state, text))
        if state in automaton.ends:
            found.add(text)
        for symbol, target in following.get(state, []):
            longer = text if symbol == EPSILON else (*text, symbol)
            if len(longer) <= longest:
                pending.append((target, longer))
    return found


def trie_of(texts, limit=10_000):
    draft = AutomatonBuilder(limit)
    for text in texts:
        state = 0
        for symbol in text:
            state = draft.step(state, symbol)
        draft.ends.add(state)
    return draft


@pytest.mark.parametrize("seed", range(5))
def test_finished_automaton_accepts_the_same_and_is_deterministic_and_smaller(seed):
    chance = random.Random(seed)
    texts = {tuple(chance.choices((1, 2, 3), k=chance.randint(1, 6))) for _ in range(60)}
    draft = trie_of(texts)
    automaton = draft.finish()
    assert accepted(automaton) == texts
    assert len({(source, symbol) for source, symbol, _ in automaton.arcs.tolist()}) == len(automaton.arcs)
    assert automaton.states < draft.states


def test_epsilon_loops_end():
    draft = AutomatonBuilder(100)
    one = draft.step(0, 1)
    draft.arc(one, EPSILON, 0)
    draft.ends.add(one)
    assert accepted(draft.finish(), longest=3) == {(1,), (1, 1), (1, 1, 1)}


@pytest.mark.parametrize("ends", [set(), {1}])
def test_an_automaton_of_nothing_has_no_arcs(ends):
    draft = AutomatonBuilder(10)
    draft.state()
    draft.ends = ends
    assert not len(draft.finish().arcs)


@pytest.mark.parametrize("seed", range(4))
def test_substitution_puts_each_text_of_a_part_in_the_place_of_its_symbol(seed):
    chance = random.Random(seed)
    parts = {8: {(1,), (1, 2), (3, 3)}, 9: {(2,), (2, 1)}}
    whole = {tuple(chance.choices((1, 2, 8, 9), k=chance.randint(1, 3))) for _ in range(12)}
    texts = {()}
    expected = set()
    for text in whole:
        texts = {()}
        for symbol in text:
            texts = {before + after for before in texts for after in parts.get(symbol, {(symbol,)})}
        expected |= texts
    small = {symbol: trie_of(texts).finish() for symbol, texts in parts.items()}
    assert accepted(trie_of(whole).finish().substitute(small, 10_000)) == expected


def test_a_part_may_loop():
    part = AutomatonBuilder(10)
    inside = part.step(0, 1)
    part.arc(inside, 1, inside)
    part.arc(inside, 2, 0)
    part.ends.add(inside)
    joined = trie_of({(8, 3)}).finish().substitute({8: part.finish()}, 100)
    assert accepted(joined, 4) == {(1, 3), (1, 1, 3), (1, 1, 1, 3), (1, 2, 1, 3)}


def test_limits_hold():
    with pytest.raises(TooLarge, match="more than 3 arcs"):
        trie_of({(1, 1, 1, 1)}, limit=3)
    # (a|b) then n more: a deterministic automaton needs 2 ** n states
    draft = AutomatonBuilder(60)
    for symbol in (1, 2):
        draft.arc(0, symbol, 0)
    state = draft.step(0, 1)
    for _ in range(20):
        following = draft.state()
        for symbol in (1, 2):
            draft.arc(state, symbol, following)
        state = following
    draft.ends.add(state)
    with pytest.raises(TooLarge, match="more than 60 states"):
        draft.finish()
    with pytest.raises(TooLarge, match="of at most 2"):
        trie_of({(8,), (1, 8)}).finish().substitute({8: trie_of({(1, 2), (2, 1)}).finish()}, 2)
