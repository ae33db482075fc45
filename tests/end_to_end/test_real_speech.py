"""The shipped model on real people, where a sample of the corpora is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE, read_audio
from oyez.data.corpora.loading import load_corpus
from oyez.models.recognizer import Recognizer
from oyez.models.types import Final
from oyez.training.evaluation.recognition import evaluate


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load("commands")


def test_commands_of_validation_speakers_are_understood(recognizer: Recognizer, real_speech: Path) -> None:
    corpus = load_corpus("speech-commands", real_speech / "SpeechCommands", "validation")
    assert len(corpus.utterances) > 100
    assert evaluate(recognizer, corpus.utterances).accuracy.correct >= 0.9


def test_a_stream_of_commands_gives_what_the_clips_give(recognizer: Recognizer, real_speech: Path) -> None:
    """Thirty clips with pauses between them, in chunks of 50 ms."""
    corpus = load_corpus("speech-commands", real_speech / "SpeechCommands", "validation")
    chosen = corpus.utterances[::5][:30]
    pause = np.zeros(SAMPLE_RATE, np.float32)
    stream = np.concatenate([part for u in chosen for part in (pause, read_audio(u.path))] + [pause])
    listener = recognizer.stream()
    events = [event for start in range(0, len(stream), 800) for event in listener.accept(stream[start : start + 800])]
    heard = [event.transcript.text for event in [*events, *listener.flush()] if isinstance(event, Final)]
    said = [utterance.text for utterance in chosen]
    assert len([text for text in heard if text]) == pytest.approx(len(said), abs=4)
    assert len(set(said) & set(heard)) >= 0.8 * len(set(said))


def test_most_sentences_are_not_taken_for_commands(recognizer: Recognizer, real_speech: Path) -> None:
    corpus = load_corpus("librispeech", real_speech / "LibriSpeech", "dev-clean")
    foreign = [u for u in corpus.utterances if not set(u.text.split()) & set(recognizer.config.vocabulary)]
    evaluation = evaluate(recognizer, foreign)
    words_heard = sum(len(result.transcript.words) for result in evaluation.results)
    words_said = sum(len(utterance.text.split()) for utterance in foreign)
    assert words_said > 50
    assert words_heard <= 0.1 * words_said
