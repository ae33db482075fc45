"""YAML read as plain data that knows the line of everything in it, safe from files that were made to do harm.

PyYAML's parser in C gives the events; they are put together here, because a commands file may hold 2 MB from anywhere:
nesting is bounded, what aliases repeat is bounded (a few lines of them can stand for billions of nodes), a key given
twice is an error, and only `true` and `false` are truth values, as in YAML 1.2: `on`, `off`, `yes` and `no` stay words.
ruamel.yaml has lines and YAML 1.2, but takes some 30 times as long, and seconds for brackets that never close.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from oyez.models.grammar.errors import CommandsError

LARGEST_REPETITION = 2_000_000  # nodes and characters that all aliases together may repeat
_DEEPEST = 30
_TOO_DEEP = f"nested too deeply (limit {_DEEPEST} levels)"
_INTEGER, _NUMBER = re.compile(r"[-+]?\d+"), re.compile(r"[-+]?(\d+\.\d*|\.\d+)")
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None}
_MERGE_KEY = "<<"  # its mappings give the keys that are not given
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster

Location = tuple[str | int, ...]  # keys and positions that lead from the root to a node


class Source(NamedTuple):
    """Where something stands; `path` is that of the file where several are read as one."""

    line: int
    path: Path | None = None


@dataclass(frozen=True)
class Document:
    """The data of a YAML file, and where each node stands by its location."""

    data: Any
    sources: Mapping[Location, Source]

    def source(self, location: Location) -> Source:
        """Return where a node stands, or the nearest one that holds it."""
        while location and location not in self.sources:
            location = location[:-1]
        return self.sources.get(location, Source(1))

    def line(self, location: Location) -> int:
        """Return the line of a node, or of the nearest one that holds it."""
        return self.source(location).line

    def error(self, reason: str, location: Location) -> CommandsError:
        """Return the error of a node."""
        return CommandsError(reason, *self.source(location))


def read_yaml(text: str, path: Path | None = None) -> Document:
    """Read a YAML text; `path` is for its sources. Raises CommandsError, with the line."""
    builder = _Builder(path)
    try:
        for event in yaml.parse(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), _PARSER):
            builder.take(event)
    except CommandsError as error:
        raise CommandsError(error.reason, error.line, path) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = None if mark is None else mark.line + 1
        if "nesting depth" in (error.problem or ""):  # PyYAML has a bound of its own and, reading ahead, meets it first
            raise CommandsError(_TOO_DEEP, line, path) from error
        raise CommandsError(f"invalid YAML: {error.problem}", line, path) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise CommandsError(f"invalid YAML: {str(error).splitlines()[0]}", path=path) from error
    return Document(builder.root, builder.sources)


class _Anchored(NamedTuple):
    value: Any
    size: int  # nodes and characters
    depth: int  # levels of mappings and lists


@dataclass
class _Builder:
    """Puts events together; `stack` holds the open mappings and lists with their locations."""

    path: Path | None
    root: Any = None
    sources: dict[Location, Source] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)  # None: not complete
    size: int = 0  # nodes and characters so far
    repeated: int = 0  # of them by aliases

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        tag: str | None = getattr(event, "tag", None)
        if tag and not tag.startswith("tag:yaml.org,2002:"):
            raise CommandsError(f"tags are not supported: {tag}", line)
        if isinstance(event, yaml.AliasEvent):
            self._repeat(event.anchor or "", line)
        elif isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0]  # neither quoted nor tagged
            value = _constant(event.value) if is_plain else event.value
            self.size += 1 + len(event.value)
            if event.anchor:
                self.anchors[event.anchor] = _Anchored(value, 1 + len(event.value), 0)
            self._add(value, line, str(event.value))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            content: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            if len(self.stack) >= _DEEPEST:
                raise CommandsError(_TOO_DEEP, line)
            self.size += 1
            if event.anchor:
                self.anchors[event.anchor] = None
            self.stack.append(_Open(content, self._add(content, line), event.anchor, self.size))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close(line)
        elif isinstance(event, yaml.DocumentStartEvent) and self.sources:
            raise CommandsError("a second document begins here: a commands file is one", line)

    def _close(self, line: int) -> None:
        closed = self.stack.pop()
        if isinstance(closed.content, dict) and _MERGE_KEY in closed.content:
            merged = closed.content.pop(_MERGE_KEY)
            for mapping in merged if isinstance(merged, list) else [merged]:
                if not isinstance(mapping, dict):
                    raise CommandsError(f"{_MERGE_KEY} takes mappings", line)
                for key, value in mapping.items():
                    closed.content.setdefault(key, value)
        if closed.anchor:
            self.anchors[closed.anchor] = _Anchored(closed.content, self.size - closed.size + 1, closed.depth)
        if self.stack:
            self.stack[-1].depth = max(self.stack[-1].depth, closed.depth + 1)

    def _repeat(self, anchor: str, line: int) -> None:
        if anchor not in self.anchors:
            raise CommandsError(f"there is no anchor &{anchor} above its alias *{anchor}", line)
        anchored = self.anchors[anchor]
        if anchored is None:
            raise CommandsError(f"the alias *{anchor} is inside its own anchor", line)
        if len(self.stack) + anchored.depth > _DEEPEST:
            raise CommandsError(_TOO_DEEP, line)
        self.size += anchored.size
        self.repeated += anchored.size
        if self.repeated > LARGEST_REPETITION:
            raise CommandsError(f"aliases repeat too much (limit {LARGEST_REPETITION:,} characters)", line)
        if self.stack:
            self.stack[-1].depth = max(self.stack[-1].depth, anchored.depth + 1)
        self._add(anchored.value, line, anchored.value if isinstance(anchored.value, str) else None)

    def _add(self, value: Any, line: int, text: str | None = None) -> Location:
        """Put a node where it belongs and return its location; `text` is what it is as a key."""
        source = Source(line, self.path)
        if not self.stack:
            self.root, self.sources[()] = value, source
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
            self.sources[(*parent.location, text)] = source
            return (*parent.location, text)
        else:
            location = (*parent.location, parent.key)
            parent.content[parent.key] = value
            parent.key = None
        self.sources.setdefault(location, source)
        return location


@dataclass
class _Open:
    content: dict[str, Any] | list[Any]
    location: Location
    anchor: str | None
    size: int  # of all before its content
    depth: int = 1
    key: str | None = None


def _constant(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) < 20 and _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
