"""Which cell hears best? Vanilla RNN, GRU and LSTM, one- and two-directional, deep and wide, on the same real words.

    python -m training.studies.cells --data speech --out docs/studies

All cells get as many parameters, the same clips in the same order and the same number of epochs, and write letters
with CTC. Then the LSTM is made deeper and wider.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from matplotlib.figure import Figure
from torch import Tensor, nn

from models.acoustic import AcousticConfig, AcousticModel
from training.studies.report import Report, Table, tell
from training.studies.speech import (
    SMALL,
    WORDS,
    Clips,
    Settings,
    Trained,
    acoustic_config,
    hear,
    load_clips,
    percent,
    recurrent_parameters,
    train,
    word_accuracy,
)
from training.train import ctc_loss

DEPTHS = (1, 2, 3)
WIDTHS = (24, 48, 96)
_WIDTH = 48  # of the deep ones


@dataclass(frozen=True)
class Result:
    """What became of one configuration."""

    name: str
    config: AcousticConfig
    trained: Trained
    accuracy: float
    real_time_factor: float


def loss_of(network: nn.Module, clips: Clips) -> Tensor:
    """Return the loss that the product's acoustic model is trained with."""
    log_probs, steps = network(clips.features, clips.lengths)
    return ctc_loss(log_probs, steps, clips.texts, clips.sound)


def measure(name: str, config: AcousticConfig, training: Clips, validation: Clips, settings: Settings) -> Result:
    """Train one configuration and measure it."""
    torch.manual_seed(settings.seed)
    network = AcousticModel(config, training.features.shape[2])
    trained = train(network, training, loss_of, settings)
    heard = hear(network, validation)
    result = Result(name, config, trained, word_accuracy(heard, validation), heard.real_time_factor)
    tell(f"{name}: {result.accuracy:.1%}, {trained.seconds_an_epoch:.1f} s an epoch")
    return result


def study(data: Path, settings: Settings) -> Report:
    """Train and measure every configuration."""
    training, validation = load_clips(data, settings)

    def result(name: str, **changes: object) -> Result:
        return measure(name, acoustic_config(settings, **changes), training, validation, settings)

    cells = [
        result("RNN, tanh", cell="rnn-tanh", bidirectional=False),
        result("RNN, relu", cell="rnn-relu", bidirectional=False),
        result("GRU", cell="gru", bidirectional=False),
        result("LSTM", cell="lstm", bidirectional=False),
        result("bidirectional LSTM", cell="lstm", bidirectional=True),
    ]
    deep = [result(f"{layers} x {_WIDTH}", layers=layers, width=_WIDTH) for layers in DEPTHS]
    wide = [deep[0] if width == _WIDTH else result(f"1 x {width}", width=width) for width in WIDTHS]
    count = len(validation.texts)
    return Report(
        name="cells",
        title="Cells, depth and width on spoken words",
        setting=(
            f"{len(WORDS)} words of Speech Commands ({', '.join(WORDS)}), {len(training.texts)} training clips and "
            f"{count} validation clips of other speakers, without augmentation; {settings.epochs} epochs in batches of "
            f"{settings.batch}, AdamW at {settings.learning_rate:g} at most, clipped to {settings.gradient_norm:g}, "
            f"seed {settings.seed}. Two convolutions before the recurrent layer, a step every 30 ms, CTC over letters. "
            "Right: the word is the likeliest of the ten; ± is the standard error of the share. Times are one core's "
            "own (not the clock's), of training and of the network alone."
        ),
        figure=_figure(cells, deep, wide),
        tables=[
            _table("Cells with equal parameters", cells, count),
            _table("Depth of the bidirectional LSTM", deep, count),
            _table("Width of the bidirectional LSTM", wide, count),
        ],
    )


def _table(title: str, results: list[Result], count: int) -> Table:
    return Table(
        title,
        ("network", "width", "recurrent parameters", "words right", "loss", "time an epoch", "real-time factor"),
        [
            (
                each.name,
                str(each.config.width),
                f"{recurrent_parameters(each.config):,}",
                percent(each.accuracy, count),
                f"{each.trained.losses[-1]:.3f}",
                f"{each.trained.seconds_an_epoch:.1f} s",
                f"{each.real_time_factor:.5f}",
            )
            for each in results
        ],
    )


def _figure(cells: list[Result], deep: list[Result], wide: list[Result]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    curves, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    for each in cells:
        curves.plot(range(1, len(each.trained.losses) + 1), each.trained.losses, label=each.name)
    curves.set(xlabel="epoch", ylabel="CTC loss a step", yscale="log", title="equal parameters")
    curves.legend()
    for results, label in ((deep, "layers of 48"), (wide, "one layer, wider")):
        parameters = [recurrent_parameters(each.config) / 1000 for each in results]
        bars.plot(parameters, [100 * each.accuracy for each in results], marker="o", label=label)
    bars.set(
        xlabel="recurrent parameters, thousands", ylabel="words right, %", title="bidirectional LSTM", xscale="log"
    )
    bars.legend()
    return figure


def command(
    data: Annotated[Path, typer.Option(help="The folder that holds SpeechCommands/.")] = Path("speech"),
    out: Annotated[Path, typer.Option(help="Where the picture and the page go.")] = Path("docs/studies"),
    seed: Annotated[int, typer.Option(min=0)] = 1,
    small: Annotated[bool, typer.Option("--small", help="Only to see that it runs.")] = False,
) -> None:
    """Compare cells, depth and width on spoken words."""
    torch.set_num_threads(1)
    report = study(data, replace(SMALL if small else Settings(), seed=seed))
    print(report.write(out, "python -m training.studies.cells --data speech"))


if __name__ == "__main__":
    typer.run(command)
