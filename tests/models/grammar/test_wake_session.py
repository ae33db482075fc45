"""A stream with a wake phrase: what counts as said to us, whatever the chunks, and what is never told."""

import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE
from oyez.models.grammar.command import Command, NoCommand, Refusal
from oyez.models.grammar.wake_session import Attention, AttentiveStream, DiscreetStream, what_counts
from oyez.models.recognizer import Recognizer, Transcript
from oyez.models.streaming import Final, SpeechStarted

STOP = Command("Stop", {}, "stop", 0.9)
CALL = NoCommand(Refusal.WAKE_ONLY)
SPEECH = NoCommand(Refusal.NOT_WOKEN)
UNWOKEN_STOP = NoCommand(Refusal.NOT_WOKEN, STOP)


def heard(command):
    return Transcript("text", (), 0.5, 1.0, "model", command)


def test_one_command_may_follow_the_wake_phrase_within_some_seconds():
    attention = Attention(seconds=5.0)
    assert attention.heed(heard(UNWOKEN_STOP), 0, 1).command == UNWOKEN_STOP
    assert attention.heed(heard(CALL), 2, 3).command == CALL
    assert attention.heed(heard(UNWOKEN_STOP), 7.9, 9).command == STOP
    assert attention.heed(heard(UNWOKEN_STOP), 9, 10).command == UNWOKEN_STOP  # one command for one call
    attention.heed(heard(CALL), 20, 21)
    assert attention.heed(heard(UNWOKEN_STOP), 26.1, 27).command == UNWOKEN_STOP


def test_other_speech_between_does_not_end_the_attention():
    attention = Attention(seconds=5.0)
    attention.heed(heard(CALL), 0, 1)
    attention.heed(heard(NoCommand(Refusal.OTHER)), 2, 3)
    assert attention.heed(heard(UNWOKEN_STOP), 4, 5).command == STOP


def test_all_free_text_that_begins_in_time_or_goes_on_without_a_pause_is_said_to_us():
    attention = Attention(seconds=5.0)
    assert attention.heed(heard(SPEECH), 0, 1).command == SPEECH
    attention.heed(heard(CALL), 2, 3)
    assert attention.heed(heard(SPEECH), 4, 6).command is None
    assert attention.heed(heard(SPEECH), 7, 20).command is None
    assert attention.heed(heard(SPEECH), 20, 25).command is None  # the segment was cut
    assert attention.heed(heard(SPEECH), 25.5, 26).command == SPEECH


def test_text_goes_on_after_a_cut_though_the_times_are_rounded():
    attention = Attention(seconds=5.0)
    attention.heed(heard(CALL), 400, 403)
    start, length, cut = 12623 * 512 / 16000, 415 * 512 / 16000, 13038 * 512 / 16000
    assert start + length < cut  # by a rounding error
    assert attention.heed(heard(SPEECH), start, start + length).command is None
    assert attention.heed(heard(SPEECH), cut, cut + 2).command is None


def test_text_in_the_breath_of_the_phrase_calls_too():
    attention = Attention(seconds=5.0)
    attention.heed(heard(None), 0, 2)
    assert attention.heed(heard(SPEECH), 6.5, 8).command is None


@pytest.fixture
def stream(tiny_model, monkeypatch, energy_is_speech):
    """(kind of stream, a command for each loudness) -> a stream that awaits a command for 3 s."""

    def build(kind, commands):
        recognizer = Recognizer(tiny_model(), decoding="greedy")

        def transcribe(waveforms):
            return [heard(commands[max(commands, key=lambda x: -abs(x - np.abs(w).max()))]) for w in waveforms]

        monkeypatch.setattr(recognizer, "transcribe", transcribe)
        return kind(recognizer, SAMPLE_RATE, None, 3.0)

    return build


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
    return [event.transcript.command for event in events if isinstance(event, Final)]


BURSTS = sound((1, 0.5), (4, 0.9), (6, 0.5), (12, 0.5))  # speech, the phrase, speech in time, speech too late


@pytest.mark.parametrize("size", [317, 16_000, 400_000])
def test_a_command_follows_the_call_in_a_stream_of_any_chunks(stream, size):
    events = events_of(stream(AttentiveStream, {0.5: UNWOKEN_STOP, 0.9: CALL}), BURSTS, size)
    assert finals(events) == [UNWOKEN_STOP, CALL, STOP, UNWOKEN_STOP]


@pytest.mark.parametrize("size", [317, 16_000, 400_000])
def test_of_what_is_not_said_to_us_nothing_is_told(stream, size):
    events = events_of(stream(DiscreetStream, {0.5: SPEECH, 0.9: CALL}), BURSTS, size)
    assert finals(events) == [CALL, None]
    assert all(3.5 < event.start < 7 for event in events)
    first, second = (n for n, event in enumerate(events) if isinstance(event, Final))
    assert isinstance(events[0], SpeechStarted)
    assert first == 1
    assert isinstance(events[2], SpeechStarted)
    assert second == len(events) - 1


def test_who_is_awake_falls_asleep_and_forgets_the_call_with_the_stream(stream):
    one = stream(DiscreetStream, {0.5: SPEECH, 0.9: CALL})
    assert not one.awake
    one.accept(sound((1, 0.9))[: 3 * SAMPLE_RATE])
    assert one.awake
    one.reset()
    assert not one.awake
    assert finals(events_of(one, sound((0, 0.5)), 16_000)) == []


def test_of_the_pieces_of_a_recording_those_count_that_say_most():
    several = NoCommand(Refusal.SEVERAL)  # a piece that was joined of several itself
    pieces = [(heard(command), float(n)) for n, command in enumerate([UNWOKEN_STOP, CALL, SPEECH, STOP, several])]
    assert what_counts(pieces, 5.0) == pieces[4:]
    assert what_counts(pieces[:4], 5.0) == [(heard(None), 2.0), pieces[3]]
    assert what_counts(pieces[:2], 5.0) == pieces[1:2]
    assert what_counts([], 5.0) == []
