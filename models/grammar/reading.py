"""Reading commands files: YAML or JSON, a plain list with a sentence on each line, or a folder of YAML files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from oyez.models.grammar.document import Document, Location, Source, read_yaml
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.list_files import read_list_values, without_comment

LARGEST = 2_000_000  # bytes
YAML_SUFFIXES = (".yaml", ".yml", ".json")

# "intents" as a key: at the beginning of a line, or inside of braces as in JSON
_INTENTS_KEY = re.compile(r"""(?:^|[{,])\s*["']?intents["']?\s*:(?=[\s{])""", re.MULTILINE)
_NOT_A_MAPPING = "a commands file in YAML is a mapping with the key `intents`; a plain list of sentences is a .txt file"
_BULLET = re.compile(r"^[-*•]\s+")


def read_commands(path: str | Path) -> tuple[CommandsFile, Document]:
    """Read a commands file, or all YAML files of a folder as one.

    What ends in .yaml, .yml or .json is YAML (of which JSON is a part), and so is another file with the key `intents`;
    any other is a plain list. In a folder with a subfolder `en` (Home Assistant's custom_sentences) that one is read.

    Raises:
        CommandsError: it cannot be read, is too large, or is not a commands file; with the line.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path / "en" if (path / "en").is_dir() else path)
    return parse_commands(_read_text(path), True if path.suffix.lower() in YAML_SUFFIXES else None, path.parent)


def parse_commands(text: str, is_yaml: bool | None = None, folder: Path | None = None) -> tuple[CommandsFile, Document]:
    """Read the text of a commands file.

    Args:
        text: YAML, JSON, or a plain list of sentences, with or without a byte-order mark.
        is_yaml: whether it is YAML or JSON; by default it is if it has the key `intents`.
        folder: where the files of lists lie; without it, lists from files are refused.

    Raises:
        CommandsError: it is too large, or not a commands file; with the line.
    """
    if len(text) > LARGEST:
        raise CommandsError(f"{len(text):,} characters (limit {LARGEST:,})")
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    if is_yaml is None:
        is_yaml = _INTENTS_KEY.search(text) is not None
    return _checked(read_yaml(text) if is_yaml else _read_lines(text), folder)


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise CommandsError(f"{path.stat().st_size:,} bytes (limit {LARGEST:,})")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandsError(f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CommandsError(f"not a text in UTF-8 (byte {error.start})") from error


def _read_folder(folder: Path) -> tuple[CommandsFile, Document]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in YAML_SUFFIXES and path.is_file())
    if not paths:
        raise CommandsError(f"there is no {', '.join(YAML_SUFFIXES[:-1])} or {YAML_SUFFIXES[-1]} file in this folder")
    data: dict[str, Any] = {}
    sources: dict[Location, Source] = {}
    size = 0
    for path in paths:
        text = _read_text_of(path)
        size += len(text)
        if size > LARGEST:
            raise CommandsError(f"the files of this folder are too large together (limit {LARGEST:,} characters)")
        document = read_yaml(text, path)
        if document.data is not None:  # nothing but comments
            _merge(data, sources, document)
    return _checked(Document(data, sources), folder)


def _read_text_of(path: Path) -> str:
    """Read one of several files, which an error names."""
    try:
        return _read_text(path)
    except CommandsError as error:
        raise CommandsError(error.reason, path=path) from error


def _merge(data: dict[str, Any], sources: dict[Location, Source], document: Document) -> None:
    """Add a file of a folder to the others: its intents, lists, rules and settings come beside theirs."""
    offsets: dict[Location, int] = {}  # of lists that continue one

    def merge(into: dict[str, Any], new: dict[str, Any], location: Location) -> None:
        for key, value in new.items():
            here = (*location, key)
            if key not in into:
                into[key] = value
            elif isinstance(value, dict) and isinstance(into[key], dict) and (here[0] != "lists" or len(here) == 1):
                merge(into[key], value, here)
            elif isinstance(value, list) and isinstance(into[key], list) and key in ("data", "skip_words"):
                offsets[here] = len(into[key])
                into[key] = [*into[key], *value]
            elif into[key] != value and (here[0] != "intents" or key == "data"):  # the rest of an intent is ignored
                other = sources.get(here, Source(1))
                reason = f"{'.'.join(map(str, here))} is also given in {other.path}, line {other.line}"
                raise document.error(reason, here)

    if not isinstance(document.data, dict):
        raise document.error(_NOT_A_MAPPING, ())
    merge(data, {key: value for key, value in document.data.items() if key in CommandsFile.model_fields}, ())
    for location, source in document.sources.items():
        for depth, position in enumerate(location):
            if isinstance(position, int) and location[:depth] in offsets:
                location = (*location[:depth], position + offsets[location[:depth]], *location[depth + 1 :])
                break
        sources.setdefault(location, source)


def _checked(document: Document, folder: Path | None) -> tuple[CommandsFile, Document]:
    if not isinstance(document.data, dict):
        raise document.error(_NOT_A_MAPPING, ())
    data = _with_list_files(document, lambda name: read_list_values(name, folder))
    try:
        return CommandsFile.model_validate(data), document
    except ValidationError as error:
        first = error.errors()[0]
        names = ".".join(str(part) for part in first["loc"])
        message = re.sub(r"^Value error, ", "", first["msg"])
        raise document.error(f"{names}: {message}" if names else message, first["loc"]) from error


def _with_list_files(document: Document, values_of: Callable[[Any], list[Any]]) -> dict[str, Any]:
    """Return the data with the values of lists that are in files of their own."""
    lists = document.data.get("lists")
    if not isinstance(lists, dict):
        return document.data
    filled = {}
    for name, words in lists.items():
        filled[name] = words
        if isinstance(words, dict) and "file" in words:
            try:
                filled[name] = {
                    **{key: words[key] for key in words if key != "file"},
                    "values": values_of(words["file"]),
                }
            except CommandsError as error:
                raise document.error(f"lists.{name}: {error}", ("lists", name, "file")) from error
            if "values" in words:
                raise document.error(f"lists.{name}: a list has either `values` or a `file`", ("lists", name))
    return {**document.data, "lists": filled}


def _read_lines(text: str) -> Document:
    """Take each line for an intent of its own name with one sentence.

    Empty lines, comments (from a `#` that begins the line or follows a space) and the bullets of a list are no part
    of a sentence.
    """
    intents: dict[str, Any] = {}
    sources: dict[Location, Source] = {}
    for number, line in enumerate(text.splitlines(), 1):
        sentence = _BULLET.sub("", without_comment(line), count=1)
        if not sentence:
            continue
        if sentence in intents:
            raise CommandsError(f"{sentence!r} is given twice", number)
        intents[sentence] = {"data": [{"sentences": [sentence]}]}
        sources["intents", sentence] = Source(number)
    if not intents:
        raise CommandsError("there is no sentence in this file")
    return Document({"intents": intents}, sources)
