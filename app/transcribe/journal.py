"""The journal of a batch: a line of JSON for each input that was done or failed, so that a run can be taken up again.

A line is written at once, after the outputs of its input are in place. Whoever is killed between two lines has lost at
most what was in work; a line that was cut off by the end of the machine is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from oyez.app.transcribe.inputs import Input, Key

_BEGINNING = b'{"path": '  # of each line


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
        status = _status(path)
        return None if status is None else cls(status.st_size, status.st_mtime_ns, settings)


@dataclass(frozen=True)
class _Output:
    """What is known of a file that was written."""

    key: Key  # of the input that it was made of
    version: Version
    size: int  # bytes
    at: float  # when, in whole seconds as st_mtime counts them
    incomplete: str = ""  # what was missing of the recording, in words

    def is_whole(self, path: Path) -> bool:
        """Whether the file is there as it was written, or as somebody has changed it since."""
        status = _status(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return False
        return status.st_size == self.size or int(status.st_mtime) > self.at


def written_by(path: Path) -> set[Path]:
    """Return what the runs of a journal have written, as absolute paths; nothing if there is no such journal."""
    journal = Journal(path)
    with suppress(OSError):
        for line in path.read_bytes().splitlines():
            journal._take(line)
    return {path.parent.absolute() / name for name in journal._outputs}


class Journal:
    """Reads and appends to a journal; while it is open, no other process has it open.

    Raises:
        JournalError: on entering: it cannot be written, or another process has it.
        OSError: on writing: the disk is full, and the like.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._outputs: dict[str, _Output] = {}  # by their names
        self._file = -1

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = self.path.read_bytes()
            if not _is_journal(content):  # it is somebody's file: a recording, a manifest
                raise JournalError(f"{self.path}: is no journal; name another file, or one that is not there yet")
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
        version = Version.of(each.path, settings)

        def is_complete(path: Path) -> bool:
            output = self._outputs.get(self._name(path))
            return output is not None and (output.key, output.version) == (each.key, version) and output.is_whole(path)

        return [name for name, path in outputs.items() if not is_complete(path)]

    def incomplete(self, outputs: Mapping[str, Path]) -> str:
        """Return what was missing of the recording that these outputs (format -> path) were made of; "" if nothing."""
        written = (self._outputs.get(self._name(path)) for path in outputs.values())
        return next((output.incomplete for output in written if output is not None and output.incomplete), "")

    def owner(self, path: Path) -> Key | None:
        """Return the key of the input that an output was made of; None if that recording is no longer there."""
        output = self._outputs.get(self._name(path))
        return None if output is None or _status(Path(output.key[0])) is None else output.key

    def done(
        self, each: Input, version: Version | None, outputs: Mapping[Path, int], seconds: float, incomplete: str = ""
    ) -> None:
        """Note that an input's outputs (path -> size in bytes) are in place, and what was `incomplete` of the input.

        Raises OSError.
        """
        sizes = {self._name(path): size for path, size in outputs.items()}
        fields = ({} if version is None else vars(version)) | ({"incomplete": incomplete} if incomplete else {})
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
            at = datetime.fromisoformat(record["at"]).timestamp()
            outputs = dict(record["outputs"])
            incomplete = str(record.get("incomplete", ""))
        except (ValueError, KeyError, TypeError):  # cut off, or of a file that was not there to be looked at
            return
        self._outputs |= {name: _Output(key, version, size, at, incomplete) for name, size in outputs.items()}


def _is_journal(content: bytes) -> bool:
    """Whether a file begins with a journal's line, if only with the beginning of one, or holds nothing."""
    first = content.replace(b"\0", b"").lstrip().partition(b"\n")[0]  # a loss of power may leave zeros
    if not first.endswith(b"}"):
        return first[: len(_BEGINNING)] == _BEGINNING[: len(first)]
    return first.startswith(_BEGINNING) and b', "part": ' in first  # a manifest has no parts


def _status(path: Path) -> os.stat_result | None:
    """Return what the file system knows of a file; None if there is none."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
