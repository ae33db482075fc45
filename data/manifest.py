"""Utterances, and the manifests that list them: one JSON object or one tab-separated row a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from oyez.data.files import whole_file

_COLUMNS = ("path", "text", "speaker", "offset", "duration", "split")
_ENCODING = "utf-8-sig"  # some editors and spreadsheets put a mark before the first line


class ManifestError(Exception):
    """A manifest that cannot be used. The message names the file and the line."""


@dataclass(frozen=True)
class Utterance:
    """A stretch of recorded speech and what is said in it."""

    path: Path
    text: str
    speaker: str = ""  # utterances without a speaker's name count as one speaker's
    offset: float = 0.0  # where it begins in the file, in seconds
    duration: float | None = None  # in seconds; None: to the end of the file
    split: str = ""  # training or validation, where the manifest says so


def read_manifest(path: str | PathLike[str]) -> list[Utterance]:
    """Read a manifest; relative paths in it are relative to its folder.

    A `.jsonl` file holds an object a line, a `.tsv` file a header row and a row a line. The fields are `path` and
    `text`, and optionally `speaker`, `offset`, `duration` (seconds) and `split`; further fields are left alone.

    Raises:
        ManifestError: the file is missing, is empty, or a line of it is not what it should be.
    """
    path = Path(path)
    reader = {".jsonl": _json_rows, ".tsv": _tsv_rows}.get(path.suffix)
    if reader is None:
        raise ManifestError(f"{path}: a manifest is a .jsonl or a .tsv file")
    try:
        utterances = [_utterance(row, path, line) for line, row in reader(path)]
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 text (byte {error.start})") from error
    if not utterances:
        raise ManifestError(f"{path}: the manifest lists no utterance")
    return utterances


def write_manifest(path: str | PathLike[str], utterances: Iterable[Utterance]) -> None:
    """Write a `.jsonl` manifest that `read_manifest` reads; the file appears whole or not at all.

    Files below the manifest's folder are written relative to it, so that the folder can be moved.
    """
    path = Path(path)
    folder = path.parent.resolve()
    with whole_file(path) as part, part.open("w", encoding="utf-8") as file:
        for utterance in utterances:
            audio = utterance.path.resolve()
            audio = audio.relative_to(folder) if audio.is_relative_to(folder) else audio
            row = {key: value for key, value in asdict(replace(utterance, path=audio)).items() if value is not None}
            if not utterance.split:
                del row["split"]
            file.write(json.dumps(row | {"path": audio.as_posix()}, ensure_ascii=False) + "\n")


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding=_ENCODING) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:  # bad JSON, or a number or a nesting beyond all measure
                raise ManifestError(f"{path}, line {number}: not a JSON object ({error})") from error
            if not isinstance(row, dict):
                raise ManifestError(f"{path}, line {number}: not a JSON object but {type(row).__name__}")
            yield number, row


def _tsv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding=_ENCODING, newline="") as file:
        rows = csv.DictReader(file, dialect="excel-tab", quoting=csv.QUOTE_NONE)
        missing = {"path", "text"} - set(rows.fieldnames or ())
        if missing:
            raise ManifestError(f"{path}, line 1: the header row lacks {' and '.join(sorted(missing))}")
        try:
            for row in rows:
                yield rows.line_num, {k: v for k, v in row.items() if k == "text" or (k in _COLUMNS and v)}
        except csv.Error as error:
            raise ManifestError(f"{path}, line {rows.line_num}: {error}") from error


def _utterance(row: dict[str, Any], manifest: Path, line: int) -> Utterance:
    for key in ("path", "text"):
        if not isinstance(row.get(key), str):
            raise ManifestError(f"{manifest}, line {line}: {key!r} is missing or no text")
    seconds: dict[str, float | None] = {"offset": 0.0, "duration": None}
    for key in seconds:
        if row.get(key) is None:
            continue
        try:
            seconds[key] = float(row[key])
        except (TypeError, ValueError, OverflowError):
            seconds[key] = -1.0
        if not 0 <= (seconds[key] or 0.0) < float("inf"):
            raise ManifestError(f"{manifest}, line {line}: {key!r} is {row[key]!r}; expected seconds, 0 or more")
    return Utterance(
        path=manifest.parent / row["path"],
        text=row["text"],
        speaker="" if row.get("speaker") is None else str(row["speaker"]),
        offset=seconds["offset"] or 0.0,
        duration=seconds["duration"],
        split="" if row.get("split") is None else str(row["split"]),
    )
