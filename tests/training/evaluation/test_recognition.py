"""Evaluation counts what was heard, and names what could not be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oyez.data.audio import read_audio
from oyez.data.corpora.loading import load_corpus
from oyez.data.manifest import Utterance
from oyez.models.recognizer import Recognizer
from oyez.models.types import Transcript
from oyez.training.evaluation.recognition import Evaluation, Noisy, Result, evaluate


def heard(said: str, text: str, speaker: str = "") -> Result:
    return Result(Utterance(Path("x.wav"), said, speaker), Transcript(text, (), 0.5, 1.0, "m"))


RESULTS = Evaluation(
    [heard("yes", "yes", "ann"), heard("no", "go", "ann"), heard("no", "go", "bob"), heard("up", "", "bob")], [], 2.0
)


def test_figures_by_speaker_and_by_text() -> None:
    assert RESULTS.accuracy.correct == 0.25
    assert {name: group.correct for name, group in RESULTS.by(lambda u: u.speaker).items()} == {"ann": 0.5, "bob": 0}
    assert {name: group.utterances for name, group in RESULTS.by(lambda u: u.text).items()} == {
        "no": 2,
        "up": 1,
        "yes": 1,
    }


def test_evaluations_put_together_are_those_of_all_their_utterances() -> None:
    other = Evaluation([heard("up", "up", "cid")], ["x.wav: no audio"], 1.0)
    both = Evaluation.together([RESULTS, other])
    assert (both.accuracy.utterances, both.accuracy.correct) == (5, 0.4)
    assert (both.left_out, both.seconds_of_work) == (["x.wav: no audio"], 3.0)


def test_confusions_come_most_frequent_first() -> None:
    assert RESULTS.confusions == [("no", "go", 2), ("up", "", 1)]


def test_every_utterance_is_heard_as_the_recognizer_hears_it_and_broken_ones_are_named(
    corpus: Path, untrained_model: Path
) -> None:
    utterances = load_corpus("recordings", corpus / "recordings").utterances
    (corpus / "recordings" / "low0.wav").write_bytes(b"RIFF")
    recognizer, told = Recognizer.load(untrained_model), []
    evaluation = evaluate(recognizer, utterances, told.append)
    assert sum(told) == len(utterances) == 12
    assert [reason for reason in evaluation.left_out if "low0.wav" in reason] == evaluation.left_out
    assert len(evaluation.results) == 11
    for result in evaluation.results:
        [alone] = recognizer.transcribe([read_audio(result.utterance.path)])
        assert result.transcript.text == alone.text
    assert evaluation.audio_seconds == pytest.approx(5.5)


def test_noise_is_as_loud_as_asked_and_the_same_at_every_call() -> None:
    noises = [np.random.default_rng(1).normal(0, 0.3, 5000).astype(np.float32)]
    tone = np.sin(np.arange(20_000) / 5).astype(np.float32)
    for snr in (20.0, 0.0):
        noisy = Noisy(noises, snr)
        added = noisy(tone, 3) - tone
        assert 10 * np.log10((tone**2).mean() / (added**2).mean()) == pytest.approx(snr, abs=0.1)
        np.testing.assert_array_equal(noisy(tone, 3), noisy(tone, 3))
        assert np.abs(noisy(tone, 3) - noisy(tone, 4)).max() > 0


def test_utterances_are_heard_in_noise(corpus: Path, untrained_model: Path) -> None:
    utterances = load_corpus("recordings", corpus / "recordings").utterances
    recognizer = Recognizer.load(untrained_model)
    noise = np.random.default_rng(1).normal(0, 0.3, 50_000).astype(np.float32)
    clean, loud = (evaluate(recognizer, utterances, noisy=noisy) for noisy in (None, Noisy([noise], 0.0)))
    assert len(clean.results) == len(loud.results) == 12
    assert [r.transcript.confidence for r in clean.results] != [r.transcript.confidence for r in loud.results]
