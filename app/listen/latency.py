"""Latency and processor time of live recognition: a recording, fed as fast as it would be spoken."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oyez.app.events import warm_up
from oyez.app.listen.sources import Recording
from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.data.counting import counted
from oyez.models.recognizer import Recognizer
from oyez.models.types import Final, Partial, SpeechStarted
from oyez.models.vad.segmentation import SegmentationConfig


class Clock:
    """The time of day and the time that this process has worked, in seconds."""

    def now(self) -> float:
        """Return the time of day."""
        return time.perf_counter()

    def work(self) -> float:
        """Return how long the process has worked, over all its threads."""
        return time.process_time()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


@dataclass
class Latency:
    """What was measured; all times in seconds."""

    end_silence: float
    finals: list[float] = field(default_factory=list)  # from the last speech to the final
    partials: list[float] = field(default_factory=list)  # age of the oldest voice that no partial held before
    revised: int = 0  # partials whose stable words are not the beginning of their final
    cut: int = 0  # finals of speech without a pause, whose last word may be long past
    work: dict[bool, float] = field(default_factory=lambda: {False: 0.0, True: 0.0})  # by whether somebody spoke
    audio: dict[bool, float] = field(default_factory=lambda: {False: 0.0, True: 0.0})

    def as_record(self) -> dict[str, Any]:
        """Return the figures for programs: milliseconds, and shares of one core."""
        return {
            "audio_seconds": round(sum(self.audio.values()), 1),
            "speech_seconds": round(self.audio[True], 1),
            "finals": len(self.finals),
            "finals_cut": self.cut,
            "partials": len(self.partials),
            "partials_revised": self.revised,
            "end_silence_ms": round(self.end_silence * 1000),
            "final_ms": _percentiles(self.finals),
            "final_after_end_silence_ms": _percentiles([delay - self.end_silence for delay in self.finals]),
            "partial_ms": _percentiles(self.partials),
            "work_in_silence": _share(self.work[False], self.audio[False]),
            "work_in_speech": _share(self.work[True], self.audio[True]),
        }

    def __str__(self) -> str:
        record = self.as_record()

        def row(name: str, key: str) -> str:
            median, high = record[key]["median"], record[key]["p95"]
            return f"{name:<38}{'–' if median is None else f'median {median:5.0f} ms   95th percentile {high:5.0f} ms'}"

        def share(name: str, key: str) -> str:
            return f"{name:<38}{'–' if record[key] is None else f'{record[key]:.1%} of one core'}"

        return "\n".join(
            [
                f"{record['audio_seconds']:.1f} s of sound, {record['speech_seconds']:.1f} s of it speech; "
                f"{counted(len(self.finals) + self.cut, 'result')} ({self.cut} cut without a pause), "
                f"{counted(len(self.partials), 'partial result')}",
                row("result after end of speech", "final_ms"),
                row(f"  beyond {self.end_silence:g} s of end silence", "final_after_end_silence_ms"),
                row("partial result behind the voice", "partial_ms"),
                f"{'stable words revised':<38}in {self.revised} of {counted(len(self.partials), 'partial result')}",
                share("processor time in silence", "work_in_silence"),
                share("processor time in speech", "work_in_speech"),
            ]
        )


def measure(
    recognizer: Recognizer, waveform: Waveform, config: SegmentationConfig | None = None, clock: Clock | None = None
) -> Latency:
    """Feed a recording chunk by chunk, each when a microphone would have it, and note when the events come.

    The last speech before a final is the last block that voice activity took for speech. Silence is added at the end,
    so that the last words end by a pause like all others.
    """
    config, clock = config or SegmentationConfig(), clock or Clock()
    stream = recognizer.stream(config=config)
    warm_up(recognizer)
    result = Latency(config.closing_silence)
    heard = stream.seconds  # of the stream, up to which all voice has been in a partial
    stable: list[str] = []  # of the open segment's partials
    silence = np.zeros(round((config.closing_silence + config.margin) * SAMPLE_RATE), np.float32)
    begin = clock.now()
    for chunk in Recording(np.concatenate([waveform, silence])):
        clock.sleep(max(0.0, begin + stream.seconds + len(chunk) / SAMPLE_RATE - clock.now()))
        work, spoke = clock.work(), stream.speaking
        events = stream.accept(chunk)
        now = clock.now() - begin
        speech = spoke or stream.speaking
        result.work[speech] += clock.work() - work
        result.audio[speech] += len(chunk) / SAMPLE_RATE
        for event in events:
            if isinstance(event, SpeechStarted):
                heard = max(heard, event.start + config.margin)
            elif isinstance(event, Partial):
                result.partials.append(now - heard)
                heard = event.end
                stable.append(event.stable)
            elif isinstance(event, Final):
                result.revised += sum(not event.transcript.text.startswith(words) for words in stable)
                stable.clear()
                if stream.speaking:
                    result.cut += 1
                else:
                    result.finals.append(now - (event.end - config.margin))
        if not stream.speaking:
            heard = stream.seconds
    return result


def _percentiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"median": None, "p95": None}
    median, high = np.percentile(values, [50, 95]) * 1000
    return {"median": round(float(median), 1), "p95": round(float(high), 1)}


def _share(work: float, audio: float) -> float | None:
    return round(work / audio, 4) if audio else None
