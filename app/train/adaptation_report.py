"""What an adaptation was made of and what it gained: a line, a table, and a paragraph for the model's card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from oyez.training.adaptation.result import Measured, right_share
from oyez.training.adaptation.speech import Replay, SplitTexts, Voices
from oyez.training.calibration.operating_points import Attempt, operating_point

Row = tuple[str, str, str]  # what, before, after


def speech_summary(sentences: SplitTexts, voices: Voices, replay: Replay | None, source: str) -> str:
    """Return what is trained on and what is measured on; `source` is where the real speech comes from."""
    if sentences.apart:
        texts = f"{len(sentences.training)} sentences are trained on and {len(sentences.held_out)} others measured on"
    else:
        texts = f"all {len(sentences.training)} sentences are trained on, and measured on"
    spoken = f"{texts}, in other voices: {len(voices.training)} to train, {len(voices.held_out)} to measure"
    if replay is None:
        return (
            f"{spoken}. No real speech is given (--data or --replay): general speech is synthetic, too, and what real "
            "speech loses is not seen"
        )
    counts = f"{len(replay.training)} recordings to train, {len(replay.held_out)} to measure"
    return f"{spoken}. General speech: {source}, {counts}"


def comparison(before: Measured, after: Measured, thresholds: tuple[float, float], recordings: str) -> Iterator[Row]:
    """Yield what was measured before and after, at the threshold of each; `recordings` names the user's own."""
    yield "threshold", f"{thresholds[0]:g}", f"{thresholds[1]:g}"
    yield from _of_attempts("synthetic", before.commands, after.commands, thresholds)
    yield "general speech: word error rate", f"{before.general:.2%}", f"{after.general:.2%}"
    if before.recordings and after.recordings:
        yield from _of_attempts(recordings, before.recordings, after.recordings, thresholds)


def _of_attempts(
    name: str, before: Sequence[Attempt], after: Sequence[Attempt], thresholds: tuple[float, float]
) -> Iterator[Row]:
    both = before, after
    points = [operating_point(attempts, threshold) for attempts, threshold in zip(both, thresholds, strict=True)]
    commands = sum(attempt.is_command for attempt in before)
    rows = {
        f"{name}, {commands} commands: right": [f"{right_share(attempts):.1%}" for attempts in both],
        "right, and accepted": [f"{(1 - point.missed) * (1 - point.wrong):.1%}" for point in points],
    }
    if commands < len(before):
        hours = sum(attempt.seconds for attempt in before if not attempt.is_command) / 3600
        rows[f"false accepts in {hours:.2f} h of other speech"] = [str(point.false_accepts) for point in points]
    for measure, (was, is_now) in rows.items():
        yield measure, was, is_now


def comparison_table(title: str, rows: Sequence[Row], max_increase: float) -> Table:
    """Return the table of a comparison."""
    table = Table(
        title,
        "before",
        "after",
        caption=f"kept if the word error rate of general speech rises by {max_increase:.2%} at most",
    )
    for row in rows:
        table.add_row(*row)
    return table


def adaptation_account(model: str, file: str, rows: Sequence[Row], summary: str, with_real_speech: bool) -> str:
    """Return what the card says of an adaptation, Markdown."""
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    fitted = (
        " The confidences after, and with them the threshold, are fitted to the held-out real speech in which false "
        "accepts are counted."
        if with_real_speech
        else ""
    )
    return (
        f"`{model}`, adapted to `{file}` by `oyez adapt` on synthetic speech: {summary}.{fitted}\n\n"
        f"| measured on what was held out | before | after |\n|---|---|---|\n{lines}"
    )
