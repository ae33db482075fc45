"""How good a commands file is on recordings, and the confidence of a model on phrases: tables, and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from oyez.data.counting import counted
from oyez.training.calibration.command_confidence import LENGTHS, Measured
from oyez.training.calibration.command_trials import Phrase
from oyez.training.calibration.operating_points import Attempt, OperatingPoint, operating_point

_POINT = ("threshold", "false rejects", "wrong of accepted", "false accepts", "an hour", "other speech refused")


def table(attempts: Sequence[Attempt], points: Sequence[OperatingPoint], recommended: float) -> Table:
    """Return the trade-off of each threshold."""
    commands = sum(attempt.is_command for attempt in attempts)
    hours = sum(attempt.seconds for attempt in attempts if not attempt.is_command) / 3600
    shown = Table(
        *_POINT,
        title=f"{counted(commands, 'command')}, {hours:.2f} h of other speech "
        f"({counted(len(attempts) - commands, 'piece')})",
        caption=f"recommended: threshold: {recommended:g} in the file's `oyez` section",
    )
    for point in points:
        shown.add_row(*_cells(point), style="bold" if point.threshold == recommended else None)
    return shown


def calibration_table(phrases: Sequence[Phrase], measured: Measured) -> Table:
    """Return the operating points of a confidence on speakers that it was not fitted on."""
    hours = sum(phrase.seconds for phrase in phrases if phrase.is_running) / 3600
    shown = Table(
        *_POINT,
        *("other words refused", "one word other: refused"),
        title=f"{counted(len(phrases), 'phrase')}; {hours:.2f} h of running speech, recognised with several commands "
        "files each: "
        f"{measured.other_hours:.2f} h of other speech",
        caption=f"threshold {measured.threshold:g}; calibration error {measured.calibration_error:.3f}",
    )
    for speech, words, near in zip(*measured.points.values(), strict=True):
        style = "bold" if speech.threshold == measured.threshold else None
        shown.add_row(*_cells(speech), f"{words.refused:.1%}", f"{near.refused:.1%}", style=style)
    return shown


def length_tables(measured: Measured) -> list[Table]:
    """Return the operating points by length of sentences, at thresholds of their own; in quiet, and in noise."""
    quiet = "files of one length of sentences, with a threshold that rejects about one in twenty"
    titled = {
        quiet: measured.by_length,
        **{f"in noise of {snr:g} dB, at the same thresholds": points for snr, points in measured.in_noise.items()},
    }
    shown = []
    for title, points in titled.items():
        table = Table("words", *_POINT[:-1], title=title)
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
    """Draw false rejects against false accepts an hour, by threshold, into a picture file.

    Raises OSError or ValueError if the file cannot be written or its suffix is of no kind of picture.
    """
    thresholds = sorted({attempt.confidence for attempt in attempts})
    points = [operating_point(attempts, threshold) for threshold in thresholds]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.step([point.false_per_hour for point in points], [100 * point.missed for point in points], where="post")
    axes.set(xlabel="false accepts an hour", ylabel="false rejects (% of the commands)", ylim=(0, 100))
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    figure.savefig(path)
