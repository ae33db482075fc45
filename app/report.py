"""An evaluation as tables for people and as a record for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.markup import escape
from rich.table import Table

from models.recognizer import Recognizer
from training.calibration import BINS, expected_calibration_error, words_and_rightness
from training.evaluate import Evaluation

BySnr = Mapping[float, Evaluation]  # signal-to-noise ratio in dB -> the same utterances in noise


def as_record(
    recognizer: Recognizer, evaluation: Evaluation, by_snr: BySnr, corpus: str, split: str | None
) -> dict[str, Any]:
    """Return everything: what was measured and how, the figures, and each utterance as it was heard."""
    return {
        "model": recognizer.name,
        "corpus": corpus,
        "split": split,
        "decoding": recognizer.decoding,
        **asdict(evaluation.accuracy),
        "expected_calibration_error": _calibration_error(evaluation),
        "audio_seconds": round(evaluation.audio_seconds, 2),
        "real_time_factor": evaluation.seconds_of_work / evaluation.audio_seconds,
        "by_speaker": {name: asdict(group) for name, group in evaluation.by(lambda u: u.speaker).items()},
        "by_snr_db": {f"{snr:g}": asdict(noisy.accuracy) for snr, noisy in by_snr.items()},
        "left_out": evaluation.left_out,
        "results": [
            {
                "path": str(result.utterance.path),
                "speaker": result.utterance.speaker,
                "text": result.utterance.text,
                "heard": result.transcript.text,
                "confidence": result.transcript.confidence,
            }
            for result in evaluation.results
        ],
    }


def tables(
    recognizer: Recognizer, evaluation: Evaluation, by_snr: BySnr, corpus: str, split: str | None, confusions: int
) -> Iterator[Table]:
    """Return the figures, the texts that occur often each with its own, and the most frequent errors."""
    accuracy = evaluation.accuracy
    by_speaker = [group.correct for group in evaluation.by(lambda u: u.speaker).values()]
    figures = Table(
        "", "", box=None, show_header=False, title=escape(f"{recognizer.name} on {corpus} {split or ''}".strip())
    )
    figures.add_row("decoding", recognizer.decoding)
    figures.add_row("utterances", f"{accuracy.utterances} ({evaluation.audio_seconds / 3600:.2f} h)")
    figures.add_row("whole text right", f"{accuracy.correct:.2%}")
    figures.add_row("word error rate", f"{accuracy.word_error_rate:.2%}")
    figures.add_row("character error rate", f"{accuracy.character_error_rate:.2%}")
    if not any(result.utterance.text for result in evaluation.results):
        invented = sum(len(result.transcript.words) for result in evaluation.results)
        figures.add_row("words heard", f"{invented}, where none was said")
    figures.add_row("worst tenth of speakers", f"{_decile(by_speaker):.2%} right or less")
    figures.add_row("expected calibration error", f"{_calibration_error(evaluation):.2%}")
    figures.add_row("real-time factor", f"{evaluation.seconds_of_work / evaluation.audio_seconds:.4f}")
    yield figures
    if by_snr:
        levels = Table("noise", "right", "WER", "CER", box=None, title="by signal-to-noise ratio")
        for snr, noisy in [(None, evaluation), *by_snr.items()]:
            now = noisy.accuracy
            shares = (now.correct, now.word_error_rate, now.character_error_rate)
            levels.add_row("as it is" if snr is None else f"{snr:g} dB", *(f"{share:.2%}" for share in shares))
        yield levels
    by_text = evaluation.by(lambda u: u.text)
    if len(by_text) <= len(evaluation.results) / 5:  # a list of commands, not sentences
        each = Table("said", "clips", "right", box=None, title="by text")
        for text, group in by_text.items():
            each.add_row(text or "(nothing)", str(group.utterances), f"{group.correct:.1%}")
        yield each
    if confusions and evaluation.confusions:
        errors = Table("said", "heard", "times", box=None, title="most frequent errors")
        for said, heard, count in evaluation.confusions[:confusions]:
            errors.add_row(said or "(nothing)", heard or "(nothing)", str(count))
        yield errors


def draw(evaluation: Evaluation, by_snr: BySnr, path: Path) -> None:
    """Draw a reliability diagram, the spread over speakers and, if there is any, accuracy against noise.

    Raises OSError or ValueError if the file cannot be written or its suffix is of no kind of picture.
    """
    figure = Figure(figsize=(4.2 * (3 if by_snr else 2), 3.8), layout="constrained")
    reliability, speakers, *noise = figure.subplots(1, 3 if by_snr else 2)
    confidences, right = words_and_rightness(evaluation.results)
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    filled = [number for number in range(BINS) if (bins == number).any()]
    reliability.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    reliability.scatter(
        [confidences[bins == number].mean() for number in filled],
        [right[bins == number].mean() for number in filled],
        s=[20 + 200 * float((bins == number).mean()) for number in filled],
    )
    reliability.set(xlabel="confidence of a word", ylabel="share of words that are right", xlim=(0, 1), ylim=(0, 1.02))
    by_speaker = sorted(group.correct for group in evaluation.by(lambda u: u.speaker).values())
    speakers.step(np.linspace(0, 1, len(by_speaker)), by_speaker, where="mid")
    speakers.set(xlabel="share of speakers", ylabel="whole text right, this much or less", ylim=(0, 1.02))
    if by_snr:
        noise[0].plot(list(by_snr), [noisy.accuracy.correct for noisy in by_snr.values()], marker="o")
        noise[0].axhline(evaluation.accuracy.correct, color="0.7", linestyle="--", label="without added noise")
        noise[0].set(xlabel="signal-to-noise ratio (dB)", ylabel="whole text right", ylim=(0, 1.02))
        noise[0].legend(frameon=False)
    figure.savefig(path, dpi=120)


def _calibration_error(evaluation: Evaluation) -> float:
    return expected_calibration_error(*words_and_rightness(evaluation.results))


def _decile(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[0] if len(values) > 1 else values[0]
