"""Values of a list from a file of their own: names a line each, or what Home Assistant exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oyez.models.grammar.document import read_yaml
from oyez.models.grammar.errors import CommandsError

_LARGEST = 20_000_000  # bytes: the registry of a large home has some megabytes
_MOST = 10_000  # values
_COMMENT = re.compile(r"^\s*#.*|\s#(?!\d).*")  # "channel #1" holds none


def read_list_values(name: Any, folder: Path | None) -> list[Any]:
    """Return the values of a list from a file.

    A .json or .yaml file holds a list of values, or one of these of Home Assistant: its registry of entities, areas or
    floors (.storage/core.*_registry), or its states (/api/states); the names and aliases are taken, and the slot then
    holds the id. Any other file holds a value on each line; `#` begins a comment.

    Args:
        name: path of the file.
        folder: what the path is relative to; None refuses all files.

    Raises:
        CommandsError: the file cannot be read, is too large, or holds no values.
    """
    if not isinstance(name, str):
        raise CommandsError(f"`file` is the path of a file, and not {name!r}")
    if folder is None:
        raise CommandsError("a list from a file needs a commands file on disk")
    path = folder / name
    try:
        if path.stat().st_size > _LARGEST:
            raise CommandsError(f"{name}: {path.stat().st_size:,} bytes (limit {_LARGEST:,})")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandsError(f"{name}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # no UTF-8, or a path that cannot be one
        raise CommandsError(f"{name}: not a text in UTF-8") from error
    is_data = path.suffix in (".json", ".yaml", ".yml") or path.name.endswith("_registry")
    values = list(_values(read_yaml(text).data)) if is_data else _lines(text)
    if not values:
        raise CommandsError(f"{name}: there are no names in this file")
    if len(values) > _MOST:
        raise CommandsError(f"{name}: {len(values):,} values (limit {_MOST:,})")
    return values


def without_comment(line: str) -> str:
    """Return a line of a plain list without its comment, which begins it or follows a space, and outer spaces."""
    return _COMMENT.sub("", line).strip()


def _lines(text: str) -> list[str]:
    return [value for line in text.splitlines() if (value := without_comment(line))]


def _values(data: Any) -> Iterator[Any]:
    """Yield the values of a list, whatever it is wrapped into."""
    if isinstance(data, dict) and isinstance(data.get("data"), dict):  # a registry
        data = data["data"]
    if isinstance(data, dict):
        data = next((data[key] for key in ("values", "entities", "areas", "floors") if key in data), None)
    for item in data if isinstance(data, list) else []:
        if isinstance(item, dict) and "in" not in item:
            yield from _names(item)
        else:
            yield item


def _names(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a value for each name of an entity, an area or a floor, with its id and, of an entity, its domain."""
    identity = next((item[key] for key in ("entity_id", "area_id", "floor_id", "id") if item.get(key)), None)
    if identity is None or item.get("disabled_by") or item.get("hidden_by"):
        return
    attributes = item.get("attributes") or {}
    name = item.get("name") or item.get("original_name") or attributes.get("friendly_name")
    context = {"domain": str(identity).partition(".")[0]} if "entity_id" in item else {}
    for said in dict.fromkeys([name, *(item.get("aliases") or [])]):
        if isinstance(said, str) and said.strip():
            yield {"in": _as_text(said), "out": identity, "context": context}


def _as_text(name: str) -> str:
    """Return a name without the marks of templates."""
    return " ".join(re.sub(r"[][(){}<>|;:\\]", " ", name).split())
