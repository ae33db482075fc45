import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE
from oyez.models.partial import AGREEING, CONTEXT, LONGEST_READ, PartialTranscript
from oyez.models.types import Transcript, Word


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
        return [Transcript(" ".join(word.text for word in words), words, 0.9, last - first, "listener")]


class Prompter:
    """Stands in for a Recognizer: says what it is told to."""

    def __init__(self, *texts):
        self.texts = list(texts)

    def transcribe(self, _):
        text = self.texts.pop(0)
        words = tuple(Word(each, n * 0.5, n * 0.5 + 0.4, 0.8) for n, each in enumerate(text.split()))
        return [Transcript(text, words, 0.8 if words else 0.7, 1.0, "prompter")]


def counting(seconds):
    """Samples that are their own numbers."""
    return np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32)


def readings(*texts):
    partial = PartialTranscript(Prompter(*texts).transcribe)
    for _ in texts:
        partial.extend(counting(1))
    return partial


def test_long_speech_is_read_at_a_bounded_cost_and_whole():
    listener = Listener()
    partial = PartialTranscript(listener.transcribe)
    for tenths in range(1, 150):
        partial.extend(counting(tenths / 10))
        assert partial.text.split() == [f"w{n}" for n in range(200) if n / 2 + 0.4 <= tenths / 10 + 1e-6]
    assert max(listener.read) <= LONGEST_READ + 0.1
    assert partial.confidence == pytest.approx(0.9)


def test_speech_without_a_word_is_read_at_a_bounded_cost():
    listener = Prompter(*[""] * 150)
    lengths = []
    listener.transcribe = lambda waveforms, say=listener.transcribe: (
        lengths.append(len(waveforms[0]) / SAMPLE_RATE),
        say(waveforms),
    )[1]
    partial = PartialTranscript(listener.transcribe)
    for tenths in range(1, 150):
        partial.extend(counting(tenths / 10))
    assert max(lengths) <= LONGEST_READ + 0.1
    assert (partial.text, partial.stable, partial.confidence) == ("", "", 0.7)


def test_the_end_is_never_settled():
    partial = PartialTranscript(Listener().transcribe)
    partial.extend(counting(LONGEST_READ + 1))
    assert 0 < partial._settled_until <= LONGEST_READ + 1 - CONTEXT
    assert all(word.end <= partial._settled_until for word in partial._settled)


def test_word_is_stable_when_the_last_readings_agree_on_it():
    assert readings("left").stable == ""
    assert readings("left", "left right", "left write").stable == "left"
    assert readings(*["left right"] * AGREEING).stable == "left right"


def test_only_whole_words_at_the_beginning_are_stable():
    assert readings("stop now", "stop no", "stopped now").stable == ""
    assert readings("a b c", "x b c", "a b c").stable == ""


def test_stable_words_outlast_a_moment_of_doubt():
    partial = readings("left", "left", "left", "")
    assert (partial.text, partial.stable, partial.confidence) == ("left", "left", 0.8)
    assert readings("left", "left", "left", "bed", "left right").text == "left right"


def test_stable_words_are_given_up_when_the_doubt_lasts():
    partial = readings("left", "left", "left", *["bed"] * AGREEING)
    assert (partial.text, partial.stable) == ("bed", "bed")


def test_what_took_their_place_is_doubted_no_sooner():
    words = ["left"] * 3 + ["bed"] * AGREEING
    assert readings(*words, "left").text == "bed"
    assert readings(*words, *["left"] * AGREEING).text == "left"


def test_transcript_of_the_whole_is_taken_at_its_word():
    partial = PartialTranscript(Prompter("left", "left", "left").transcribe)
    for _ in range(3):
        partial.extend(counting(1))
    [transcript] = Prompter("bed two").transcribe([])
    partial.take(transcript)
    assert (partial.text, partial.stable) == ("bed two", "")


def test_stable_is_a_beginning_of_text():
    for count in range(1, 6):
        partial = readings(*["go", "go up", "go up", "go up then", "go up the"][:count])
        assert partial.text.startswith(partial.stable)


def test_nothing_read_is_nothing_said():
    partial = PartialTranscript(Listener().transcribe)
    assert (partial.text, partial.stable, partial.confidence) == ("", "", 0.0)
