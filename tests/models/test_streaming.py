import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oyez.data.audio import SAMPLE_RATE
from oyez.models.streaming import PARTIAL_EVERY
from oyez.models.types import Final, Partial, SpeechStarted
from oyez.models.vad.segmentation import SegmentationConfig
from oyez.models.vad.silero import segments_in

pytestmark = pytest.mark.usefixtures("energy_is_speech")

LONGEST = SegmentationConfig(longest=2)


@pytest.fixture
def recognizer(tiny_recognizer):
    return tiny_recognizer("greedy")


@pytest.fixture
def speech(noise):
    """Speech (that is, noise) at 1.0 - 1.5 s, at 3.0 - 6.0 s (longer than a segment may be) and at the very end."""
    stream = np.zeros(9 * SAMPLE_RATE, np.float32)
    for start, end in [(1.0, 1.5), (3.0, 6.0), (8.5, 9.0)]:
        stream[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)] = noise(end - start, 0.5)
    return stream


def events_of(stream, samples, chunks, flush=True):
    """Feed samples in chunks of these sizes, over and over."""
    events, position, turn = [], 0, 0
    while position < len(samples):
        size = chunks[turn % len(chunks)]
        events += stream.accept(samples[position : position + size])
        position, turn = position + size, turn + 1
    return events + (stream.flush() if flush else [])


def finals(events):
    return [event for event in events if isinstance(event, Final)]


def count_transcribed(recognizer, monkeypatch):
    """Return a list to which the length of every waveform that is transcribed is appended."""
    lengths, transcribe = [], recognizer.transcribe

    def counted(waveforms):
        lengths.extend(len(waveform) for waveform in waveforms)
        return transcribe(waveforms)

    monkeypatch.setattr(recognizer, "transcribe", counted)
    return lengths


def kinds(events):
    """Return the kinds of event in order, repetitions left out."""
    names = (type(event).__name__ for event in events)
    return [name for name, _ in itertools.groupby(names)]


def test_final_of_a_segment_is_the_transcript_of_its_samples(recognizer, speech):
    heard = finals(events_of(recognizer.stream(config=LONGEST), speech, [1600]))
    segments = list(segments_in([speech], LONGEST))
    assert len(heard) == len(segments) >= 4
    assert any(final.transcript.words for final in heard)
    for final, segment in zip(heard, segments, strict=True):
        assert (final.start, final.end) == (segment.start, segment.end)
        [expected] = recognizer.transcribe([segment.waveform])
        words = tuple(
            replace(word, start=round(word.start + final.start, 3), end=round(word.end + final.start, 3))
            for word in expected.words
        )
        assert final.transcript == replace(expected, words=words)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.integers(100, 40_000), min_size=1, max_size=4))
def test_any_chunking_gives_the_same_finals(chunks, recognizer, speech):
    whole = finals(events_of(recognizer.stream(config=LONGEST), speech, [len(speech)]))
    assert finals(events_of(recognizer.stream(config=LONGEST), speech, chunks)) == whole


@pytest.mark.parametrize("chunk", [160, 1600, 30_000, 9 * SAMPLE_RATE])
def test_every_segment_is_announced_then_guessed_at_then_told(chunk, recognizer, speech):
    events = events_of(recognizer.stream(config=LONGEST), speech, [chunk])
    started = [event.start for event in events if isinstance(event, SpeechStarted)]
    assert started == [final.start for final in finals(events)]
    names = "".join(type(event).__name__[0] for event in events)
    assert all(set(part[1:]) <= {"P"} and part[0] == "S" for part in names.split("F")[:-1])
    assert names.endswith("F")


def test_partials_come_while_speech_goes_on(recognizer, speech):
    events = events_of(recognizer.stream(), speech[: 3 * SAMPLE_RATE], [160])
    assert kinds(events) == ["SpeechStarted", "Partial", "Final"]
    partials = [event for event in events if isinstance(event, Partial)]
    assert all(later.end - earlier.end > PARTIAL_EVERY * 0.75 for earlier, later in itertools.pairwise(partials))
    assert len(partials) >= 4
    [final] = finals(events)
    assert {partial.start for partial in partials} == {final.start}
    assert all(partial.end <= final.end + 0.5 for partial in partials)


def test_partial_is_the_text_of_the_segment_so_far(recognizer, speech):
    stream = recognizer.stream()
    events = stream.accept(speech[: int(1.4 * SAMPLE_RATE)])
    assert kinds(events) == ["SpeechStarted", "Partial"]
    partial = events[-1]
    so_far = speech[round(partial.start * SAMPLE_RATE) : round(partial.end * SAMPLE_RATE)]
    [transcript] = recognizer.transcribe([so_far])
    assert partial.text.split() == transcript.text.split() != []
    assert partial.confidence == pytest.approx(transcript.confidence, abs=2e-4)


def test_partial_grows_from_a_stable_beginning(recognizer, speech):
    partials = [event for event in events_of(recognizer.stream(), speech, [512]) if isinstance(event, Partial)]
    assert all(partial.text.startswith(partial.stable) for partial in partials)
    assert any(partial.stable for partial in partials)
    assert any(partial.stable != partial.text for partial in partials)


def test_final_is_ready_before_the_silence_is_over(recognizer, speech, monkeypatch):
    stream = recognizer.stream()
    lengths = count_transcribed(recognizer, monkeypatch)
    silence = int(1.5 * SAMPLE_RATE)  # where the first speech ends
    events_of(stream, speech[: silence + int(0.4 * SAMPLE_RATE)], [512], flush=False)
    assert lengths
    lengths.clear()
    [final] = finals(stream.accept(speech[silence + int(0.4 * SAMPLE_RATE) : 2 * SAMPLE_RATE + 1600]))
    assert lengths == []
    [expected] = recognizer.transcribe([final.waveform])
    assert final.transcript.text == expected.text != ""


def test_silence_within_a_segment_is_not_read_again(recognizer, noise, monkeypatch):
    lengths = count_transcribed(recognizer, monkeypatch)
    stream = recognizer.stream(config=SegmentationConfig(closing_silence=3))
    stream.accept(noise(1, 0.5))
    lengths.clear()
    events = events_of(stream, np.zeros(int(2.5 * SAMPLE_RATE), np.float32), [512], flush=False)
    assert len(lengths) == len(events) <= 4  # a few while the margin passes, and no more


def test_speech_that_goes_on_after_a_pause_is_in_the_final(recognizer, noise):
    pause = np.zeros(int(0.4 * SAMPLE_RATE), np.float32)
    sound = np.concatenate([noise(0.5, 0.5), pause, noise(0.7, 0.5), np.zeros(SAMPLE_RATE, np.float32)])
    [final] = finals(events_of(recognizer.stream(), sound, [512]))
    [expected] = recognizer.transcribe([sound[: len(final.waveform)]])
    assert len(final.waveform) > 1.6 * SAMPLE_RATE
    assert final.transcript.text == expected.text != ""


def test_final_carries_its_samples(recognizer, speech):
    for final in finals(events_of(recognizer.stream(), speech, [1000])):
        assert (final.end - final.start) * SAMPLE_RATE == pytest.approx(len(final.waveform))
        start = round(final.start * SAMPLE_RATE)
        np.testing.assert_array_equal(final.waveform, speech[start : start + len(final.waveform)])


def test_chunking_has_no_influence_at_another_rate(recognizer, speech):
    fast = np.repeat(speech, 3)
    whole, pieces = (finals(events_of(recognizer.stream(48_000), fast, chunks)) for chunks in ([len(fast)], [4800, 77]))
    assert pieces == whole != []


def test_stream_tells_its_length_and_whether_somebody_speaks(recognizer, speech):
    stream = recognizer.stream()
    stream.accept(speech[:SAMPLE_RATE])
    assert (stream.seconds, stream.speaking) == (1.0, False)
    stream.accept(speech[SAMPLE_RATE : int(1.3 * SAMPLE_RATE)])
    assert (stream.seconds, stream.speaking) == (pytest.approx(1.3), True)
    stream.accept(speech[int(1.3 * SAMPLE_RATE) : int(1.9 * SAMPLE_RATE)])
    assert not stream.speaking


def test_silence_brings_about_nothing(recognizer):
    assert events_of(recognizer.stream(), np.zeros(3 * SAMPLE_RATE, np.float32), [1600]) == []


def test_no_samples_bring_about_nothing(recognizer):
    stream = recognizer.stream()
    assert stream.accept(np.zeros(0, np.float32)) == stream.flush() == []


def test_flush_tells_what_was_still_being_said(recognizer, speech):
    stream = recognizer.stream()
    assert kinds(stream.accept(speech[: int(1.3 * SAMPLE_RATE)])) == ["SpeechStarted", "Partial"]
    [final] = stream.flush()
    assert final.end == pytest.approx(1.3)
    assert stream.flush() == []


@pytest.mark.parametrize("end", ["reset", "flush"])
def test_next_stream_begins_anew(end, recognizer, speech):
    stream = recognizer.stream()
    expected = events_of(stream, speech, [1000])
    stream.accept(speech[: int(1.3 * SAMPLE_RATE)])
    getattr(stream, end)()
    assert events_of(stream, speech, [1000]) == expected


def test_two_streams_of_one_recognizer_do_not_meet(recognizer, speech):
    one, other = recognizer.stream(), recognizer.stream()
    expected = finals(events_of(recognizer.stream(), speech, [4000], flush=False))
    heard = []
    for position in range(0, len(speech), 4000):
        heard += one.accept(speech[position : position + 4000])
        other.accept(np.flip(speech)[position : position + 4000])
    assert finals(heard) == expected != []
