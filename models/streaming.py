"""Live recognition: samples in as they come, events out. No thread and no clock inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from oyez.data.audio import SAMPLE_RATE, StreamResampler, Waveform
from oyez.models.interpreter import Interpreter
from oyez.models.partial import PartialTranscript
from oyez.models.types import Event, Final, Partial, SpeechStarted, Transcript
from oyez.models.vad.segmentation import Segment, SegmentationConfig, Segmenter
from oyez.models.vad.voice_activity import BLOCK

PARTIAL_EVERY = 4 * BLOCK / SAMPLE_RATE  # seconds of new audio after which the open segment is read again: 0.128


class SegmentRecognizer(Protocol):
    """What a stream needs of a recognizer."""

    interpreter: Interpreter

    def transcribe(self, recordings: list[Waveform]) -> list[Transcript]:
        """Transcribe pieces of sound."""
        ...


class StreamingRecognizer:
    """Recognizes a stream. The final of a segment equals `Recognizer.transcribe` of the same samples at 16 kHz.

    A segment ends when the closing silence is over, but what it will hold is known as soon as the margin after the
    last speech is: it is transcribed then, and the final costs no work when it is due.
    """

    def __init__(
        self, recognizer: SegmentRecognizer, rate: int = SAMPLE_RATE, config: SegmentationConfig | None = None
    ) -> None:
        """Begin a stream of samples at `rate` Hz. Raises oyez.data.audio.AudioError for a rate out of range."""
        self.recognizer = recognizer
        self.rate = rate
        self._segmenter = Segmenter(config)
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of another."""
        self._resample = StreamResampler(self.rate)
        self._segmenter.reset()
        self._session = self.recognizer.interpreter.wake_session()
        self._end_segment()

    def _end_segment(self) -> None:
        self._partial_transcript: PartialTranscript | None = None  # of the segment that SpeechStarted was reported of
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
        """Whether what begins now is meant for us: always, except where a wake phrase has to come first."""
        return self._session is None or self._session.awake(self.seconds)

    def accept(self, samples: npt.NDArray[Any]) -> list[Event]:
        """Take the next samples, any number of them; return the events that they bring.

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
        if self._partial_transcript is None:
            self._partial_transcript = PartialTranscript(self.recognizer.transcribe)
            begun.append(SpeechStarted(since))
        if self._segmenter.pausing:
            if self._ahead is None:
                begun.append(self._look_ahead(self._partial_transcript))
        elif self._segmenter.seconds >= self._next_partial and self._reports(since):
            begun.append(self._partial(self._partial_transcript))
        return events + begun if self._reports(since) else events

    def _reports(self, start: float) -> bool:
        """Whether anything is reported of a segment that begins at `start`, as far as is known."""
        return self._session is None or not self._session.only_addressed or self._session.awake(start)

    def _partial(self, partial: PartialTranscript) -> Partial:
        segment = self._segmenter.open_segment
        assert segment is not None
        partial.extend(segment.waveform)
        self._ahead = None
        self._next_partial = self._segmenter.seconds + PARTIAL_EVERY
        return Partial(partial.text, partial.stable, partial.confidence, segment.start, segment.end)

    def _look_ahead(self, partial: PartialTranscript) -> Partial:
        segment = self._segmenter.open_segment
        assert segment is not None
        [transcript] = self.recognizer.transcribe([segment.waveform])
        partial.take(transcript)
        self._ahead = segment.end, transcript
        return Partial(partial.text, partial.stable, partial.confidence, segment.start, segment.end)

    def flush(self) -> list[Event]:
        """End the stream: return what was still being said, and start over."""
        events = self._accept(self._resample(np.zeros(0, np.float32), last=True))
        for segment in self._segmenter.flush():
            events += self._final(segment)
        self.reset()
        return events

    def _final(self, segment: Segment) -> Sequence[Event]:
        if self._ahead is not None and self._ahead[0] == segment.end:
            transcript = self._ahead[1]
        else:
            [transcript] = self.recognizer.transcribe([segment.waveform])
        words = tuple(word.shifted(segment.start) for word in transcript.words)
        transcript = replace(transcript, words=words)
        is_new = self._partial_transcript is None  # nothing was reported of the segment
        self._end_segment()
        if self._session is not None:
            is_new = is_new or not self._reports(segment.start)
            transcript = self._session.update(transcript, segment.start, segment.end)
            if is_new and not self._reports(segment.start):
                return []
        final = Final(transcript, segment.start, segment.end, segment.waveform)
        return [SpeechStarted(segment.start), final] if is_new else [final]
