"""An evaluation as tables for people and as a record for programs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from models.recognizer import Recognizer
from training.calibration import expected_calibration_error, words_and_rightness
from training.evaluate import Evaluation


def as_record(recognizer: Recognizer, evaluation: Evaluation, corpus: str, split: str | None) -> dict[str, Any]:
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
    recognizer: Recognizer, evaluation: Evaluation, corpus: str, split: str | None, confusions: int
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


def _calibration_error(evaluation: Evaluation) -> float:
    return expected_calibration_error(*words_and_rightness(evaluation.results))


def _decile(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[0] if len(values) > 1 else values[0]
