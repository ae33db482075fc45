"""The journal of a batch: a line of JSON for each input that was done or failed, so that a run can be taken up again.

A line is written at once, after the outputs of its input are in place. Whoever is killed between two lines has lost at
most what was in work; a line that was cut off by the end of the machine is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from app.batch.inputs import Input


class JournalError(Exception):
    """A journal that cannot be used. The message names it."""


@dataclass(frozen=True)
class Version:
    """What the content of an output depends on: the bytes of the recording, as far as can be told cheaply, and how."""

    size: int
    mtime_ns: int
    settings: str  # the model's weights and the decoding

    @classmethod
    def of(cls, path: Path, settings: str) -> Version | None:
        """Return the version of a file as it is now; None if there is no such file."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return None
        return cls(status.st_size, status.st_mtime_ns, settings)


@dataclass
class _Entry:
    """What is known of one input: its outputs, path -> size in bytes, at that version."""

    version: Version
    outputs: dict[str, int] = field(default_factory=dict)


class Journal:
    """Reads and appends to a journal; while it is open, no other process has it open.

    Raises:
        JournalError: on entering: it cannot be written, or another process has it.
        OSError: on writing: the disk is full, and the like.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._file = -1

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = self.path.read_bytes()
            if content and not content.endswith(b"\n"):
                os.write(self._file, b"\n")  # the next line is not joined to one that was cut off
        except BlockingIOError as error:
            raise JournalError(f"{self.path}: another oyez is at work here; wait for it to end") from error
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written ({error.strerror})") from error
        for line in content.splitlines():
            self._take(line)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        os.close(self._file)

    def missing(self, each: Input, outputs: Mapping[str, Path], settings: str) -> list[str]:
        """Return the formats of which there is no output that is complete and of this version of the input.

        Args:
            each: the input.
            outputs: format -> path.
            settings: see `Version`.
        """
        entry = self._entries.get(each.key)
        if entry is None or entry.version != Version.of(each.path, settings):
            return list(outputs)
        return [name for name, path in outputs.items() if entry.outputs.get(self._name(path), -1) != _size(path)]

    def done(self, each: Input, version: Version | None, outputs: Mapping[Path, int], seconds: float) -> None:
        """Note that an input's outputs (path -> size in bytes) are in place. Raises OSError."""
        sizes = {self._name(path): size for path, size in outputs.items()}
        fields = {} if version is None else vars(version)
        self._append(each, {"state": "done", "seconds": round(seconds, 3), **fields, "outputs": sizes})

    def failed(self, each: Input, reason: str) -> None:
        """Note that there is no transcript of an input, and why. Raises OSError."""
        self._append(each, {"state": "failed", "reason": reason})

    def _name(self, output: Path) -> str:
        """Return the name of an output as the journal has it: one that holds when its folder is moved."""
        folder, path = self.path.parent.absolute(), output.absolute()
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    def _append(self, each: Input, fields: Mapping[str, Any]) -> None:
        path, part = each.key
        record = {"path": path, "part": part, "at": datetime.now(UTC).isoformat(timespec="seconds"), **fields}
        line = json.dumps(record).encode() + b"\n"
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])
        self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            if record["state"] != "done":
                return
            key = (record["path"], record["part"])
            version = Version(record["size"], record["mtime_ns"], record["settings"])
            outputs = dict(record["outputs"])
        except (ValueError, KeyError, TypeError):  # cut off, or of a file that was not there to be looked at
            return
        before = self._entries.get(key)
        kept = before.outputs if before and before.version == version else {}
        self._entries[key] = _Entry(version, kept | outputs)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
