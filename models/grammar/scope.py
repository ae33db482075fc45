"""What the names in the templates of a block mean: its own rules and lists, and those of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hassil.expression import Expression, ListReference
from hassil.parse_expression import parse_sentence
from hassil.parser import ParseError

from oyez.models.grammar.document import Location
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import Block, CommandsFile, Range, Value, WordList

_AT_HOME = {"name", "area", "floor"}  # lists and rules that Home Assistant makes of its devices, areas and floors
_INLINE_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:,(\d+))?")


@dataclass(frozen=True)
class ListUse:
    """A list as a template uses it."""

    name: str
    words: WordList
    location: Location
    slot: str | None  # that its value goes into
    contexts: tuple[tuple[str, Any], ...]  # what the block requires of the context of its values
    excluded: tuple[tuple[str, Any], ...]  # a value with one of these in its context may not be said

    @property
    def values(self) -> list[tuple[int, Value]]:
        """The values that may be said here, with their numbers in the list."""
        return [
            (number, value)
            for number, value in enumerate(self.words.values or [])
            if all(_fits(value.context.get(key, required), required) for key, required in self.contexts)
            and not any(key in value.context and _fits(value.context[key], other) for key, other in self.excluded)
        ]


@dataclass(frozen=True)
class Scope:
    """The names that a block sees."""

    file: CommandsFile
    block: Block
    location: Location  # of the block

    def rule(self, name: str) -> tuple[Expression, Location]:
        """Return the body of a rule and where it stands. Raises CommandsError if there is none."""
        if name in self.block.expansion_rules:
            return parse(self.block.expansion_rules[name]), (*self.location, "expansion_rules", name)
        if name in self.file.expansion_rules:
            return parse(self.file.expansion_rules[name]), ("expansion_rules", name)
        raise _unknown(
            f"rule <{name}>",
            {*self.block.expansion_rules, *self.file.expansion_rules},
            f'write it under `expansion_rules:`, as in {name}: "[the] {{{name}}}"' if name in _AT_HOME else "",
        )

    def list(self, reference: ListReference) -> ListUse:
        """Return the list that a template refers to. Raises CommandsError if there is none."""
        name = reference.list_name
        slot = None if reference.is_capture else reference.slot_name
        if inline := _INLINE_RANGE.fullmatch(name):
            start, stop, step = (int(number or 1) for number in inline.groups())
            try:
                words = WordList(range=Range.model_validate({"from": start, "to": stop, "step": step}))
            except ValueError as error:
                raise CommandsError(f"{{{name}}} is not a range of numbers") from error
            return ListUse(name, words, ("range", name), "number" if slot == name else slot, (), ())
        if name in self.block.lists:
            words, location = self.block.lists[name], (*self.location, "lists", name)
        elif name in self.file.lists:
            words, location = self.file.lists[name], ("lists", name)
        else:
            raise _unknown(
                f"list {{{name}}}",
                {*self.block.lists, *self.file.lists},
                f"write its names under `lists:`, as in {name}: {{values: [...]}}, or name a file of them: "
                f"{name}: {{file: names.txt}}"
                if name in _AT_HOME
                else "",
            )
        contexts = tuple(
            (key, required)
            for key, required in self.block.requires_context.items()
            if any(key in value.context for value in words.values or [])
        )
        return ListUse(name, words, location, slot, contexts, tuple(self.block.excludes_context.items()))


@lru_cache(maxsize=50_000)
def parse(template: str) -> Expression:
    """Return the expression of a template. Raises CommandsError if it is not one."""
    try:
        return parse_sentence(template).expression
    except (ParseError, AssertionError) as error:
        reason = str(error).split(" from index")[0]
        raise CommandsError(f"{template!r} is not a sentence template ({reason})") from error


def _unknown(thing: str, known: set[str], hint: str) -> CommandsError:
    others = f"; there are {', '.join(sorted(known))}" if known else "; none is defined"
    return CommandsError(
        f"there is no {thing}{others}" + (f". Home Assistant fills it in by itself: {hint}" if hint else "")
    )


def _fits(actual: Any, required: Any) -> bool:
    """Whether a value's context is what a block requires, as hassil sees it."""
    actual = actual.get("value") if isinstance(actual, dict) else actual
    required = required.get("value") if isinstance(required, dict) else required
    return actual in required if isinstance(required, list) else required is None or actual == required
