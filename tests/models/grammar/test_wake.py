"""A wake phrase without commands: what is said to us is text, and of anything else it is known that it is not."""

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.audio import SAMPLE_RATE, read_audio
from oyez.models.grammar.errors import CommandsError
from oyez.models.recognizer import LONGEST, Recognizer
from oyez.models.types import Final, Rejection, RejectionCode


@pytest.fixture
def hear(tiny_recognizer, monkeypatch):
    """(texts of the pieces of a recording, seconds) -> the transcript of it being said."""

    def transcribe(*texts, seconds=2.0):
        recognizer = tiny_recognizer(decoding="greedy").with_wake_phrase("hey computer", 6.0)
        monkeypatch.setattr(recognizer, "log_probs", lambda _: [as_heard(text) for text in texts])
        [transcript] = recognizer.transcribe([np.zeros(round(seconds * SAMPLE_RATE), np.float32)])
        return transcript

    return transcribe


def as_heard(text):
    rows = [BLANK] * 4 + [row for label in encode(text) for row in (label, BLANK)] + [BLANK] * 4
    scores = torch.randn(len(rows), LABELS, generator=torch.Generator().manual_seed(0))
    scores[torch.arange(len(rows)), torch.tensor(rows)] += 9
    return torch.log_softmax(scores, dim=-1).numpy()


def test_text_after_the_phrase_is_said_to_us_and_keeps_its_times(hear):
    said, whole = hear("hey computer what a day"), hear("now computer what a day")
    assert (said.text, said.rejection, said.duration) == ("what a day", None, 2.0)
    assert [word.start for word in said.words] == [word.start for word in whole.words[2:]]
    assert said.wake_phrase == "hey computer"


@pytest.mark.parametrize(
    ("said", "reason", "text"),
    [
        ("hey computer", RejectionCode.WAKE_ONLY, "hey computer"),
        ("what a day", RejectionCode.NOT_WOKEN, "what a day"),
        ("", RejectionCode.NO_SPEECH, ""),
    ],
)
def test_anything_else_has_a_reason(hear, said, reason, text):
    transcript = hear(said)
    assert transcript.rejection == Rejection(reason)
    assert transcript.text == text


@pytest.mark.parametrize(
    ("pieces", "rejection", "text"),
    [
        (("what", "hey computer", "go home"), None, "go home"),
        (("what", "hey computer"), Rejection(RejectionCode.WAKE_ONLY), "hey computer"),
        (("what", "day"), Rejection(RejectionCode.NOT_WOKEN), "what day"),
        (("", ""), Rejection(RejectionCode.NO_SPEECH), ""),
        ((), Rejection(RejectionCode.NO_SPEECH), ""),
    ],
)
def test_of_a_long_recording_what_follows_the_phrase_counts(hear, monkeypatch, pieces, rejection, text):
    segments = [
        type("Segment", (), {"start": 2.0 * n, "waveform": np.zeros(SAMPLE_RATE, np.float32)})
        for n in range(len(pieces))
    ]
    monkeypatch.setattr("oyez.models.recognizer.segments_in", lambda *_: segments)
    transcript = hear(*pieces, seconds=LONGEST + 1)
    assert (transcript.text, transcript.rejection) == (text, rejection)


def test_a_phrase_that_cannot_wake_is_an_error(tiny_recognizer):
    with pytest.raises(CommandsError, match="syllable"):
        tiny_recognizer().with_wake_phrase("hey")


def test_shipped_model_wakes_and_hears_what_follows(spoken):
    """The whole way with synthetic speech: the phrase, a pause, a word; and before the phrase nothing."""
    silence = np.zeros(SAMPLE_RATE, np.float32)
    names = ("seven", "left_right_stop", "yes")
    sound = np.concatenate([part for name in names for part in (silence, read_audio(spoken / f"{name}.flac"))])
    stream = Recognizer.load("commands").with_wake_phrase("left right stop").stream()
    events = stream.accept(np.concatenate([sound, silence])) + stream.flush()
    heard = [event.transcript for event in events if isinstance(event, Final)]
    assert [(transcript.text, transcript.rejection) for transcript in heard] == [
        ("left right stop", Rejection(RejectionCode.WAKE_ONLY)),
        ("yes", None),
    ]
