"""Compiling a commands file into a grammar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from hassil.errors import HassilError
from hassil.expression import Expression, ListReference
from hassil.sample import sample_expression
from hassil.util import is_template

from oyez.data.text import UnsupportedCharacters
from oyez.models.grammar.automaton import EPSILON, Automaton, AutomatonBuilder, TooLarge
from oyez.models.grammar.document import Document, Location, Source
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import Block, CommandsFile, Value, spoken_texts
from oyez.models.grammar.scope import ListUse, Scope, parse
from oyez.models.grammar.search import Grammar
from oyez.models.grammar.spoken import SpokenError, number_readings, spell, spell_ways
from oyez.models.grammar.tags import SentenceTag, SlotTag, Tags, ValueTag, WakeTag
from oyez.models.grammar.templates import Cursor, GrammarBuilder, add_any_words
from oyez.models.grammar.wake_phrase import add_wake_phrase

LARGEST_DRAFT = 500_000  # arcs: of all templates before lists are put in, and of a list
LARGEST_GRAPH = 5_000_000  # arcs of the whole
_MOST_SHOWN = 10  # characters of a message
_MOST_WAYS = 100  # to say a value whose slot holds what was said


@dataclass(frozen=True)
class Compiled:
    """The sentences of a commands file as automata."""

    file: CommandsFile
    templates: Automaton  # over letters, tags, and symbols of lists
    lists: Mapping[int, Automaton]
    tags: Tags
    unsayable: tuple[tuple[str, Source], ...]  # templates without any sentence, and where they stand

    @cached_property
    def automaton(self) -> Automaton:
        """All sentences. Raises CommandsError if they are too many."""
        parts: dict[int, Automaton] = {}
        try:
            for symbol, part in self.lists.items():  # what is in the values of another list comes before it
                parts[symbol] = part.substitute(parts, LARGEST_GRAPH)
            return self.templates.substitute(parts, LARGEST_GRAPH)
        except TooLarge as error:
            raise CommandsError(f"the graph of these sentences is too large ({error}): take shorter lists") from error

    def grammar(self) -> Grammar:
        """Return the grammar to search. Raises CommandsError."""
        return Grammar.of(self.automaton)


def compile_commands(file: CommandsFile, document: Document, vocabulary: Collection[str] = ()) -> Compiled:
    """Compile a commands file into automata.

    Args:
        file: the commands file.
        document: what it was read from.
        vocabulary: words; of the ways to say something those in other words are left out, where there are such in
            these words alone. By default all are kept.

    Raises:
        CommandsError: a template is wrong, names something that is not there, or holds a character without a reading;
            or all is too large. With the line.
    """
    return _Compiler(file, document, frozenset(vocabulary)).compile()


class _ListSymbol(NamedTuple):
    """What a symbol that stands for a list stands for."""

    location: Location
    contexts: str
    block: Location  # whose own rules and lists are in its values; of others they are the file's


class _Compiler:
    def __init__(self, file: CommandsFile, document: Document, vocabulary: frozenset[str]) -> None:
        self.file = file
        self.document = document
        self.vocabulary = vocabulary
        self.tags = Tags()
        self.draft = AutomatonBuilder(LARGEST_DRAFT)
        self.lists: dict[int, Automaton] = {}
        self.spellings: dict[str, list[str]] = {}
        self.location: Location = ()  # of what is being added

    def compile(self) -> Compiled:
        for written, said in self.file.oyez.spellings.items():
            with self.at("oyez", "spellings", written):
                self.spellings[spell(written)] = spell_ways(said)
        builder = self.builder(self.draft)
        entry, end = self._entry(builder), self.draft.state()
        self.draft.ends.add(end)
        unsayable: list[tuple[str, Source]] = []
        for name, definition in self.file.intents.items():
            for number, block in enumerate(definition.data):
                scope = _Names(self, Scope(self.file, block, ("intents", name, "data", number)))
                exits = []
                for n, template in enumerate(block.sentences):
                    with self.at(*scope.scope.location, "sentences", n):
                        cursor = _something(builder.add(entry, parse(template), scope))
                    exits.append(cursor)
                    if not cursor.states:
                        unsayable.append((template, self.document.source((*scope.scope.location, "sentences", n))))
                sentence = self.tags.symbol(SentenceTag(name, number))
                for state in builder.add_tag(builder.join(exits), sentence).states:
                    self.draft.arc(state, EPSILON, end)
        self._add_skip_words(builder, Cursor(gap=end))
        with self.at("intents"):
            templates = self.draft.finish()
        if len(unsayable) == sum(
            len(block.sentences) for intent in self.file.intents.values() for block in intent.data
        ):
            raise CommandsError("no sentence in this file can be said")
        return Compiled(self.file, templates, self.lists, self.tags, tuple(unsayable))

    def builder(self, draft: AutomatonBuilder) -> GrammarBuilder:
        """Return what adds templates to a draft."""
        return GrammarBuilder(draft, self.tags, self.spellings, self.vocabulary)

    def _entry(self, builder: GrammarBuilder) -> Cursor:
        """Add what may come before a sentence: the wake phrase, skip words."""
        gap = self.draft.state()
        if self.file.oyez.wake is not None:
            with self.at("oyez", "wake"):
                woken = add_wake_phrase(builder, self.file.oyez.wake, self.tags.symbol(WakeTag()))
                self.draft.ends.add(woken)
                self.draft.arc(woken, EPSILON, gap)
        entry = Cursor(start=0, gap=gap)
        self._add_skip_words(builder, entry)
        return entry

    def _add_skip_words(self, builder: GrammarBuilder, cursor: Cursor) -> None:
        """Add a loop of the skip words at the gap of a cursor."""
        scope = _Names(self, Scope(self.file, Block(sentences=[]), ("skip_words",)))
        for n, template in enumerate(self.file.skip_words):
            with self.at("skip_words", n):
                for state in _something(builder.add(cursor, parse(template), scope)).states:
                    if state != cursor.gap:
                        self.draft.arc(state, EPSILON, cursor.gap or 0)

    @contextmanager
    def at(self, *location: str | int) -> Iterator[None]:
        """Give errors the line of what is being added."""
        before, self.location = self.location, location
        try:
            yield
        except (SpokenError, TooLarge, RecursionError, CommandsError) as error:
            if isinstance(error, CommandsError) and error.line is not None:
                raise
            reason = str(error)
            if isinstance(error, TooLarge):
                reason = f"too many ways to say this: {error}"
            elif isinstance(error, RecursionError):
                reason = "this is nested too deeply"
            elif isinstance(error, UnsupportedCharacters):
                reason += self._others(error.characters)
            raise self.document.error(reason, self.location) from error
        self.location = before

    def _others(self, named: Sequence[str]) -> str:
        """Return which other characters of the file have no reading, so that a user learns of all at once."""
        others: dict[str, Source] = {}
        for location, text in spoken_texts(self.file):
            try:
                spell(text)
            except UnsupportedCharacters as error:
                for character in error.characters:
                    if character not in named:
                        others.setdefault(character, self.document.source(location))
            except SpokenError:
                continue
        in_order = sorted(others.items(), key=lambda item: (str(item[1].path), item[1].line))
        shown = [f"{character!r} (line {source.line})" for character, source in in_order[:_MOST_SHOWN]]
        return f"; also unsupported: {', '.join(shown)}" if shown else ""

    def list_symbol(self, use: ListUse, names: _Names) -> int:
        """Return the symbol of a list, and build its automaton if it is new."""
        block = names.scope.block
        local = names.scope.location if block.expansion_rules or block.lists else ()
        symbol = self.tags.symbol(_ListSymbol(use.location, repr((use.contexts, use.excluded)), local))
        if symbol not in self.lists:
            draft = AutomatonBuilder(LARGEST_DRAFT)
            with self.at(*use.location):
                if use.words.wildcard:
                    add_any_words(draft, start=0)
                elif use.words.range is not None:
                    self._add_range(draft, use)
                else:
                    self._add_values(draft, use, names)
                self.lists[symbol] = draft.finish()
        return symbol

    def _add_range(self, draft: AutomatonBuilder, use: ListUse) -> None:
        assert use.words.range is not None
        builder, multiplier = self.builder(draft), use.words.range.multiplier
        for n, number in enumerate(use.words.range.numbers()):
            readings = builder.usable(number_readings(number))
            said = builder.join(builder.add_characters(Cursor(start=0), reading) for reading in readings)
            out = number if multiplier is None else round(number * multiplier, 6)
            out = int(out) if out == int(out) else out
            draft.ends.update(builder.add_tag(said, self.tags.symbol(ValueTag(use.name, out, n))).states)

    def _add_values(self, draft: AutomatonBuilder, use: ListUse, names: _Names) -> None:
        if not use.words.values:
            raise CommandsError(f"the list {{{use.name}}} is empty")
        builder = self.builder(draft)
        for n, value in use.values:
            with self.at(*use.location, "values", n):
                for template, out in _ways(value):
                    said = _something(builder.add(Cursor(start=0), parse(template), names))
                    if not said.states:
                        raise CommandsError(f"nothing to say in {value.said!r}")
                    draft.ends.update(builder.add_tag(said, self.tags.symbol(ValueTag(use.name, out, n))).states)


@dataclass
class _Names:
    """The scope of a block, with the rules that are being added and where they were named."""

    compiler: _Compiler
    scope: Scope
    opened: list[tuple[str, Location]] = field(default_factory=list)

    def rule(self, name: str) -> Expression:
        if name in (rule for rule, _ in self.opened):
            raise CommandsError(f"the rule <{name}> contains itself")
        body, location = self.scope.rule(name)
        self.opened.append((name, self.compiler.location))
        self.compiler.location = location
        return body

    def leave_rule(self) -> None:
        _, self.compiler.location = self.opened.pop()

    def reference(self, reference: ListReference) -> tuple[int | None, int | None]:
        use = self.scope.list(reference)
        symbol = self.compiler.list_symbol(use, self)
        slot = None if use.slot is None else self.compiler.tags.symbol(SlotTag(use.slot))
        return symbol if len(self.compiler.lists[symbol].arcs) else None, slot


def _ways(value: Value) -> list[tuple[str, Any]]:
    """Return a value's templates and what the slot holds: the words that were said, where no `out` is given."""
    if value.out != value.said or not is_template(value.said):
        return [(value.said, value.out)]
    try:
        said = list(islice(sample_expression(parse(value.said)), _MOST_WAYS + 1))
    except HassilError:  # it names a rule or a list: the slot holds the template
        said = []
    texts = dict.fromkeys(" ".join(text.split()) for text in said if text.strip())
    return [(text, text) for text in texts] if texts and len(said) <= _MOST_WAYS else [(value.said, value.out)]


def _something(cursor: Cursor) -> Cursor:
    """Return where a template leads when something of it is said."""
    return Cursor(word=cursor.word, gap=cursor.gap)
