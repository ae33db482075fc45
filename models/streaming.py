"""Live recognition: samples in as they come, events out. No thread and no clock inside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from oyez.data.audio import SAMPLE_RATE, StreamResampler, Waveform
from oyez.models.partial import Draft
from oyez.models.recognizer import Recognizer, Transcript
from oyez.models.vad.segmentation import Segment, SegmentationConfig, Segmenter
from oyez.models.vad.voice_activity import BLOCK

PARTIAL_EVERY = 4 * BLOCK / SAMPLE_RATE  # seconds of new audio after which the open segment is read again: 0.128


@dataclass(frozen=True)
class SpeechStarted:
    """Somebody began to speak, `start` seconds into the stream."""

    start: float


@dataclass(frozen=True)
class Partial:
    """What the open segment sounds like so far; the next one may differ, seldom in its `stable` beginning."""

    text: str
    stable: str  # whole words at the beginning of text that the last partials agree on
    confidence: float  # probability that the whole text is right, as of a Transcript
    start: float  # seconds into the stream
    end: float


@dataclass(frozen=True)
class Final:
    """A segment has ended; this is what was said. Times in the transcript count from the start of the stream."""

    transcript: Transcript
    start: float
    end: float
    waveform: Waveform = field(default_factory=lambda: np.zeros(0, np.float32), repr=False, compare=False)


Event = SpeechStarted | Partial | Final


class StreamingRecognizer:
    """Hears a stream. The final of a segment equals `Recognizer.transcribe` of the same samples at 16 kHz.

    A segment ends when the closing silence is over, but what it will hold is known as soon as the margin after the
    last speech is: it is transcribed then, and the final costs no work when it is due.
    """

    def __init__(
        self, recognizer: Recognizer, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None
    ) -> None:
        """Make a listener for samples at `rate` Hz. Raises data.audio.AudioError for a rate out of range."""
        self.recognizer = recognizer
        self.rate = rate
        self._segmenter = Segmenter(config)
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of another."""
        self._resample = StreamResampler(self.rate)
        self._segmenter.reset()
        self._end_segment()

    def _end_segment(self) -> None:
        self._draft: Draft | None = None  # of the segment that SpeechStarted was said of
        self._next_partial = 0.0  # seconds into the stream
        self._ahead: tuple[float, Transcript] | None = None  # end and transcript of the segment, should it end now

    @property
    def seconds(self) -> float:
        """Length of the stream so far."""
        return self._segmenter.seconds

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks, or did until a moment ago that is shorter than the margin."""
        return self._segmenter.open_since is not None and not self._segmenter.pausing

    @property
    def awake(self) -> bool:
        """Whether what begins now is said to us: always, but where there is a wake phrase."""
        return True

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
        since = self._segmenter.open_since
        if since is None:
            return events
        begun: list[Event] = []
        if self._draft is None:
            self._draft = Draft(self.recognizer)
            begun.append(SpeechStarted(since))
        if self._segmenter.pausing:
            if self._ahead is None:
                begun.append(self._look_ahead(self._draft))
        elif self._segmenter.seconds >= self._next_partial and self._tells(since):
            begun.append(self._partial(self._draft))
        return events + begun if self._tells(since) else events

    def _tells(self, start: float) -> bool:  # noqa: ARG002  # a stream with a wake phrase asks
        """Whether anything is told of a segment that begins at `start` before it has ended."""
        return True

    def _partial(self, draft: Draft) -> Partial:
        segment = self._segmenter.open_segment
        assert segment is not None
        draft.extend(segment.waveform)
        self._ahead = None
        self._next_partial = self._segmenter.seconds + PARTIAL_EVERY
        return Partial(draft.text, draft.stable, draft.confidence, segment.start, segment.end)

    def _look_ahead(self, draft: Draft) -> Partial:
        segment = self._segmenter.open_segment
        assert segment is not None
        [transcript] = self.recognizer.transcribe([segment.waveform])
        draft.take(transcript)
        self._ahead = segment.end, transcript
        return Partial(draft.text, draft.stable, draft.confidence, segment.start, segment.end)

    def flush(self) -> list[Event]:
        """End the stream: return what was still being said, and start over."""
        events = self._accept(self._resample(np.zeros(0, np.float32), last=True))
        for segment in self._segmenter.flush():
            events += self._final(segment)
        self.reset()
        return events

    def _final(self, segment: Segment) -> list[Event]:
        if self._ahead is not None and self._ahead[0] == segment.end:
            transcript = self._ahead[1]
        else:
            [transcript] = self.recognizer.transcribe([segment.waveform])
        words = tuple(word.later(segment.start) for word in transcript.words)
        started: list[Event] = [SpeechStarted(segment.start)] if self._draft is None else []
        self._end_segment()
        return [*started, Final(replace(transcript, words=words), segment.start, segment.end, segment.waveform)]
