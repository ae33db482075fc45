import json

import pytest

from oyez.data.alphabet import LABELS, decode, encode
from oyez.models.grammar.tags import SentenceTag, SlotTag, Tags, ValueTag, WakeTag, WrittenTag, interpret


@pytest.fixture
def tags():
    return Tags()


def path(tags, *parts):
    """Texts, tags, and ("free", text) -> symbols."""
    symbols = []
    for part in parts:
        if isinstance(part, str):
            symbols += encode(part)
        elif isinstance(part, tuple):
            symbols += [LABELS + label for label in encode(part[1])]
        else:
            symbols.append(tags.symbol(part))
    return symbols


def test_slots_hold_values_and_free_text(tags):
    match = interpret(
        path(tags, "put ", ("free", "oat milk"), SlotTag("item"), " on ", "my list", ValueTag("list", 7), SlotTag("to"),
             SentenceTag("Add", 2)),
        tags,
    )  # fmt: skip
    assert (match.intent, match.block, match.slots) == ("Add", 2, {"item": "oat milk", "to": 7})
    assert match.text == decode(match.labels) == "put oat milk on my list"
    assert match.free_letters == 8
    assert not match.woken


def test_a_value_belongs_to_the_slot_right_behind_it(tags):
    match = interpret(path(tags, "a", ValueTag("x", 1), " ", ("free", "b"), SlotTag("y"), SentenceTag("Go", 0)), tags)
    assert match.slots == {"y": "b"}


def test_what_was_said_in_another_way_is_written_as_in_the_file(tags):
    match = interpret(
        path(tags, "my why fie", WrittenTag("wi fi", 7), " t v", WrittenTag("tv", 3), "s on", SentenceTag("Go", 0)),
        tags,
    )
    assert match.text == "my wi fi tvs on"
    assert decode(match.labels) == "my why fie t vs on"
    assert match.spans == ((0, 0), (1, 1), (2, 2), (3, 4), (5, 5))


def test_the_wake_phrase_alone_is_no_intent(tags):
    match = interpret(path(tags, "hey oyez", WakeTag()), tags)
    assert (match.intent, match.woken, match.text) == (None, True, "hey oyez")


def test_tags_survive_json(tags):
    kept = [SentenceTag("Go", 1), ValueTag("x", {"a": [1, None]}, 3), SlotTag("s"), WrittenTag("tv", 3), WakeTag()]
    symbols = [tags.symbol(tag) for tag in kept]
    tags.symbol(("a", "list"))
    loaded = Tags.from_json(json.loads(json.dumps(tags.to_json())))
    assert [loaded[symbol] for symbol in symbols] == kept


def test_values_that_cannot_be_hashed_have_symbols_of_their_own(tags):
    one, other = tags.symbol(ValueTag("x", [1], 0)), tags.symbol(ValueTag("x", [2], 1))
    assert one != other == tags.symbol(ValueTag("x", [2], 1))
