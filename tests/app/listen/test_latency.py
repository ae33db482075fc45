"""The measure of latency, with a clock that the test winds: what it reports is what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from oyez.app.listen.latency import Clock, measure
from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.models.confidence import WordConfidence
from oyez.models.interpreter import PlainText
from oyez.models.streaming import StreamingRecognizer
from oyez.models.types import Transcript, Word
from oyez.models.vad.segmentation import SegmentationConfig

ENERGY = SegmentationConfig(detector="energy")


@dataclass
class Wound(Clock):
    """Time passes when somebody sleeps or works."""

    time: float = 100.0
    worked: float = 0.0

    def now(self) -> float:
        return self.time

    def work(self) -> float:
        return self.worked

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.time += seconds


class Slow:
    """Stands in for a Recognizer that takes `seconds` for each transcription and always hears a word."""

    name = "slow"

    def __init__(self, clock: Wound, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.interpreter = PlainText("slow", WordConfidence())
        self.said = ["go"]

    def transcribe(self, waveforms: list[Waveform]) -> list[Transcript]:
        self.clock.time += self.seconds
        self.clock.worked += self.seconds
        text = self.said[0] if len(self.said) == 1 else self.said.pop(0)
        return [
            Transcript(text, (Word(text, 0.0, 0.1, 0.9),), 0.9, len(each) / SAMPLE_RATE, "slow") for each in waveforms
        ]

    def stream(self, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None) -> StreamingRecognizer:
        return StreamingRecognizer(self, rate, config)  # type: ignore[arg-type]


def beeps(*stretches: tuple[float, float]) -> Waveform:
    """Silence and, from start to end, a tone."""
    sound = np.zeros(round((stretches[-1][1] + 0.1) * SAMPLE_RATE), np.float32)
    for start, end in stretches:
        time = np.arange(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        sound[time] = 0.3 * np.sin(2 * np.pi * 440 * time / SAMPLE_RATE)
    return sound


def test_final_comes_an_end_silence_after_the_last_speech_whatever_the_work_before_it() -> None:
    clock = Wound()
    latency = measure(Slow(clock, 0.02), beeps((1.024, 2.048), (4.096, 5.12)), ENERGY, clock)
    assert len(latency.finals) == 2
    assert latency.finals == pytest.approx([0.512, 0.512], abs=0.015)  # 16 blocks; the work was done during them
    assert latency.cut == latency.revised == 0


def test_a_slow_recogniser_is_late_and_its_lateness_is_counted() -> None:
    clock = Wound()
    latency = measure(Slow(clock, 0.5), beeps((1.024, 2.048)), ENERGY, clock)
    assert latency.finals[0] > 0.6
    assert max(latency.partials) > 0.5


def test_partials_are_as_old_as_the_voice_that_waited_for_them() -> None:
    clock = Wound()
    latency = measure(Slow(clock, 0.02), beeps((1.024, 3.072)), ENERGY, clock)
    assert len(latency.partials) >= 10
    assert max(latency.partials) == pytest.approx(0.128 + 0.02, abs=0.04)  # the interval, the work, a block or so


def test_work_is_told_apart_by_whether_somebody_speaks() -> None:
    clock = Wound()
    latency = measure(Slow(clock, 0.01), beeps((3.072, 5.12)), ENERGY, clock)
    record = latency.as_record()
    assert record["work_in_silence"] < 0.01 < record["work_in_speech"] < 0.1
    assert record["audio_seconds"] == pytest.approx(5.2 + 0.8, abs=0.1)
    assert record["speech_seconds"] == pytest.approx(2.048 + 0.288, abs=0.1)


def test_stable_words_that_do_not_stay_are_counted() -> None:
    clock = Wound()
    slow = Slow(clock, 0.0)
    slow.said = [*["stop"] * 6, "go"]
    latency = measure(slow, beeps((1.024, 3.072)), ENERGY, clock)
    assert 0 < latency.revised < len(latency.partials)


def test_speech_without_a_pause_is_counted_apart() -> None:
    clock = Wound()
    latency = measure(Slow(clock, 0.0), beeps((1.024, 6.0)), ENERGY.model_copy(update={"longest": 2.0}), clock)
    assert latency.cut >= 1
    assert all(delay < 0.6 for delay in latency.finals)


def test_nothing_said_is_nothing_measured() -> None:
    clock = Wound()
    latency = measure(Slow(clock, 0.01), np.zeros(SAMPLE_RATE, np.float32), ENERGY, clock)
    assert latency.as_record()["final_ms"] == {"median": None, "p95": None}
    assert latency.as_record()["work_in_speech"] is None
    assert "–" in str(latency)
