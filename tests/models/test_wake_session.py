"""A stream with a wake phrase: what is meant for us, whatever the chunks, and what is never reported."""

import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE
from oyez.models.streaming import StreamingRecognizer
from oyez.models.types import Command, Final, Rejection, RejectionCode, SpeechStarted, Transcript
from oyez.models.wake_session import WakeSession, addressed_parts

STOP = Command("Stop", {}, "stop", 0.9)
CALL = Rejection(RejectionCode.WAKE_ONLY)
SPEECH = Rejection(RejectionCode.NOT_WOKEN)
UNWOKEN_STOP = Rejection(RejectionCode.NOT_WOKEN, STOP)


def transcript_of(meaning):
    """A transcript with a command, a rejection, or neither."""
    command = meaning if isinstance(meaning, Command) else None
    rejection = meaning if isinstance(meaning, Rejection) else None
    return Transcript("text", (), 0.5, 1.0, "model", command, rejection)


def meaning_of(transcript):
    return transcript.command or transcript.rejection


def test_one_command_may_follow_the_wake_phrase_within_some_seconds():
    session = WakeSession(5.0)
    assert meaning_of(session.update(transcript_of(UNWOKEN_STOP), 0, 1)) == UNWOKEN_STOP
    assert meaning_of(session.update(transcript_of(CALL), 2, 3)) == CALL
    assert meaning_of(session.update(transcript_of(UNWOKEN_STOP), 7.9, 9)) == STOP
    assert meaning_of(session.update(transcript_of(UNWOKEN_STOP), 9, 10)) == UNWOKEN_STOP  # one command for one call
    session.update(transcript_of(CALL), 20, 21)
    assert meaning_of(session.update(transcript_of(UNWOKEN_STOP), 26.1, 27)) == UNWOKEN_STOP


def test_other_speech_between_does_not_end_the_attention():
    session = WakeSession(5.0)
    session.update(transcript_of(CALL), 0, 1)
    session.update(transcript_of(Rejection(RejectionCode.NO_MATCH)), 2, 3)
    assert meaning_of(session.update(transcript_of(UNWOKEN_STOP), 4, 5)) == STOP


def test_all_free_text_that_begins_in_time_or_goes_on_without_a_pause_is_said_to_us():
    session = WakeSession(5.0)
    assert meaning_of(session.update(transcript_of(SPEECH), 0, 1)) == SPEECH
    session.update(transcript_of(CALL), 2, 3)
    assert meaning_of(session.update(transcript_of(SPEECH), 4, 6)) is None
    assert meaning_of(session.update(transcript_of(SPEECH), 7, 20)) is None
    assert meaning_of(session.update(transcript_of(SPEECH), 20, 25)) is None  # the segment was cut
    assert meaning_of(session.update(transcript_of(SPEECH), 25.5, 26)) == SPEECH


def test_text_goes_on_after_a_cut_though_the_times_are_rounded():
    session = WakeSession(5.0)
    session.update(transcript_of(CALL), 400, 403)
    start, length, cut = 12623 * 512 / 16000, 415 * 512 / 16000, 13038 * 512 / 16000
    assert start + length < cut  # by a rounding error
    assert meaning_of(session.update(transcript_of(SPEECH), start, start + length)) is None
    assert meaning_of(session.update(transcript_of(SPEECH), cut, cut + 2)) is None


def test_text_in_the_breath_of_the_phrase_calls_too():
    session = WakeSession(5.0)
    session.update(transcript_of(None), 0, 2)
    assert meaning_of(session.update(transcript_of(SPEECH), 6.5, 8)) is None


class Loudness:
    """Stands in for a recognizer with a wake phrase: the loudness of a piece of sound says what is meant."""

    def __init__(self, meanings, only_addressed):
        self.interpreter = self
        self._meanings = meanings
        self._only_addressed = only_addressed

    def wake_session(self):
        return WakeSession(3.0, self._only_addressed)

    def transcribe(self, waveforms):
        loudness = [np.abs(waveform).max() for waveform in waveforms]
        return [transcript_of(self._meanings[min(self._meanings, key=lambda x, y=y: abs(x - y))]) for y in loudness]


@pytest.fixture
def stream(energy_is_speech):
    """(a meaning for each loudness, whether only what is meant for us is reported) -> a stream, awake for 3 s."""
    return lambda meanings, only_addressed=False: StreamingRecognizer(Loudness(meanings, only_addressed))


def sound(*bursts):
    """A second of tone for each (start, loudness)."""
    samples = np.zeros(20 * SAMPLE_RATE, np.float32)
    for start, loudness in bursts:
        samples[start * SAMPLE_RATE : (start + 1) * SAMPLE_RATE] = loudness
        samples[start * SAMPLE_RATE : (start + 1) * SAMPLE_RATE : 2] *= -1
    return samples


def events_of(stream, samples, size):
    events = [event for start in range(0, len(samples), size) for event in stream.accept(samples[start : start + size])]
    return events + stream.flush()


def finals(events):
    return [meaning_of(event.transcript) for event in events if isinstance(event, Final)]


BURSTS = sound((1, 0.5), (4, 0.9), (6, 0.5), (12, 0.5))  # speech, the phrase, speech in time, speech too late


@pytest.mark.parametrize("size", [317, 16_000, 400_000])
def test_a_command_follows_the_call_in_a_stream_of_any_chunks(stream, size):
    events = events_of(stream({0.5: UNWOKEN_STOP, 0.9: CALL}), BURSTS, size)
    assert finals(events) == [UNWOKEN_STOP, CALL, STOP, UNWOKEN_STOP]


@pytest.mark.parametrize("size", [317, 16_000, 400_000])
def test_of_what_is_not_said_to_us_nothing_is_told(stream, size):
    events = events_of(stream({0.5: SPEECH, 0.9: CALL}, only_addressed=True), BURSTS, size)
    assert finals(events) == [CALL, None]
    assert all(3.5 < event.start < 7 for event in events)
    first, second = (n for n, event in enumerate(events) if isinstance(event, Final))
    assert isinstance(events[0], SpeechStarted)
    assert first == 1
    assert isinstance(events[2], SpeechStarted)
    assert second == len(events) - 1


def test_who_is_awake_falls_asleep_and_forgets_the_call_with_the_stream(stream):
    one = stream({0.5: SPEECH, 0.9: CALL}, only_addressed=True)
    assert not one.awake
    one.accept(sound((1, 0.9))[: 3 * SAMPLE_RATE])
    assert one.awake
    one.reset()
    assert not one.awake
    assert finals(events_of(one, sound((0, 0.5)), 16_000)) == []


def test_of_the_pieces_of_a_recording_those_count_that_say_most():
    several = Rejection(RejectionCode.MULTIPLE)  # a piece that was joined of several itself
    pieces = [
        (transcript_of(command), float(n)) for n, command in enumerate([UNWOKEN_STOP, CALL, SPEECH, STOP, several])
    ]
    assert addressed_parts(pieces, 5.0) == pieces[4:]
    assert addressed_parts(pieces[:4], 5.0) == [(transcript_of(None), 2.0), pieces[3]]
    assert addressed_parts(pieces[:2], 5.0) == pieces[1:2]
    assert addressed_parts([], 5.0) == []
