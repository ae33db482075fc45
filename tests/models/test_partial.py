import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE
from oyez.models.partial import AGREEING, CONTEXT, LONGEST_READ, Draft
from oyez.models.recognizer import Transcript, Word


class Listener:
    """Stands in for a Recognizer: hears a word of 0.4 s in every 0.5 s of a waveform that counts its own samples."""

    def __init__(self):
        self.read = []  # seconds of each waveform that was transcribed

    def transcribe(self, waveforms):
        [waveform] = waveforms
        self.read.append(len(waveform) / SAMPLE_RATE)
        first = waveform[0] / SAMPLE_RATE if len(waveform) else 0.0
        last = first + len(waveform) / SAMPLE_RATE
        words = tuple(
            Word(f"w{n}", n / 2 - first, n / 2 + 0.4 - first, 0.9)
            for n in range(200)
            if n / 2 >= first and n / 2 + 0.4 <= last
        )
        return [Transcript(" ".join(word.text for word in words), words, 0.9 ** len(words), last - first, "listener")]


class Prompter:
    """Stands in for a Recognizer: says what it is told to."""

    def __init__(self, *texts):
        self.texts = list(texts)

    def transcribe(self, _):
        text = self.texts.pop(0)
        words = tuple(Word(each, n * 0.5, n * 0.5 + 0.4, 0.8) for n, each in enumerate(text.split()))
        return [Transcript(text, words, 0.8 ** len(words) if words else 0.7, 1.0, "prompter")]


def counting(seconds):
    """Samples that are their own numbers."""
    return np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32)


def readings(*texts):
    draft = Draft(Prompter(*texts))
    for _ in texts:
        draft.extend(counting(1))
    return draft


def test_long_speech_is_read_at_a_bounded_cost_and_whole():
    listener = Listener()
    draft = Draft(listener)
    for tenths in range(1, 150):
        draft.extend(counting(tenths / 10))
        assert draft.text.split() == [f"w{n}" for n in range(200) if n / 2 + 0.4 <= tenths / 10 + 1e-6]
    assert max(listener.read) <= LONGEST_READ + 0.1
    assert draft.confidence == pytest.approx(0.9 ** len(draft.text.split()), abs=1e-4)


def test_speech_without_a_word_is_read_at_a_bounded_cost():
    listener = Prompter(*[""] * 150)
    lengths = []
    listener.transcribe = lambda waveforms, say=listener.transcribe: (
        lengths.append(len(waveforms[0]) / SAMPLE_RATE),
        say(waveforms),
    )[1]
    draft = Draft(listener)
    for tenths in range(1, 150):
        draft.extend(counting(tenths / 10))
    assert max(lengths) <= LONGEST_READ + 0.1
    assert (draft.text, draft.stable, draft.confidence) == ("", "", 0.7)


def test_the_end_is_never_settled():
    draft = Draft(Listener())
    draft.extend(counting(LONGEST_READ + 1))
    assert 0 < draft._settled_until <= LONGEST_READ + 1 - CONTEXT
    assert all(word.end <= draft._settled_until for word in draft._settled)


def test_word_is_stable_when_the_last_readings_agree_on_it():
    assert readings("left").stable == ""
    assert readings("left", "left right", "left write").stable == "left"
    assert readings(*["left right"] * AGREEING).stable == "left right"


def test_only_whole_words_at_the_beginning_are_stable():
    assert readings("stop now", "stop no", "stopped now").stable == ""
    assert readings("a b c", "x b c", "a b c").stable == ""


def test_stable_words_outlast_a_moment_of_doubt():
    draft = readings("left", "left", "left", "")
    assert (draft.text, draft.stable, draft.confidence) == ("left", "left", 0.8)
    assert readings("left", "left", "left", "bed", "left right").text == "left right"


def test_stable_words_are_given_up_when_the_doubt_lasts():
    draft = readings("left", "left", "left", *["bed"] * AGREEING)
    assert (draft.text, draft.stable) == ("bed", "bed")


def test_what_took_their_place_is_doubted_no_sooner():
    words = ["left"] * 3 + ["bed"] * AGREEING
    assert readings(*words, "left").text == "bed"
    assert readings(*words, *["left"] * AGREEING).text == "left"


def test_transcript_of_the_whole_is_taken_at_its_word():
    draft = Draft(Prompter("left", "left", "left"))
    for _ in range(3):
        draft.extend(counting(1))
    [transcript] = Prompter("bed two").transcribe([])
    draft.take(transcript)
    assert (draft.text, draft.stable) == ("bed two", "")


def test_stable_is_a_beginning_of_text():
    for count in range(1, 6):
        draft = readings(*["go", "go up", "go up", "go up then", "go up the"][:count])
        assert draft.text.startswith(draft.stable)


def test_nothing_read_is_nothing_said():
    draft = Draft(Listener())
    assert (draft.text, draft.stable, draft.confidence) == ("", "", 0.0)
