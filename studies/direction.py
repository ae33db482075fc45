"""What is looking ahead worth? One direction, one with some steps of look-ahead, two directions.

    python -m studies.direction --data speech --out docs/studies

A network that looks ahead by n steps reads n steps more before it writes the label of a step, so it answers n steps
late. All have as many parameters. The delay is measured too: CTC leaves it to the network when to write, and a network
that cannot look ahead may simply wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import typer
from matplotlib.figure import Figure
from torch import Tensor, nn

from oyez.app.train.command import DataOption
from oyez.data.alphabet import encode
from oyez.models.acoustic import AcousticConfig, AcousticModel
from oyez.models.decoding.alignment import align_words
from oyez.training.losses import ctc_loss
from studies.report import OutOption, Report, SmallOption, Table, run
from studies.speech import (
    SMALL,
    STEP_SECONDS,
    SUBSAMPLING,
    Clips,
    Result,
    Settings,
    acoustic_config,
    described,
    load_clips,
    measure,
    product_loss,
    word_accuracy,
)

LOOK_AHEAD = (2, 5, 10)  # steps


class LookingAhead(nn.Module):
    """A one-directional acoustic model whose label of a step is written after some further steps are read."""

    def __init__(self, config: AcousticConfig, features: int, steps: int) -> None:
        super().__init__()
        self.acoustic = AcousticModel(config, features)
        self.steps = steps

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """As AcousticModel.forward; beyond the end there is nothing, as there is in the padding."""
        frames = self.steps * SUBSAMPLING
        log_probs, steps = self.acoustic(nn.functional.pad(features, (0, 0, 0, frames)), lengths + frames)
        return log_probs[:, self.steps :], steps - self.steps


def free_loss(network: nn.Module, clips: Clips) -> Tensor:
    """Return plain CTC: letters may be written at any time, in the silence after the word too."""
    log_probs, steps = network(clips.features, clips.lengths)
    return ctc_loss(log_probs, steps, clips.texts)


def delay(log_probs: Sequence[Tensor], clips: Clips, look_ahead: int) -> float:
    """Return how long after the end of the sound the last letter is known, in seconds, on average.

    The last letter is where the likeliest path of the right text has it; `look_ahead` steps more must have been read.
    """
    late = []
    for number, rows in enumerate(log_probs):
        sound = clips.sound[number].nonzero()
        labels = encode(clips.texts[number])
        repeats = sum(one == two for one, two in pairwise(labels))
        if len(sound) and len(labels) + repeats <= len(rows):
            end_of_sound = (int(sound[-1]) + 1) * STEP_SECONDS / SUBSAMPLING
            end_of_word = align_words(rows.numpy(), labels)[-1].end * STEP_SECONDS
            late.append(end_of_word + look_ahead * STEP_SECONDS - end_of_sound)
    return fmean(late)


def study(data: Path, settings: Settings) -> Report:
    """Train and measure every way of looking ahead, with the product's loss and with plain CTC."""
    clips = load_clips(data, settings)
    features = clips[0].features.shape[2]
    one = acoustic_config(settings, bidirectional=False)
    two = acoustic_config(settings, bidirectional=True)
    rows: list[tuple[str, ...]] = []
    points: dict[str, list[tuple[float, Result]]] = {}
    for loss, title in ((product_loss, "letters where there is sound"), (free_loss, "letters at any time")):
        points[title] = []
        for steps in (0, *LOOK_AHEAD, None):

            def build(steps: int | None = steps) -> nn.Module:
                return AcousticModel(two, features) if steps is None else LookingAhead(one, features, steps)

            name = "bidirectional" if steps is None else f"{steps} steps ({1000 * steps * STEP_SECONDS:.0f} ms)"
            result = measure(f"{name}, {title}", build, clips, settings, loss, word_accuracy)
            waits = "the whole clip" if steps is None else f"{1000 * delay(result.log_probs, clips[1], steps):+.0f} ms"
            own_delay = delay(result.log_probs, clips[1], 0)
            rows.append((title, name, f"{result.parameters:,}", result.accuracy_written, f"{own_delay:+.3f} s", waits))
            points[title].append((delay(result.log_probs, clips[1], steps or 0), result))
    return Report(
        name="direction",
        title="What looking ahead is worth",
        setting=described(settings, clips)
        + " Where the letters are allowed only where there is sound, the loss is the one that the shipped model is "
        "trained with; at any time, it is plain CTC. The convolutions look 60 ms ahead in all of them. The delays are "
        "means over the clips, with the first seed; a clip's sound ends where it falls 35 dB below its loud parts.",
        figure=_figure(points),
        tables=[
            Table(
                "Look-ahead, accuracy and delay",
                ("letters", "look-ahead", "parameters", "words right", "last letter ends", "known after the sound"),
                rows,
            )
        ],
    )


def _figure(points: dict[str, list[tuple[float, Result]]]) -> Figure:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, (title, results) in enumerate(points.items()):
        *ahead, (_, both) = results
        delays = [1000 * late for late, _ in ahead]
        accuracies = [100 * result.accuracy for _, result in ahead]
        axes.errorbar(
            delays,
            accuracies,
            (
                [100 * (result.accuracy - min(result.accuracies)) for _, result in ahead],
                [100 * (max(result.accuracies) - result.accuracy) for _, result in ahead],
            ),
            color=f"C{number}",
            marker="o",
            capsize=3,
            label=f"one direction, {title}",
        )
        for steps, late, accuracy in zip((0, *LOOK_AHEAD), delays, accuracies, strict=True):
            axes.annotate(f"{steps}", (late, accuracy), textcoords="offset points", xytext=(5, 5))
        axes.axhline(100 * both.accuracy, color=f"C{number}", linestyle="--", label=f"bidirectional, {title}")
    axes.set(xlabel="last letter known so many ms after the sound has ended, on average", ylabel="words right, %")
    axes.legend(fontsize=8)
    return figure


def command(
    data: DataOption = Path("speech"),
    out: OutOption = Path("docs/studies"),
    small: SmallOption = False,
) -> None:
    """Measure accuracy and delay of one direction, some look-ahead, and two directions."""
    settings, size = (SMALL, " --small") if small else (Settings(), "")
    run(lambda: study(data, settings), out, f"python -m studies.direction --data {data}{size}")


if __name__ == "__main__":
    typer.run(command)
