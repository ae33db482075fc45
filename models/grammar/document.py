"""YAML read as plain data that knows the line of everything in it, safe from files that were made to do harm.

Read event by event: nesting is bounded, aliases (by which a few lines become billions of nodes) are refused, a key
given twice is an error, and only `true` and `false` are truth values: `on`, `off`, `yes` and `no` stay words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from oyez.models.grammar.errors import CommandsError

_DEEPEST = 30
_TOO_DEEP = f"nested deeper than {_DEEPEST} levels"
_INTEGER, _NUMBER = re.compile(r"[-+]?\d+"), re.compile(r"[-+]?(\d+\.\d*|\.\d+)")
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None}
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster

Location = tuple[str | int, ...]  # keys and positions that lead from the root to a node


@dataclass(frozen=True)
class Document:
    """The data of a YAML file, and the line of each node by its location."""

    data: Any
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int:
        """Return the line of a node, or of the nearest one that holds it."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)


def read_yaml(text: str) -> Document:
    """Read the first document of a YAML text. Raises CommandsError, with the line."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, _PARSER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = None if mark is None else mark.line + 1
        if "nesting depth" in (error.problem or ""):  # PyYAML has a bound of its own and, reading ahead, meets it first
            raise CommandsError(_TOO_DEEP, line) from error
        raise CommandsError(f"this is no YAML: {error.problem}", line) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise CommandsError(f"this is no YAML: {str(error).splitlines()[0]}") from error
    return Document(builder.root, builder.lines)


@dataclass
class _Builder:
    """Puts events together; `stack` holds the open mappings and lists with their locations."""

    root: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise CommandsError(f"aliases (*{event.anchor}) are not supported: write it out", line)
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0]  # neither quoted nor tagged
            self._place(_constant(event.value) if is_plain else event.value, line, str(event.value))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self.stack) >= _DEEPEST:
                raise CommandsError(_TOO_DEEP, line)
            content: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self.stack.append(_Open(content, self._place(content, line)))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()
        elif isinstance(event, yaml.DocumentStartEvent) and self.lines:
            raise CommandsError("a second document begins here: a commands file is one", line)

    def _place(self, value: Any, line: int, text: str | None = None) -> Location:
        """Put a node where it belongs and return its location."""
        if not self.stack:
            self.root, self.lines[()] = value, line
            return ()
        parent = self.stack[-1]
        if isinstance(parent.content, list):
            location = (*parent.location, len(parent.content))
            parent.content.append(value)
        elif parent.key is None:
            if text is None:
                raise CommandsError("a key must be a word", line)
            if text in parent.content:
                raise CommandsError(f"{text!r} is given twice", line)
            parent.key = text
            self.lines[(*parent.location, text)] = line
            return (*parent.location, text)
        else:
            location = (*parent.location, parent.key)
            parent.content[parent.key] = value
            parent.key = None
        self.lines.setdefault(location, line)
        return location


@dataclass
class _Open:
    content: dict[str, Any] | list[Any]
    location: Location
    key: str | None = None


def _constant(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) < 20 and _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
