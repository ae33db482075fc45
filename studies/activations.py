"""What a trained LSTM does while it recognises a command: gates and cell states beside the spectrogram and the letters.

    python -m studies.activations --clip tests/audio/left_right_stop.flac --out docs/studies

The shipped model is looked at, or any other whose cells are LSTMs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from oyez.data.alphabet import decode
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.acoustic import AcousticModel
from oyez.models.activations import LayerActivations, LstmActivations, acoustic_activations
from oyez.models.checkpoint import DEFAULT_MODEL
from oyez.models.decoding.alignment import AlignedLabel, align_labels
from oyez.models.frontend import DYNAMIC_RANGE
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.torch import TorchRuntime
from studies.report import OutOption, Report, Table, run

_UNITS_SHOWN = 50  # of a layer


@dataclass(frozen=True)
class Seen:
    """What goes on in a model while it recognises one clip."""

    text: str
    log_mel: Tensor  # (mel bands, frames), dB below the loudest point
    letters: list[AlignedLabel]  # in steps
    layers: list[LayerActivations]  # of a batch of one
    step_seconds: float
    duration: float  # seconds


@torch.inference_mode()
def look_inside(recognizer: Recognizer, waveform: Waveform) -> Seen:
    """Run a model over a clip and keep everything.

    Raises ValueError for a model without LSTMs, or one that is a classifier.
    """
    assert isinstance(recognizer.runtime, TorchRuntime)
    model = recognizer.runtime.model
    acoustic = model.acoustic
    if not isinstance(acoustic, AcousticModel) or acoustic.config.pooling is not None:
        raise ValueError(f"model {recognizer.name!r} is a classifier: it writes no letters to show")
    samples, length = torch.from_numpy(waveform)[None], torch.tensor([len(waveform)])
    front_end = model.front_end
    features, frames = front_end(samples, length)
    log_probs, _ = acoustic(features, frames)
    labels = recognizer.decoder.decode(log_probs[0].numpy())
    return Seen(
        text=decode(labels),
        log_mel=front_end.to_decibel(front_end.mel_spectrogram(samples))[0],
        letters=align_labels(log_probs[0].numpy(), labels),
        layers=acoustic_activations(acoustic, features, frames),
        step_seconds=recognizer.step_seconds,
        duration=len(waveform) / SAMPLE_RATE,
    )


def half_lives(activations: LstmActivations, step_seconds: float) -> Tensor:
    """Return for each unit the time after which its forget gate has let half of the cell state go, in seconds."""
    kept_a_step = activations.forget_gate[0].log().mean(0)  # (width,), logarithm of the geometric mean
    return math.log(0.5) / kept_a_step * step_seconds


def picture(seen: Seen) -> Figure:
    """Draw the spectrogram with the letters, the first layer's gates and cell states, and the last one's."""
    figure = Figure(figsize=(9, 9.5), layout="constrained")
    panels = figure.subplots(6, 1, sharex=True, height_ratios=(3, 2, 2, 2, 2, 2))
    extent_of = (0.0, seen.duration)
    spectrogram = panels[0].imshow(
        seen.log_mel.numpy(), origin="lower", aspect="auto", cmap="magma", extent=(*extent_of, 0, len(seen.log_mel)),
        vmin=float(seen.log_mel.max()) - DYNAMIC_RANGE,
    )  # fmt: skip
    panels[0].set(ylabel="mel band", title=f"“{seen.text}”")
    figure.colorbar(spectrogram, ax=panels[0], pad=0.01, label="dB")
    first, last = seen.layers[0].forwards, seen.layers[-1].forwards
    order = _shown(first)
    _heat(figure, panels[1], first.input_gate[0][:, order], "layer 1\ninput gate", extent_of, (0, 1), "viridis")
    _heat(figure, panels[2], first.forget_gate[0][:, order], "layer 1\nforget gate", extent_of, (0, 1), "viridis")
    _heat(figure, panels[3], first.cell[0][:, order].tanh(), "layer 1\ntanh(cell)", extent_of, (-1, 1), "RdBu_r")
    order = _shown(last)
    _heat(
        figure, panels[4], last.cell[0][:, order].tanh(), f"layer {len(seen.layers)}\ntanh(cell)", extent_of, (-1, 1),
        "RdBu_r",
    )  # fmt: skip
    _backwards(figure, panels[5], seen, extent_of)
    for letter in seen.letters:
        middle = (letter.start + letter.end) / 2 * seen.step_seconds
        panels[0].text(
            middle, len(seen.log_mel) * 0.9, decode([letter.label]), color="white", ha="center", fontweight="bold"
        )
        for axes in panels:
            axes.axvline(letter.start * seen.step_seconds, color="white", linewidth=0.5, alpha=0.5)
    panels[-1].set_xlabel("seconds")
    return figure


def study(recognizer: Recognizer, clip: Path) -> Report:
    """Look at one clip."""
    seen = look_inside(recognizer, read_audio(clip))
    rows = []
    for number, layer in enumerate(seen.layers, 1):
        for direction, activations in (("forwards", layer.forwards), ("backwards", layer.backwards)):
            if activations is not None:
                lives = half_lives(activations, seen.step_seconds) * 1000
                rows.append(
                    (
                        str(number),
                        direction,
                        *(f"{gate.mean():.2f}" for gate in _gates(activations)),
                        f"{lives.median():.0f} ms",
                        f"{lives.quantile(0.95):.0f} ms",
                        f"{(activations.cell.abs() > 2).float().mean():.1%}",
                    )
                )
    return Report(
        name="activations",
        title="Inside a trained LSTM",
        setting=(
            f"{recognizer.name!r} recognises {clip.name}: “{seen.text}”. Of each layer those {_UNITS_SHOWN} units are "
            "shown whose cell state changes most, ordered by the step at which it is largest; lines are where the "
            "letters begin. The half-life of a unit is the time in which its forget gate, taken alone and on geometric "
            "average over the clip, lets half of the cell state go."
        ),
        figure=picture(seen),
        tables=[
            Table(
                "Gates (means over units and steps), memory, and how much of the cell state is beyond 2",
                (
                    "layer",
                    "direction",
                    "input gate",
                    "forget gate",
                    "output gate",
                    "half-life: median",
                    "longest twentieth above",
                    "cell beyond 2",
                ),
                rows,
            )
        ],
    )


def _shown(activations: LstmActivations) -> Tensor:
    """Return the units whose cell state changes most, by the step at which it is largest."""
    cell = activations.cell[0].tanh()  # (steps, width)
    liveliest = cell.var(0).argsort(descending=True)[:_UNITS_SHOWN]
    return liveliest[cell[:, liveliest].abs().argmax(0).argsort()]


def _gates(activations: LstmActivations) -> tuple[Tensor, Tensor, Tensor]:
    return activations.input_gate, activations.forget_gate, activations.output_gate


def _backwards(figure: Figure, axes: Axes, seen: Seen, extent: tuple[float, float]) -> None:
    layer = seen.layers[-1].backwards
    if layer is None:
        axes.set_axis_off()
        return
    order = _shown(layer)
    label = f"layer {len(seen.layers)}, backwards\ntanh(cell)"
    _heat(figure, axes, layer.cell[0][:, order].tanh(), label, extent, (-1, 1), "RdBu_r")


def _heat(
    figure: Figure,
    axes: Axes,
    values: Tensor,
    label: str,
    extent: tuple[float, float],
    limits: tuple[float, float],
    colours: str,
) -> None:
    """Draw (steps, units) as units over time."""
    image = axes.imshow(
        values.T.numpy(), origin="lower", aspect="auto", cmap=colours, vmin=limits[0], vmax=limits[1],
        extent=(*extent, 0, values.shape[1]), interpolation="nearest",
    )  # fmt: skip
    axes.set_ylabel(label)
    figure.colorbar(image, ax=axes, pad=0.01)


def command(
    clip: Annotated[Path, typer.Option(help="A recording of a command.")] = Path("tests/audio/left_right_stop.flac"),
    model: Annotated[str, typer.Option(help="A shipped model's name, or a model folder.")] = DEFAULT_MODEL,
    out: OutOption = Path("docs/studies"),
) -> None:
    """Draw the gates and cell states of a model as it recognises a command."""
    which = f"--clip {clip}" + (f" --model {model}" if model != DEFAULT_MODEL else "")
    run(lambda: study(Recognizer.load(model), clip), out, f"python -m studies.activations {which}")


if __name__ == "__main__":
    typer.run(command)
