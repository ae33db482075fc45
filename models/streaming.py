"""Live recognition: samples in as they come, events out. No thread and no clock inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from data.audio import SAMPLE_RATE, StreamResampler, Waveform
from models.alphabet import decode
from models.recognizer import Recognizer, Transcript
from models.segmentation import Segment, SegmentationConfig, Segmenter

PARTIAL_EVERY = 0.15  # seconds of new audio after which the open segment is decoded again


@dataclass(frozen=True)
class SpeechStarted:
    """Somebody began to speak, `start` seconds into the stream."""

    start: float


@dataclass(frozen=True)
class Partial:
    """What the open segment sounds like so far; the next one may differ."""

    text: str
    start: float  # seconds into the stream
    end: float


@dataclass(frozen=True)
class Final:
    """A segment has ended; this is what was said. Times in the transcript count from the start of the stream."""

    transcript: Transcript
    start: float
    end: float


Event = SpeechStarted | Partial | Final


class StreamingRecognizer:
    """Hears a stream. The final of a segment equals `Recognizer.transcribe` of the same samples at 16 kHz."""

    def __init__(
        self, recognizer: Recognizer, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None
    ) -> None:
        """Make a listener for samples at `rate` Hz. Raises data.audio.AudioError for a rate out of range."""
        self.recognizer = recognizer
        self.rate = rate
        self._resample = StreamResampler(rate)
        self._segmenter = Segmenter(config)
        self._open_since: float | None = None  # start of the segment that SpeechStarted was said of
        self._next_partial = 0.0  # seconds into the stream

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of another."""
        self._resample = StreamResampler(self.rate)
        self._segmenter.reset()
        self._open_since, self._next_partial = None, 0.0

    def accept(self, samples: npt.NDArray[Any]) -> list[Event]:
        """Take the next samples, any number of them; return what they bring about.

        Args:
            samples: shape (samples,) or (samples, channels), floating point in [-1, 1] or integers.
        """
        return self._accept(self._resample(samples))

    def _accept(self, waveform: Waveform) -> list[Event]:
        events: list[Event] = []
        for segment in self._segmenter.accept(waveform):
            events += self._final(segment)
        segment_now = self._segmenter.open_segment
        if segment_now is None:
            return events
        if self._open_since is None:
            self._open_since = segment_now.start
            events.append(SpeechStarted(segment_now.start))
        if self._segmenter.seconds >= self._next_partial:
            [log_probs] = self.recognizer.log_probs([segment_now.waveform])
            labels = self.recognizer.decode(log_probs, "greedy")
            events.append(Partial(decode(labels).strip(), segment_now.start, segment_now.end))
            self._next_partial = self._segmenter.seconds + PARTIAL_EVERY
        return events

    def flush(self) -> list[Event]:
        """End the stream: return what was still being said, and start over."""
        events = self._accept(self._resample(np.zeros(0, np.float32), last=True))
        for segment in self._segmenter.flush():
            events += self._final(segment)
        self.reset()
        return events

    def _final(self, segment: Segment) -> list[Event]:
        [transcript] = self.recognizer.transcribe([segment.waveform])
        words = tuple(word.later(segment.start) for word in transcript.words)
        started: list[Event] = [] if self._open_since is not None else [SpeechStarted(segment.start)]
        self._open_since = None
        return [*started, Final(replace(transcript, words=words), segment.start, segment.end)]
