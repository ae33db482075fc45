"""All settings of a recipe as a Markdown table, from the configuration classes: what docs/training.md holds.

python -c "from oyez.training.settings_table import settings_table; print(settings_table())"
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from oyez.training.config import Recipe, section_of


def settings_table(config: type[BaseModel] = Recipe) -> str:
    """Return a row for each setting: its name with the section, its default, and what it is."""
    return "\n".join(["| setting | default | what it is |", "|---|---|---|", *_rows(config, "")])


def _rows(config: type[BaseModel], section: str) -> Iterator[str]:
    for name, field in config.model_fields.items():
        inner = section_of(field.annotation)
        if inner is not None:
            yield from _rows(inner, f"{section}{name}.")
            continue
        choices = _choices(field.annotation)
        description = "; ".join(
            part for part in (field.description or "", f"one of {choices}" if choices else "") if part
        )
        yield f"| `{section}{name}` | {_default(field)} | {description} |"


def _default(field: FieldInfo) -> str:
    default = field.default
    if field.is_required():
        return "(required)"
    if default is None or default in ("", ()):
        return ""
    return f"`{json.dumps(default, default=lambda value: str(value) if isinstance(value, Path) else value)}`"


def _choices(annotation: Any) -> str:
    literals = [annotation, *get_args(annotation)]
    for literal in literals:
        if get_origin(literal) is Literal:
            return ", ".join(f"`{choice}`" for choice in get_args(literal))
    return ""
