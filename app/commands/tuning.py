"""What a commands file is worth on recordings: attempts from folders, tables, and a plot."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table

from oyez.app.transcribe.inputs import InputError, gather
from oyez.data.audio import AudioError, audio_blocks, read_audio
from oyez.data.corpora.recordings import utterances
from oyez.data.manifest import ManifestError
from oyez.models.grammar.compiler import Compiled
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.grammar.spoken import SpokenError
from oyez.models.grammar.understanding import Understanding
from oyez.models.recognizer import Recognizer
from oyez.models.types import RejectionCode, Transcript
from oyez.models.vad.silero import segments_in
from oyez.training.calibration.command_confidence import LENGTHS, Measured
from oyez.training.calibration.command_trials import Phrase
from oyez.training.calibration.operating_points import Attempt, OperatingPoint, operating_point

_SEGMENTS_AT_ONCE = 64  # of other speech, of which there may be hours


class TuningError(Exception):
    """Recordings that cannot be measured on. The message says why."""


def attempts_of(
    recognizer: Recognizer, compiled: Compiled, recordings: Path, other_speech: Path | None = None
) -> tuple[list[Attempt], list[str]]:
    """Hear recordings with known texts, and other speech; return the attempts and what could not be read.

    Args:
        recognizer: of the commands file, with threshold 0.
        compiled: the same file; it tells what the texts mean.
        recordings: a folder with a manifest, or the manifest.
        other_speech: a folder of recordings or a file; cut at its pauses, as a microphone's stream would be.

    Raises:
        TuningError: there is nothing to measure on.
    """
    interpreter = recognizer.interpreter
    assert isinstance(interpreter, CommandsInterpreter)
    understanding = Understanding(compiled)
    attempts: list[Attempt] = []
    left_out: list[str] = []
    try:
        listed = utterances(recordings)
    except (FileNotFoundError, ManifestError) as error:
        raise TuningError(str(error)) from error
    for utterance in listed:
        try:
            waveform = read_audio(utterance.path, utterance.offset, utterance.duration)
            meanings = understanding.meanings(utterance.text)
        except (AudioError, SpokenError) as error:
            left_out.append(str(error))
            continue
        [transcript] = recognizer.transcribe([waveform])
        heard, confidence = _heard(transcript)
        commands = [meaning for meaning in meanings if meaning.woken or interpreter.file.oyez.wake is None]
        slots = interpreter.file.slots
        right = heard in [(meant.intent, slots(meant.intent, meant.block, meant.slots)) for meant in commands]
        attempts.append(Attempt(confidence, bool(commands), right, transcript.duration))
    if not any(attempt.is_command for attempt in attempts):
        raise TuningError(f"{recordings}: none of the texts is a sentence of the commands file")
    if other_speech is not None:
        attempts += _other(recognizer, other_speech, left_out)
    return attempts, left_out


def _other(recognizer: Recognizer, path: Path, left_out: list[str]) -> list[Attempt]:
    attempts: list[Attempt] = []
    try:
        inputs = gather([str(path)]).inputs
    except InputError as error:
        raise TuningError(str(error)) from error
    for each in inputs:
        of_this: list[Attempt] = []
        try:
            segments = segments_in(audio_blocks(each.path, each.offset, each.duration))
            while some := [segment.waveform for segment in itertools.islice(segments, _SEGMENTS_AT_ONCE)]:
                for transcript in recognizer.transcribe(some):
                    of_this.append(Attempt(_heard(transcript)[1], False, False, transcript.duration))
        except AudioError as error:
            left_out.append(str(error))
            continue
        attempts += of_this
    return attempts


def _heard(transcript: Transcript) -> tuple[tuple[str | None, Mapping[str, Any]] | None, float]:
    """Return intent and slots of the likeliest command, or of the wake phrase alone, and how sure it is."""
    if (command := transcript.command) is not None:
        return (command.intent, command.slots), command.confidence
    if transcript.rejection is not None and transcript.rejection.code is RejectionCode.WAKE_ONLY:
        return (None, {}), transcript.confidence
    return None, 0.0


def table(attempts: Sequence[Attempt], points: Sequence[OperatingPoint], recommended: float) -> Table:
    """Show what comes of each threshold."""
    commands = sum(attempt.is_command for attempt in attempts)
    hours = sum(attempt.seconds for attempt in attempts if not attempt.is_command) / 3600
    shown = Table(
        *("threshold", "missed", "wrong of accepted", "false accepts", "an hour", "other speech refused"),
        title=f"{commands} commands, {hours:.2f} h of other speech ({len(attempts) - commands} pieces)",
        caption=f"recommended: threshold: {recommended:g} in the file's `oyez` section",
    )
    for point in points:
        shown.add_row(*_cells(point), style="bold" if point.threshold == recommended else None)
    return shown


def calibration_table(heard: Sequence[Phrase], measured: Measured) -> Table:
    """Show what a confidence is worth on speakers that it was not fitted on."""
    hours = sum(phrase.seconds for phrase in heard if phrase.is_running) / 3600
    shown = Table(
        *("threshold", "missed", "wrong of accepted", "false accepts", "an hour", "other speech refused"),
        *("other words refused", "one word other: refused"),
        title=f"{len(heard)} phrases; {hours:.2f} h of running speech, said to several commands files each: "
        f"{measured.other_hours:.2f} h of other speech",
        caption=f"threshold {measured.threshold:g}; calibration error {measured.calibration_error:.3f}",
    )
    for speech, words, near in zip(*measured.points.values(), strict=True):
        style = "bold" if speech.threshold == measured.threshold else None
        shown.add_row(*_cells(speech), f"{words.refused:.1%}", f"{near.refused:.1%}", style=style)
    return shown


def length_tables(measured: Measured) -> list[Table]:
    """Show what the length of the sentences is worth, at thresholds of their own; in quiet, and in noise."""
    quiet = "files of one length of sentences, with so high a threshold that about one in twenty is missed"
    titled = {
        quiet: measured.by_length,
        **{f"in noise of {snr:g} dB, at the same thresholds": points for snr, points in measured.in_noise.items()},
    }
    shown = []
    for title, points in titled.items():
        table = Table("words", "threshold", "missed", "wrong of accepted", "false accepts", "an hour", title=title)
        for (fewest, most), point in points.items():
            several = f"{fewest} or more" if most == LENGTHS[-1][1] else f"{fewest} to {most}"
            table.add_row(str(fewest) if most == fewest else several, *_cells(point)[:-1])
        shown.append(table)
    return shown


def _cells(point: OperatingPoint) -> list[str]:
    return [
        f"{point.threshold:g}",
        f"{point.missed:.1%}",
        f"{point.wrong:.1%}",
        str(point.false_accepts),
        f"{point.false_per_hour:.1f}",
        f"{point.refused:.1%}",
    ]


def draw(attempts: Sequence[Attempt], path: Path) -> None:
    """Draw missed commands against false accepts an hour, by threshold, into a picture file."""
    thresholds = sorted({attempt.confidence for attempt in attempts})
    points = [operating_point(attempts, threshold) for threshold in thresholds]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.step([point.false_per_hour for point in points], [100 * point.missed for point in points], where="post")
    axes.set(xlabel="false accepts an hour", ylabel="missed commands (%)", ylim=(0, 100))
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    figure.savefig(path)
