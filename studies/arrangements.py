"""Many to many, many to one, one to one: the same words recognised by CTC, by pooling classifiers, and without memory.

    python -m studies.arrangements --data speech --out docs/studies

All but the last have the same front end and the same bidirectional LSTM.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from matplotlib.figure import Figure
from torch import Tensor, nn

from oyez.app.train.command import DataOption
from oyez.models.classifier import acoustic_model, classes_of
from oyez.training.losses import classification_loss
from studies.report import OutOption, Report, SmallOption, Table, run
from studies.speech import (
    SMALL,
    WORDS,
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

_HIDDEN = 256  # units of the network that is given averaged features


def classifier_loss(network: nn.Module, clips: Clips) -> Tensor:
    """Return the loss that the product's classifiers are trained with."""
    log_probs, _ = network(clips.features, clips.lengths)
    return classification_loss(log_probs, clips.texts, WORDS)


def class_accuracy(log_probs: Sequence[Tensor], clips: Clips) -> float:
    """Return the share of clips whose word is the likeliest class, nothing left aside: a word was said."""
    words = classes_of(WORDS)[1:]
    recognised = [words[int(rows[0, 1:].argmax())] for rows in log_probs]
    return sum(word == text for word, text in zip(recognised, clips.texts, strict=True)) / len(recognised)


def study(data: Path, settings: Settings) -> Report:
    """Train and measure every arrangement."""
    clips = load_clips(data, settings)
    features = clips[0].features.shape[2]
    arrangements = [
        ("many to many", "CTC over letters", acoustic_config(settings)),
        ("many to one", "classifier, last state", acoustic_config(settings, pooling="last")),
        ("many to one", "classifier, mean of the states", acoustic_config(settings, pooling="mean")),
        ("many to one", "classifier, attention", acoustic_config(settings, pooling="attention")),
        ("one to one", "averaged features", acoustic_config(settings, pooling="features", width=_HIDDEN)),
    ]
    results = []
    for arrangement, name, config in arrangements:

        def build(config=config) -> nn.Module:  # type: ignore[no-untyped-def]
            return acoustic_model(config, features, WORDS)

        loss_of, accuracy_of = (
            (product_loss, word_accuracy) if config.pooling is None else (classifier_loss, class_accuracy)
        )
        results.append((arrangement, measure(name, build, clips, settings, loss_of, accuracy_of)))
    return Report(
        name="arrangements",
        title="Arrangements: what the steps become",
        setting=described(settings, clips)
        + " All are asked which of the ten words it is. The time is one core's own, of the network alone.",
        figure=_figure([result for _, result in results]),
        tables=[
            Table(
                "The same clips in every arrangement",
                ("arrangement", "network", "parameters", "words right", "real-time factor"),
                [
                    (
                        arrangement,
                        result.name,
                        f"{result.parameters:,}",
                        result.accuracy_written,
                        f"{result.real_time_factor:.5f}",
                    )
                    for arrangement, result in results
                ],
            )
        ],
    )


def _figure(results: list[Result]) -> Figure:
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for number, result in enumerate(reversed(results)):
        axes.barh(number, 100 * result.accuracy, color="#3b6fb6", alpha=0.7)
        axes.plot([100 * accuracy for accuracy in result.accuracies], [number] * len(result.accuracies), "k|")
    axes.set_yticks(range(len(results)), [result.name for result in reversed(results)])
    axes.set(xlabel="words right, %; a stroke is one seed", xlim=(0, 100))
    return figure


def command(
    data: DataOption = Path("speech"),
    out: OutOption = Path("docs/studies"),
    small: SmallOption = False,
) -> None:
    """Compare CTC, pooling classifiers and averaged features on the same clips."""
    settings, size = (SMALL, " --small") if small else (Settings(), "")
    run(lambda: study(data, settings), out, f"python -m studies.arrangements --data {data}{size}")


if __name__ == "__main__":
    typer.run(command)
