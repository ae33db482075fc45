"""Live listening: the same results whatever the source, and output that programs can read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.app.listen.listening import Summary, listen, show_jsonl
from oyez.app.listen.sources import Recording
from oyez.app.listen.view import show_live
from oyez.data.audio import SAMPLE_RATE, read_audio
from oyez.models.recognizer import Recognizer
from oyez.models.types import Final
from oyez.models.vad.segmentation import SegmentationConfig


@pytest.fixture
def recognizer(untrained_model: Path) -> Recognizer:
    return Recognizer.load(untrained_model)


@pytest.fixture
def speech(spoken: Path) -> np.ndarray:
    return np.pad(read_audio(spoken / "left_right_stop.flac"), (SAMPLE_RATE, SAMPLE_RATE))


def finals(heard) -> list[Final]:
    return [event for each in heard for event in each.events if isinstance(event, Final)]


def test_a_recording_is_heard_like_the_segments_that_it_holds(recognizer: Recognizer, speech: np.ndarray) -> None:
    summary = Summary()
    [final] = finals(listen(recognizer, Recording(speech), summary))
    inside = speech[round(final.start * SAMPLE_RATE) : round(final.end * SAMPLE_RATE)]
    [batch] = recognizer.transcribe([inside])
    assert final.transcript.text == batch.text
    assert 0.5 < final.start < final.end < len(speech) / SAMPLE_RATE
    assert summary.audio_seconds == pytest.approx(len(speech) / SAMPLE_RATE)
    assert summary.finals == 1
    assert "1 results" in str(summary)


def test_another_rate_gives_the_segment_at_the_same_time(recognizer: Recognizer, speech: np.ndarray) -> None:
    slow = Recording(np.repeat(speech, 3), rate=3 * SAMPLE_RATE)
    [one] = finals(listen(recognizer, Recording(speech), Summary()))
    [other] = finals(listen(recognizer, slow, Summary()))
    assert other.start == pytest.approx(one.start, abs=0.1)
    assert other.end == pytest.approx(one.end, abs=0.1)


def test_speech_that_the_stream_ends_in_is_not_lost(recognizer: Recognizer, speech: np.ndarray) -> None:
    cut = speech[: int(1.8 * SAMPLE_RATE)]
    assert len(finals(listen(recognizer, Recording(cut), Summary()))) == 1


def test_silence_gives_no_event(recognizer: Recognizer) -> None:
    heard = list(listen(recognizer, Recording(np.zeros(5 * SAMPLE_RATE, np.float32)), Summary()))
    assert [event for each in heard for event in each.events] == []
    assert max(each.level_db for each in heard) <= -100


def test_settings_of_segmentation_are_heeded(recognizer: Recognizer, speech: np.ndarray) -> None:
    patient = SegmentationConfig(closing_silence=3.0, detector="energy")
    twice = Recording(np.concatenate([speech, speech]))
    assert len(finals(listen(recognizer, twice, Summary()))) == 2
    assert len(finals(listen(recognizer, twice, Summary(), patient))) == 1


def test_level_is_that_of_the_chunk(recognizer: Recognizer) -> None:
    square = np.tile(np.array([0.1, -0.1], np.float32), SAMPLE_RATE)
    heard = list(listen(recognizer, Recording(square), Summary()))
    assert heard[10].level_db == pytest.approx(-20.0)
    assert heard[-1].seconds == pytest.approx(2.0)


def test_summary_of_a_long_session_stays_small() -> None:
    summary = Summary(audio_seconds=36_000, work_seconds=720, finals=5000)
    for n in range(5000):
        summary.final_delays.append(n / 1e6)
    assert len(summary.final_delays) == 1000
    assert "5000 results; real-time factor 0.020" in str(summary)
    assert "took 4 ms (95%: 5 ms)" in str(summary)


def test_summary_of_nothing_says_so() -> None:
    assert str(Summary()) == "heard nothing"
    assert str(Summary(audio_seconds=2.0, work_seconds=0.02)) == "heard 2.0 s, 0 results; real-time factor 0.010"


def test_jsonl_is_a_line_an_event(
    recognizer: Recognizer, speech: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    show_jsonl(listen(recognizer, Recording(speech), Summary()))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "speech"
    assert kinds[-1] == "final"
    assert set(kinds[1:-1]) == {"partial"}
    ends = [event["end"] for event in events if event["event"] == "partial"]
    assert ends == sorted(ends)


def test_results_can_be_piped_one_a_line(
    recognizer: Recognizer, speech: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    show_live(listen(recognizer, Recording(speech), Summary()))
    [final] = finals(listen(recognizer, Recording(speech), Summary()))
    assert capsys.readouterr().out == final.transcript.text + "\n"


def test_an_interruption_while_it_waits_or_works_loses_nothing_that_was_said(
    recognizer: Recognizer, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Recording):
        def __iter__(self):
            for number, chunk in enumerate(Recording(self.waveform)):
                if number == 56:  # in the middle of speech
                    os.kill(os.getpid(), signal.SIGTERM)
                    time.sleep(1)
                yield chunk

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    [waiting] = finals(listen(recognizer, Interrupted(speech), Summary()))
    assert waiting.end < 56 * 0.032 + 0.1
    heard = []
    for number, each in enumerate(listen(recognizer, Recording(speech), Summary())):
        heard.append(each)
        if number == 55:
            os.kill(os.getpid(), signal.SIGINT)  # while the result of a chunk is worked on
    [working] = finals(heard)
    assert working.end < 60 * 0.032
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_sigterm_ends_listening_with_what_was_being_said(spoken: Path) -> None:
    content, rate = soundfile.read(spoken / "left_right_stop.flac", dtype="int16")
    command = [sys.executable, "-m", "oyez", "listen", "--source", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(np.pad(content, (rate, 0)).tobytes())
        process.stdin.flush()
        time.sleep(8)  # the pipe stays open: it waits for more
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output.split() == [b"left", b"right", b"stop"], errors
    assert b"1 result" in errors
