"""Tags: the symbols between the letters of a grammar that say what these mean; and reading a path by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from oyez.data.alphabet import LABELS, SPACE, decode
from oyez.models.grammar.search import FIRST_TAG


@dataclass(frozen=True)
class SentenceTag:
    """A sentence of this intent, from this of its blocks, has been said."""

    intent: str
    block: int


@dataclass(frozen=True)
class ValueTag:
    """The words before it are a value of a list."""

    list: str
    out: Any = field(hash=False)
    number: int = 0  # which value of the list


@dataclass(frozen=True)
class SlotTag:
    """The value before it, or the free text, belongs into this slot."""

    slot: str


@dataclass(frozen=True)
class WrittenTag:
    """The `length` characters before it are how this was said."""

    written: str
    length: int


@dataclass(frozen=True)
class WakeTag:
    """The wake phrase has been said."""


Tag = SentenceTag | ValueTag | SlotTag | WrittenTag | WakeTag
_KINDS: dict[str, type[Tag]] = {
    "sentence": SentenceTag, "value": ValueTag, "slot": SlotTag, "written": WrittenTag, "wake": WakeTag
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


class Tags:
    """Tags and the symbols that stand for them. Lists take their symbols from the same row."""

    def __init__(self) -> None:
        self._symbols: dict[object, int] = {}
        self._tags: list[object] = []

    def symbol(self, thing: object) -> int:
        """Return the symbol of a tag or of another hashable thing, a new one if it has none yet."""
        key = (thing, repr(thing))  # True is 1, and not the same value of a slot
        if key not in self._symbols:
            self._symbols[key] = FIRST_TAG + len(self._tags)
            self._tags.append(thing)
        return self._symbols[key]

    def __getitem__(self, symbol: int) -> object:
        return self._tags[symbol - FIRST_TAG]

    def to_json(self) -> list[Any]:
        """Return what JSON can hold, for `from_json`."""
        return [{"kind": _NAMES[type(tag)], **asdict(tag)} if isinstance(tag, Tag) else None for tag in self._tags]

    @classmethod
    def from_json(cls, rows: list[Any]) -> Tags:
        """Return the tags that were written with `to_json`."""
        tags = cls()
        tags._tags = [_KINDS[row.pop("kind")](**row) if row else None for row in rows]
        return tags


@dataclass(frozen=True)
class Match:
    """What a path means."""

    intent: str | None  # None: the wake phrase alone
    block: int
    slots: Mapping[str, Any]
    text: str  # as it is written
    labels: tuple[int, ...]  # as it was said
    spans: tuple[tuple[int, int], ...]  # for each word of `text`: the first and the last word of those that were said
    woken: bool  # the wake phrase came first
    free_letters: int  # how many of the labels are free text


_Written = list[tuple[str, int]]  # characters as they are written, each with the number of the word it was said in


def _rewritten(text: str, said: _Written) -> _Written:
    """Write a text for what was said: word for word where there are as many, or else from the first to the last."""
    first, last = said[0][1], said[-1][1]
    if text.count(" ") == last - first:
        return [(character, first + text.count(" ", 0, n + 1)) for n, character in enumerate(text)]
    return [(character, first) for character in text[:-1]] + [(text[-1], last)]


def interpret(symbols: Sequence[int], tags: Tags) -> Match:
    """Read a path: letters, letters of free text, and tags."""
    labels: list[int] = []
    written: _Written = []
    free: list[int] = []
    value: ValueTag | None = None
    slots: dict[str, Any] = {}
    sentence, woken, word, free_letters = SentenceTag("", -1), False, 0, 0
    for symbol in symbols:
        if symbol < FIRST_TAG:
            label = symbol % LABELS
            free = [*free, label] if symbol >= LABELS else []
            value = None
            free_letters += symbol >= LABELS
            word += label == SPACE
            labels.append(label)
            written.append((decode([label]), word))
            continue
        match tags[symbol]:
            case ValueTag() as value:
                pass
            case SlotTag(slot):
                slots[slot] = value.out if value else decode(free)
            case WrittenTag(text, length):
                written[-length:] = _rewritten(text, written[-length:])
            case SentenceTag() as sentence:
                pass
            case WakeTag():
                woken = True
    text = "".join(character for character, _ in written)
    spans: list[tuple[int, int]] = []
    position = 0
    for written_word in text.split(" "):
        letters = written[position : position + len(written_word)]
        spans.append((letters[0][1], letters[-1][1]))
        position += len(written_word) + 1
    intent = sentence.intent if sentence.block >= 0 else None
    return Match(intent, sentence.block, slots, text, tuple(labels), tuple(spans), woken, free_letters)
