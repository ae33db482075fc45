"""An evaluation as tables for people and as a record for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.markup import escape
from rich.table import Table

from oyez.training.calibration.reliability import BINS, expected_calibration_error, words_and_rightness
from oyez.training.evaluation.metrics import Accuracy
from oyez.training.evaluation.recognition import Evaluation


@dataclass(frozen=True)
class Trial:
    """A model in one decoding, and its results on one corpus or several."""

    model: str
    decoding: str  # "commands" with a commands file
    by_corpus: Mapping[str, Evaluation]
    by_snr: Mapping[float, Evaluation]  # signal-to-noise ratio in dB -> all of these utterances in noise

    @cached_property
    def whole(self) -> Evaluation:
        """All corpora together."""
        return Evaluation.together(self.by_corpus.values())


def as_record(trial: Trial, source: Mapping[str, str | None]) -> dict[str, Any]:
    """Return everything: what was measured and how, the figures, and each utterance as it was recognised.

    `source` says where the utterances are from: a recipe, or a corpus and its split.
    """
    evaluation = trial.whole
    return {
        "model": trial.model,
        **source,
        "decoding": trial.decoding,
        **_figures(evaluation),
        "by_corpus": {title: _figures(part) for title, part in trial.by_corpus.items()},
        "by_speaker": {name: asdict(group) for name, group in evaluation.by(lambda u: u.speaker).items()},
        "by_snr_db": {f"{snr:g}": asdict(noisy.accuracy) for snr, noisy in trial.by_snr.items()},
        "skipped": evaluation.left_out,
        "results": [
            {
                "corpus": title,
                "path": str(result.utterance.path),
                "speaker": result.utterance.speaker,
                "reference": result.utterance.text,
                "recognised": result.text,
                "confidence": result.transcript.confidence,
            }
            for title, part in trial.by_corpus.items()
            for result in part.results
        ],
    }


def tables(trials: Sequence[Trial], confusions: int) -> Iterator[Table]:
    """Return the figures of one or several decodings on the same utterances.

    First by corpus, if there are several; then for each decoding the figures of all utterances, those in noise, the
    texts that occur often each with its own, and the most frequent errors.
    """
    if len(trials) > 1 or len(trials[0].by_corpus) > 1:
        yield _by_corpus(trials)
    for trial in trials:
        yield from _of_one(trial, confusions)


def draw(trials: Sequence[Trial], path: Path) -> None:
    """Draw reliability diagram and spread over speakers, and what there is of: corpora, accuracy against noise.

    Raises OSError or ValueError if the file cannot be written or its suffix is of no kind of picture.
    """
    panels = [_draw_reliability, _draw_speakers]
    panels += [_draw_corpora] if len(trials[0].by_corpus) > 1 else []
    panels += [_draw_noise] if trials[0].by_snr else []
    figure = Figure(figsize=(4.2 * len(panels), 3.8), layout="constrained")
    for panel, axes in zip(panels, figure.subplots(1, len(panels)), strict=True):
        for number, trial in enumerate(trials):
            panel(axes, trial, f"C{number}")
    if len(trials) > 1:
        handles, labels = figure.axes[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(trials), frameon=False)
    figure.savefig(path, dpi=120)


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        **asdict(evaluation.accuracy),
        "speakers": _speakers(evaluation),
        "expected_calibration_error": _calibration_error(evaluation),
        "audio_seconds": round(evaluation.audio_seconds, 2),
        "real_time_factor": evaluation.seconds_of_work / evaluation.audio_seconds,
    }


def _by_corpus(trials: Sequence[Trial]) -> Table:
    headings = ("corpus", "decoding", "clips", "speakers", "sentence accuracy", "WER", "CER", "calibration error")
    table = Table(*headings, box=None, title=escape(f"{trials[0].model} by corpus"))
    for column in table.columns[2:]:
        column.justify = "right"
    rows = {escape(title): [trial.by_corpus[title] for trial in trials] for title in trials[0].by_corpus}
    if len(rows) > 1:
        rows["all"] = [trial.whole for trial in trials]
    for name, parts in rows.items():
        for number, (trial, part) in enumerate(zip(trials, parts, strict=True)):
            accuracy = part.accuracy
            has_words = any(result.utterance.text for result in part.results)  # else every recognised word is wrong
            table.add_row(
                "" if number else name,
                trial.decoding,
                str(accuracy.utterances),
                str(_speakers(part)),
                *_shares(accuracy),
                f"{_calibration_error(part):.2%}" if has_words else "-",
            )
    return table


def _of_one(trial: Trial, confusions: int) -> Iterator[Table]:
    evaluation = trial.whole
    accuracy = evaluation.accuracy
    by_speaker = [group.correct for group in evaluation.by(lambda u: u.speaker).values()]
    where = next(iter(trial.by_corpus)) if len(trial.by_corpus) == 1 else "all corpora"
    figures = Table("", "", box=None, show_header=False, title=escape(f"{trial.model} on {where}"))
    figures.add_row("decoding", trial.decoding)
    figures.add_row("utterances", f"{accuracy.utterances} ({evaluation.audio_seconds / 3600:.2f} h)")
    figures.add_row("sentence accuracy", f"{accuracy.correct:.2%}")
    figures.add_row("word error rate", f"{accuracy.word_error_rate:.2%}")
    figures.add_row("character error rate", f"{accuracy.character_error_rate:.2%}")
    if not any(result.utterance.text for result in evaluation.results):
        invented = sum(len(result.text.split()) for result in evaluation.results)
        figures.add_row("words recognised", f"{invented}, where none was said")
    figures.add_row("worst tenth of speakers", f"sentence accuracy {_decile(by_speaker):.2%} or less")
    figures.add_row("expected calibration error", f"{_calibration_error(evaluation):.2%}")
    figures.add_row("real-time factor", f"{evaluation.seconds_of_work / evaluation.audio_seconds:.4f}")
    yield figures
    if trial.by_snr:
        levels = Table("noise", "sentence accuracy", "WER", "CER", box=None, title="by signal-to-noise ratio")
        for snr, noisy in [(None, evaluation), *trial.by_snr.items()]:
            levels.add_row("as recorded" if snr is None else f"{snr:g} dB", *_shares(noisy.accuracy))
        yield levels
    by_text = evaluation.by(lambda u: u.text)
    if len(by_text) <= len(evaluation.results) / 5:  # a list of commands, not sentences
        texts = Table("reference", "clips", "sentence accuracy", box=None, title="by text")
        for text, group in by_text.items():
            texts.add_row(text or "(nothing)", str(group.utterances), f"{group.correct:.1%}")
        yield texts
    if confusions and evaluation.confusions:
        errors = Table("reference", "recognised", "times", box=None, title="most frequent errors")
        for reference, recognised, count in evaluation.confusions[:confusions]:
            errors.add_row(reference or "(nothing)", recognised or "(nothing)", str(count))
        yield errors


def _draw_reliability(axes: Axes, trial: Trial, colour: str) -> None:
    confidences, right = words_and_rightness(trial.whole.results)
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    filled = [number for number in range(BINS) if (bins == number).any()]
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axes.scatter(
        [confidences[bins == number].mean() for number in filled],
        [right[bins == number].mean() for number in filled],
        s=[20 + 200 * float((bins == number).mean()) for number in filled],
        color=colour,
    )
    axes.set(xlabel="confidence of a word", ylabel="share of words that are right", xlim=(0, 1), ylim=(0, 1.02))


def _draw_speakers(axes: Axes, trial: Trial, colour: str) -> None:
    by_speaker = sorted(group.correct for group in trial.whole.by(lambda u: u.speaker).values())
    axes.step(np.linspace(0, 1, len(by_speaker)), by_speaker, where="mid", color=colour, label=trial.decoding)
    axes.set(xlabel="share of speakers", ylabel="sentence accuracy, this much or less", ylim=(0, 1.02))


def _draw_corpora(axes: Axes, trial: Trial, colour: str) -> None:
    titles = [title.replace(", ", ",\n") for title in trial.by_corpus]
    shares = [part.accuracy.word_error_rate for part in trial.by_corpus.values()]
    axes.plot(shares, titles, color=colour, marker="o", linestyle="")
    axes.set(xlabel="word error rate", ylim=(len(titles) - 0.5, -0.5))
    axes.set_xlim(left=0)


def _draw_noise(axes: Axes, trial: Trial, colour: str) -> None:
    right = [noisy.accuracy.correct for noisy in trial.by_snr.values()]
    axes.plot(list(trial.by_snr), right, color=colour, marker="o")
    axes.axhline(trial.whole.accuracy.correct, color=colour, alpha=0.4, linestyle="--")
    axes.set(xlabel="signal-to-noise ratio (dB); dashed: no noise added", ylabel="sentence accuracy", ylim=(0, 1.02))


def _shares(accuracy: Accuracy) -> list[str]:
    shares = (accuracy.correct, accuracy.word_error_rate, accuracy.character_error_rate)
    return [f"{share:.2%}" for share in shares]


def _speakers(evaluation: Evaluation) -> int:
    return len({result.utterance.speaker for result in evaluation.results})


def _calibration_error(evaluation: Evaluation) -> float:
    return expected_calibration_error(*words_and_rightness(evaluation.results))


def _decile(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[0] if len(values) > 1 else values[0]
