"""Kokoro-82M, a neural engine whose voices can be mixed: many speakers from the few that it ships.

The folder that a voice names holds a model (`*.onnx`) and the voices (`voices*.bin`), as the kokoro-onnx project
releases them. A voice is a table of vectors of style; the mean of two such tables is a third person's voice.
"""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from oyez.data.audio import Waveform

ENGINE = "kokoro"
_BETWEEN = "+"  # names of mixed voices


class KokoroError(Exception):
    """A folder or a voice that cannot be used. The message names it and the way out."""


def voices_of(folder: Path) -> list[str]:
    """Return every voice of a folder, and every mixture of two, as `kokoro:FOLDER:NAME` or `kokoro:FOLDER:ONE+OTHER`.

    Voices made for other languages are among them: what they read in English has an accent.

    Raises:
        KokoroError: the folder does not hold what is needed.
    """
    names = sorted(_styles(folder))
    mixed = (_BETWEEN.join(pair) for pair in itertools.combinations(names, 2))
    return [f"{ENGINE}:{folder}:{name}" for name in [*names, *mixed]]


class Speaker:
    """One voice, or the mean of several. Called with a text and a tempo it returns samples and their rate."""

    def __init__(self, voice: str) -> None:
        """Load what `kokoro:FOLDER:NAME` names. Raises KokoroError."""
        folder, _, names = voice.removeprefix(f"{ENGINE}:").rpartition(":")
        folder = folder or names  # of a voice that names its folder alone
        styles = _styles(Path(folder))
        try:
            self._styles = [styles[name] for name in names.split(_BETWEEN)]
        except KeyError as error:
            raise KokoroError(f"voice {voice!r}: {folder} has the voices {', '.join(styles)}") from error
        self._engine = _engine(Path(folder))
        self._language = "en-gb" if names.startswith("b") else "en-us"

    def __call__(self, text: str, tempo: float) -> tuple[Waveform, int]:
        """Read a text, `tempo` times as fast as usual (the engine's own limits: 0.5 to 2)."""
        style = np.mean(self._styles, axis=0, dtype=np.float32)  # (tokens, 1, 256); half a megabyte, so not kept
        samples, rate = self._engine.create(
            f"{text}.", voice=style, speed=float(np.clip(tempo, 0.5, 2.0)), lang=self._language
        )
        return np.asarray(samples, np.float32), rate


@cache
def _styles(folder: Path) -> dict[str, Any]:
    path = _the(folder, "voices*.bin")
    try:
        with np.load(path) as voices:
            return dict(voices)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise KokoroError(f"{path}: no voices can be read from it ({error}); download it again") from error


def _the(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise KokoroError(f"{folder}: no {pattern} here; put a model and its voices of kokoro-onnx's releases there")
    return found[0]


@cache
def _engine(folder: Path) -> Any:
    try:
        from kokoro_onnx import Kokoro
        from onnxruntime import InferenceSession, SessionOptions
    except ImportError as error:
        raise KokoroError("kokoro-onnx is not installed: pip install -e '.[synthesis]'") from error
    options = SessionOptions()
    options.intra_op_num_threads = 1  # several readings at once are made by processes
    model, voices = _the(folder, "*.onnx"), _the(folder, "voices*.bin")
    try:
        session = InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        return Kokoro.from_session(session, str(voices))
    except Exception as error:  # onnxruntime has its own
        raise KokoroError(f"{model}: cannot be loaded ({error!r}); download it again") from error
