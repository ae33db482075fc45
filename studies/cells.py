"""Which cell recognises best? Vanilla RNN, GRU and LSTM, one- and two-directional, deep and wide, on the same words.

    python -m studies.cells --data speech --out docs/studies

All cells get as many parameters, the same clips in the same order and the same number of epochs, and write letters
with CTC. Then the LSTM is made deeper and wider.
"""

from __future__ import annotations

from pathlib import Path

import typer
from matplotlib.figure import Figure

from oyez.app.train.command import DataOption
from oyez.models.acoustic import AcousticConfig, AcousticModel
from studies.report import OutOption, Report, SmallOption, Table, run
from studies.speech import (
    SMALL,
    Result,
    Settings,
    acoustic_config,
    described,
    load_clips,
    measure,
    product_loss,
    recurrent_parameters,
    word_accuracy,
)

DEPTHS = (1, 2, 3)
WIDTHS = (24, 48, 96)
_WIDTH = 48  # of the deep ones

Measured = tuple[AcousticConfig, Result]


def study(data: Path, settings: Settings) -> Report:
    """Train and measure every configuration."""
    clips = load_clips(data, settings)
    features = clips[0].features.shape[2]

    def measured(name: str, **changes: object) -> Measured:
        config = acoustic_config(settings, **changes)
        network = lambda: AcousticModel(config, features)  # noqa: E731  # built anew with each seed
        return config, measure(name, network, clips, settings, product_loss, word_accuracy)

    cells = [
        measured("RNN, tanh", cell="rnn-tanh", bidirectional=False),
        measured("RNN, relu", cell="rnn-relu", bidirectional=False),
        measured("GRU", cell="gru", bidirectional=False),
        measured("LSTM", cell="lstm", bidirectional=False),
        measured("bidirectional LSTM", cell="lstm", bidirectional=True),
    ]
    deep = [measured(f"{layers} x {_WIDTH}", layers=layers, width=_WIDTH) for layers in DEPTHS]
    wide = [deep[0] if width == _WIDTH else measured(f"1 x {width}", width=width) for width in WIDTHS]
    return Report(
        name="cells",
        title="Cells, depth and width on spoken words",
        setting=described(settings, clips)
        + " A word is right if it is the likeliest of the ten by CTC over letters. Times are one core's own (not the "
        "clock's): of training, and of the network alone by the length of the audio.",
        figure=_figure(cells, deep, wide),
        tables=[
            _table("Cells with equal parameters", cells),
            _table("Depth of the bidirectional LSTM", deep),
            _table("Width of the bidirectional LSTM", wide),
        ],
    )


def _table(title: str, measured: list[Measured]) -> Table:
    return Table(
        title,
        ("network", "width", "recurrent parameters", "words right", "loss", "time an epoch", "real-time factor"),
        [
            (
                result.name,
                str(config.width),
                f"{recurrent_parameters(config):,}",
                result.accuracy_written,
                f"{result.losses[-1]:.3f}",
                f"{result.seconds_an_epoch:.1f} s",
                f"{result.real_time_factor:.5f}",
            )
            for config, result in measured
        ],
    )


def _figure(cells: list[Measured], deep: list[Measured], wide: list[Measured]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    curves, sizes = figure.subplots(1, 2, width_ratios=(3, 2))
    for _, result in cells:
        curves.plot(range(1, len(result.losses) + 1), result.losses, label=result.name)
    curves.set(xlabel="epoch", ylabel="CTC loss a step", yscale="log", title="equal parameters")
    curves.legend()
    for measured, label in ((deep, f"1, 2, 3 layers of {_WIDTH}"), (wide, "one layer, ever wider")):
        parameters = [recurrent_parameters(config) / 1000 for config, _ in measured]
        accuracies = [100 * result.accuracy for _, result in measured]
        lowest = [100 * (result.accuracy - min(result.accuracies)) for _, result in measured]
        highest = [100 * (max(result.accuracies) - result.accuracy) for _, result in measured]
        sizes.errorbar(parameters, accuracies, (lowest, highest), marker="o", capsize=3, label=label)
    sizes.set(xlabel="recurrent parameters, thousands", ylabel="words right, %", title="bidirectional LSTM")
    sizes.legend()
    return figure


def command(
    data: DataOption = Path("speech"),
    out: OutOption = Path("docs/studies"),
    small: SmallOption = False,
) -> None:
    """Compare cells, depth and width on spoken words."""
    settings, size = (SMALL, " --small") if small else (Settings(), "")
    run(lambda: study(data, settings), out, f"python -m studies.cells --data {data}{size}")


if __name__ == "__main__":
    typer.run(command)
