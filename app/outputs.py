"""Transcripts as text: plain, JSON, or a line of JSON. Pure functions; nothing here touches a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.commands.command import as_fields
from models.recognizer import Transcript


def as_record(path: Path, transcript: Transcript) -> dict[str, Any]:
    """Return the fields of a transcript: path, text, words, confidence, duration, model.

    With a commands file there are also: command (an intent or None), slots, refused (why there is no command).
    """
    fields = asdict(transcript)
    del fields["command"]
    command = as_fields(transcript.command) if transcript.command is not None else {}
    return {"path": str(path), **{key: _rounded(value) for key, value in fields.items()}, **command}


def as_txt(_: Path, transcript: Transcript) -> str:
    """Return the text alone."""
    return transcript.text + "\n"


def as_json(path: Path, transcript: Transcript) -> str:
    """Return all fields, for people to read."""
    return json.dumps(as_record(path, transcript), ensure_ascii=False, indent=2) + "\n"


def as_jsonl(path: Path, transcript: Transcript) -> str:
    """Return all fields on one line, for programs to read one after the other."""
    return json.dumps(as_record(path, transcript), ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Path, Transcript], str]] = {"txt": as_txt, "json": as_json, "jsonl": as_jsonl}


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
