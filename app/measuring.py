"""What the commands that measure a model share: noise to mix in, and recordings of commands and other speech."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oyez.app.console import usage_error
from oyez.data.audio import SUFFIXES, AudioError, audio_blocks
from oyez.data.corpora.recordings import utterances
from oyez.data.manifest import ManifestError, Utterance, read_manifest
from oyez.data.reading import read_utterance
from oyez.models.grammar.compiler import Compiled
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.grammar.spoken import SpokenError
from oyez.models.grammar.understanding import Understanding
from oyez.models.recognizer import Recognizer
from oyez.models.types import RejectionCode, Transcript
from oyez.models.vad.silero import segments_in
from oyez.training.calibration.operating_points import Attempt
from oyez.training.errors import TrainingError
from oyez.training.evaluation.recognition import Noisy
from oyez.training.selection import noises

_SEGMENTS_AT_ONCE = 64  # of other speech, of which there may be hours
_MANIFESTS = (".jsonl", ".tsv")


class RecordingsError(Exception):
    """Recordings that cannot be measured on. The message says why."""


def load_noise(noise: Path | None, snr: Sequence[float] | None) -> dict[float, Noisy]:
    """Return what puts --noise over utterances at each --snr; a mistake in them ends the command."""
    try:
        recorded = noises([noise], Path()) if noise is not None else []
    except TrainingError as error:
        usage_error(error)
    return {ratio: Noisy([recording for kind in recorded for recording in kind], ratio) for ratio in snr or ()}


def attempts_of(
    recognizer: Recognizer, compiled: Compiled, recordings: Path, other_speech: Path | None = None
) -> tuple[list[Attempt], list[str]]:
    """Recognise recordings with known texts, and other speech; return the attempts and a line for each skipped file.

    Args:
        recognizer: of the commands file, with threshold 0.
        compiled: the same file; it gives the meaning of the texts.
        recordings: a folder with a manifest, or the manifest.
        other_speech: a folder of recordings, a manifest or a recording; cut at its pauses, as a live stream would be.

    Raises:
        RecordingsError: there is nothing to measure on.
    """
    interpreter = recognizer.interpreter
    assert isinstance(interpreter, CommandsInterpreter)
    understanding = Understanding(compiled)
    attempts: list[Attempt] = []
    skipped: list[str] = []
    try:
        listed = utterances(recordings)
    except (FileNotFoundError, ManifestError) as error:
        raise RecordingsError(str(error)) from error
    for utterance in listed:
        try:
            waveform = read_utterance(utterance)
            meanings = understanding.meanings(utterance.text)
        except (AudioError, SpokenError) as error:
            skipped.append(str(error))
            continue
        [transcript] = recognizer.transcribe([waveform])
        recognised, confidence = _likeliest(transcript)
        commands = [meaning for meaning in meanings if meaning.woken or interpreter.file.oyez.wake is None]
        slots = interpreter.file.slots
        right = recognised in [(meant.intent, slots(meant.intent, meant.block, meant.slots)) for meant in commands]
        attempts.append(Attempt(confidence, bool(commands), right, transcript.duration))
    if not any(attempt.is_command for attempt in attempts):
        raise RecordingsError(f"{recordings}: none of the texts is a sentence of the commands file")
    if other_speech is not None:
        attempts += _other(recognizer, other_speech, skipped)
    return attempts, skipped


def _other(recognizer: Recognizer, path: Path, skipped: list[str]) -> list[Attempt]:
    attempts: list[Attempt] = []
    for recording in _recordings(path):
        of_this: list[Attempt] = []
        try:
            segments = segments_in(audio_blocks(recording.path, recording.offset, recording.duration))
            while some := [segment.waveform for segment in itertools.islice(segments, _SEGMENTS_AT_ONCE)]:
                for transcript in recognizer.transcribe(some):
                    of_this.append(Attempt(_likeliest(transcript)[1], False, False, transcript.duration))
        except AudioError as error:
            skipped.append(str(error))
            continue
        attempts += of_this
    return attempts


def _recordings(path: Path) -> list[Utterance]:
    """List the recordings in a folder and below, those of a manifest, or the one. Raises RecordingsError."""
    if path.is_dir():
        found = [Utterance(file, "") for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
        if not found:
            raise RecordingsError(f"{path}: no audio in this folder")
        return found
    if not path.exists():
        raise RecordingsError(f"{path}: no such file or folder")
    if path.suffix not in _MANIFESTS:
        return [Utterance(path, "")]
    try:
        return read_manifest(path)
    except ManifestError as error:
        raise RecordingsError(str(error)) from error


def _likeliest(transcript: Transcript) -> tuple[tuple[str | None, Mapping[str, Any]] | None, float]:
    """Return intent and slots of the likeliest command, or of the wake phrase alone, and its confidence."""
    if (command := transcript.command) is not None:
        return (command.intent, command.slots), command.confidence
    if transcript.rejection is not None and transcript.rejection.code is RejectionCode.WAKE_ONLY:
        return (None, {}), transcript.confidence
    return None, 0.0
