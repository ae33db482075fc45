"""`oyez models`: the shipped models."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def models() -> None:
    """List the shipped models."""
    from oyez.models.checkpoint import (
        LANGUAGE_MODELS,
        PRETRAINED,
        read_config,
        read_folder,
        shipped_language_models,
        shipped_models,
    )
    from oyez.models.config import SavedLanguageConfig

    table = Table("model", "size", "what it does", box=None)
    for name in shipped_models():
        acoustic = read_config(PRETRAINED / name)
        table.add_row(escape(name), f"{acoustic.weights_bytes / 1e6:.1f} MB", escape(acoustic.description))
    for name in shipped_language_models():
        language = read_folder(LANGUAGE_MODELS / name, SavedLanguageConfig)
        table.add_row(escape(name), f"{language.weights_bytes / 1e6:.1f} MB", escape(language.description))
    Console().print(table)
