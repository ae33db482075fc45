"""Keeps live results: a folder of recordings with a manifest, as `oyez train` and `oyez evaluate` read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import soundfile

from oyez.app.listen.listening import Heard, is_result
from oyez.data.audio import SAMPLE_RATE
from oyez.data.files import whole_file
from oyez.models.types import Final

MANIFEST = "manifest.jsonl"


class KeepingError(Exception):
    """A result that cannot be kept. The message names the file and the reason."""


class Keeper:
    """Writes the sound of each result (FLAC) and its text (a line of the manifest) into a folder."""

    def __init__(self, folder: Path, started: datetime | None = None) -> None:
        """Make the folder; its files are named by the time at which listening `started`. Raises KeepingError."""
        self._folder = folder
        self._session = (started or datetime.now()).strftime("%Y%m%d-%H%M%S.%f")
        try:  # a folder that cannot be written is reported before anybody speaks
            folder.mkdir(parents=True, exist_ok=True)
            self._append("")
            content = (folder / MANIFEST).read_bytes()
            if content and not content.endswith(b"\n"):
                self._append("\n")  # the next line is not joined to one that was cut off
        except OSError as error:
            raise KeepingError(f"{folder}: cannot be written ({error.strerror})") from error

    def keep_all(self, heard: Iterable[Heard]) -> Iterator[Heard]:
        """Keep the results of a session, and pass its chunks on. Raises KeepingError."""
        for chunk in heard:
            for event in chunk.events:
                if isinstance(event, Final) and is_result(event):
                    self.keep(event)
            yield chunk

    def keep(self, final: Final) -> Path:
        """Write a result; return the path of its sound. Raises KeepingError."""
        path = self._folder / f"{self._session}-{final.start:09.2f}.flac"
        transcript = final.transcript
        line = {
            "path": path.name,
            "text": f"{transcript.wake_phrase} {transcript.text}".lstrip(),  # all that is in the sound
            "confidence": transcript.confidence,
            "model": transcript.model,
        }
        try:
            with whole_file(path) as part:
                soundfile.write(part, final.waveform, SAMPLE_RATE, format="FLAC")
            self._append(json.dumps(line, ensure_ascii=False) + "\n")
        except (OSError, soundfile.LibsndfileError) as error:
            raise KeepingError(f"{path}: cannot be written ({error})") from error
        return path

    def _append(self, line: str) -> None:
        with (self._folder / MANIFEST).open("a", encoding="utf-8") as manifest:
            manifest.write(line)
