"""Cuts a stream into stretches of speech by voice activity, for live and for long recordings alike.

No thread and no clock: time is the number of samples seen, so any chunking of a stream gives the same segments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field

from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.models.vad.voice_activity import BLOCK, Detector, DetectorName, detector

_HYSTERESIS = 0.15  # an open segment stays open down to this much below the threshold, or to half of a low one


class SegmentationConfig(BaseModel, frozen=True, extra="forbid"):
    """When speech begins and ends; all times in seconds."""

    detector: DetectorName = "auto"  # what tells speech from silence
    threshold: float = Field(default=0.5, gt=0, lt=1)  # probability of speech above which a block counts as speech
    shortest_speech: float = Field(default=0.064, ge=0)  # less than this is a click, not a word
    closing_silence: float = Field(default=0.5, gt=0)  # a pause as long as this ends the segment
    margin: float = Field(default=0.3, ge=0)  # kept before the first and after the last speech: no sound is cut off
    longest: float = Field(default=15.0, ge=2)  # a segment is cut at its best pause when it gets as long as this


@dataclass(frozen=True)
class Segment:
    """A stretch of speech."""

    start: float  # in seconds from the start of the stream
    waveform: Waveform

    @property
    def end(self) -> float:
        """In seconds from the start of the stream."""
        return self.start + len(self.waveform) / SAMPLE_RATE


class Segmenter:
    """Feeds on samples and gives each segment when it has ended. `open_segment` is what is being said now."""

    def __init__(self, config: SegmentationConfig | None = None, detect: Callable[[Waveform], float] | None = None):
        """Make a segmenter; `detect` gives the probability of speech in a block, instead of the configured detector.

        Raises models.voice_activity.DetectorError if that detector's package is not installed.
        """
        self.config = config or SegmentationConfig()
        self._detector: Detector | None = None
        if detect is None:
            self._detector = detector(self.config.detector)
            detect = self._detector.probability
        self._detect = detect
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of another."""
        if self._detector is not None:
            self._detector.reset()
        self._rest = np.zeros(0, np.float32)  # samples that do not make a block yet
        self._blocks: list[Waveform] = []  # of the open segment, or the last ones before one opens
        self._probabilities: list[float] = []  # of speech, one a block
        self._first_block = 0  # number of self._blocks[0] in the stream
        self._is_open = False
        self._run = 0  # blocks of speech in a row while closed, of silence in a row while open

    @property
    def open_since(self) -> float | None:
        """Where the open segment begins, in seconds into the stream; None in silence."""
        return self._first_block * BLOCK / SAMPLE_RATE if self._is_open else None

    @property
    def open_segment(self) -> Segment | None:
        """A copy of the segment that has begun and not ended, as it would end now; None in silence."""
        return self._segment(self._blocks[: self._end()]) if self._is_open else None

    @property
    def pausing(self) -> bool:
        """Whether the open segment has its margin: if no more speech comes, it ends as `open_segment` is now."""
        return self._is_open and self._run >= max(1, _blocks(self.config.margin))

    @property
    def seconds(self) -> float:
        """Length of the stream so far."""
        return ((self._first_block + len(self._blocks)) * BLOCK + len(self._rest)) / SAMPLE_RATE

    @property
    def speech_probability(self) -> float:
        """Of the last block."""
        return self._probabilities[-1] if self._probabilities else 0.0

    def accept(self, samples: Waveform) -> list[Segment]:
        """Take the next samples of the stream, any number of them; return the segments that ended with them."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // BLOCK * BLOCK
        self._rest = samples[whole:]
        ended = (self._take(block) for block in samples[:whole].reshape(-1, BLOCK))
        return [segment for segment in ended if segment is not None]

    def flush(self) -> list[Segment]:
        """End the stream: return the segment that is still open, if any, and start over."""
        last = [self._segment([*self._blocks, self._rest])] if self._is_open else []
        self.reset()
        return last

    def _take(self, block: Waveform) -> Segment | None:
        probability = self._detect(block)
        self._blocks.append(block)
        self._probabilities.append(probability)
        config = self.config
        if not self._is_open:
            self._run = self._run + 1 if probability >= config.threshold else 0
            if self._run >= max(1, _blocks(config.shortest_speech)):
                self._is_open = True
                self._drop(len(self._blocks) - self._run - _blocks(config.margin))
                self._run = 0
            else:
                self._drop(len(self._blocks) - _blocks(config.margin) - _blocks(config.shortest_speech))
            return None
        closing = max(config.threshold - _HYSTERESIS, config.threshold / 2)
        self._run = self._run + 1 if probability < closing else 0
        if self._run >= max(1, _blocks(config.closing_silence)):
            return self._close()
        if len(self._blocks) >= _blocks(config.longest):
            return self._cut()
        return None

    def _close(self) -> Segment:
        """End the segment a margin after its last speech."""
        end = self._end()
        segment = self._segment(self._blocks[:end])
        self._drop(end)
        self._is_open, self._run = False, 0
        return segment

    def _end(self) -> int:
        return len(self._blocks) - max(0, self._run - _blocks(self.config.margin))

    def _cut(self) -> Segment:
        """End a long segment at the block of its second half that is least like speech, and go on from there."""
        half = len(self._blocks) // 2
        pause = half + int(np.argmin(self._probabilities[half:]))
        if pause >= len(self._blocks) - self._run:  # the best pause is the present one: nothing goes on from there
            return self._close()
        segment = self._segment(self._blocks[:pause])
        self._drop(pause)
        return segment

    def _drop(self, blocks: int) -> None:
        blocks = max(0, blocks)
        del self._blocks[:blocks]
        del self._probabilities[:blocks]
        self._first_block += blocks

    def _segment(self, blocks: list[Waveform]) -> Segment:
        return Segment(self._first_block * BLOCK / SAMPLE_RATE, np.concatenate(blocks))


def _blocks(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / BLOCK)
