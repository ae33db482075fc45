"""Which phrases may wake, and when one is heard."""

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.models.grammar.confidence import CommandConfidence
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.wake_phrase import WakePhrase, check_wake_phrase, syllables

STEP = 0.03  # seconds


def as_heard(text, blanks=1):
    """Log-probabilities in which a text is likely, with so many blanks after each letter."""
    rows = [row for label in encode(text) for row in (label, *[BLANK] * blanks)]
    scores = torch.randn(len(rows) + 8, LABELS, generator=torch.Generator().manual_seed(0))
    scores[torch.arange(len(rows) + 8), torch.tensor([BLANK] * 4 + rows + [BLANK] * 4)] += 9
    return torch.log_softmax(scores, dim=-1).numpy()


@pytest.fixture
def wake():
    return WakePhrase("hey computer", CommandConfidence())


@pytest.mark.parametrize(
    ("text", "number"),
    [("hey oyez", 3), ("computer", 3), ("yes", 1), ("home", 1), ("apple", 2), ("how are you", 3), ("radio", 3),
     ("trick or treat", 3), ("hey maria", 4), ("station", 2), ("the", 1), ("prince", 1), ("tv", 2), ("naomi", 3)],
)  # fmt: skip
def test_syllables_are_counted_as_they_are_spoken(text, number):
    assert syllables(text) == number


@pytest.mark.parametrize("phrase", ["hey oyez", "Alexa", "hey computer!", "okay 7", "hey TV"])
def test_phrases_of_three_syllables_may_wake(phrase):
    check_wake_phrase(phrase)
    assert WakePhrase(phrase, CommandConfidence()).phrase == phrase


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("hey", "'hey' has 1 syllable;"),
        ("hey joe", "'hey joe' has 2 syllables;"),
        (" ", "is empty"),
        ("hey компьютер", "unsupported character"),
        ("oyez " * 21, "105 characters, of at most 100"),
    ],
)
def test_other_phrases_may_not(phrase, message):
    with pytest.raises(CommandsError, match=message):
        WakePhrase(phrase, CommandConfidence())


def test_the_phrase_is_heard_with_its_place(wake):
    alone = wake.detect(as_heard("hey computer"), STEP)
    assert alone.text == "hey computer"
    assert (alone.words[0].start, alone.end) == (4, None)
    followed = wake.detect(as_heard("hey computer what a day"), STEP)
    assert followed.text == "hey computer"
    assert followed.words == alone.words[:1] + followed.words[1:]
    assert followed.words[-1].end <= followed.end <= followed.words[-1].end + 3


@pytest.mark.parametrize("text", ["", "hey", "what a lovely day", "say hey computer", "hay commuter day"])
def test_other_speech_does_not_wake(wake, text):
    assert wake.detect(as_heard(text), STEP) is None


def test_a_phrase_that_runs_on_into_other_words_is_less_sure(wake):
    alone = wake.find(as_heard("hay conputer"), STEP)
    followed = wake.find(as_heard("hay conputer what a day"), STEP)
    assert followed.confidence < alone.confidence < 0.99


def test_a_phrase_slower_than_anybody_speaks_is_none(wake):
    assert wake.find(as_heard("hey computer", blanks=4), STEP).confidence > 0.5
    assert wake.find(as_heard("hey computer", blanks=7), STEP) is None


def test_words_may_be_said_as_the_spellings_have_it():
    wake = WakePhrase("hey oyez", CommandConfidence(), spellings={"oyez": ["oh yes"]})
    assert wake.detect(as_heard("hey oh yes"), STEP).text == "hey oh yes"


def test_what_is_too_short_for_the_phrase_does_not_wake(wake):
    assert wake.find(as_heard("")[:3], STEP) is None
    assert wake.find(np.empty((0, LABELS), np.float32), STEP) is None
