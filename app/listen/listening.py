"""Live listening: a source of sound, a streaming recogniser, and what becomes of its events."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from oyez.app.events import as_record, warm_up
from oyez.app.listen.sources import Source
from oyez.data.audio import to_mono
from oyez.models.recognizer import Recognizer
from oyez.models.types import Event, Final
from oyez.models.vad.segmentation import SegmentationConfig

_REMEMBERED = 1000  # delays that the summary is made of: the last ones


@dataclass
class Summary:
    """What a session came to."""

    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    finals: int = 0
    final_delays: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))  # seconds of work

    def __str__(self) -> str:
        if not self.audio_seconds:
            return "heard nothing"
        text = (
            f"heard {self.audio_seconds:.1f} s, {self.finals} results; "
            f"real-time factor {self.work_seconds / self.audio_seconds:.3f}"
        )
        if self.final_delays:
            median, high = np.percentile(self.final_delays, [50, 95]) * 1000
            text += f"; a result took {median:.0f} ms (95%: {high:.0f} ms) of work once its silence was over"
        return text


@dataclass(frozen=True)
class Heard:
    """A chunk's loudness (RMS in dB of full scale), the length of the stream with it, and the events it brought.

    `awake` tells whether what begins now is heard: where there is a wake phrase, for some seconds after it.
    """

    level_db: float
    seconds: float
    events: list[Event]
    awake: bool = True


def listen(
    recognizer: Recognizer, source: Source, summary: Summary, config: SegmentationConfig | None = None
) -> Iterator[Heard]:
    """Feed a source to a recogniser until it ends; `summary` is kept up to date."""
    stream = recognizer.stream(source.rate, config)
    warm_up(recognizer)

    def take(events: list[Event], started: float, chunk: npt.NDArray[Any]) -> Heard:
        work = time.perf_counter() - started
        summary.audio_seconds += len(chunk) / source.rate
        summary.work_seconds += work
        for event in events:
            if isinstance(event, Final):
                summary.finals += is_result(event)
                summary.final_delays.append(work)
        return Heard(level_db(chunk), summary.audio_seconds, events, stream.awake)

    with _Interruption() as interruption:
        for chunk in interruption.until_asked(source):
            started = time.perf_counter()
            yield take(stream.accept(chunk), started, chunk)
    # what was being said when the interruption came is not lost
    started = time.perf_counter()
    yield take(stream.flush(), started, np.zeros(0, np.float32))


class _Interruption:
    """Has SIGINT (Ctrl-C) and SIGTERM end a source, and nothing but the source; the second one ends everything."""

    def __init__(self) -> None:
        self._is_waiting = False
        self._is_asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Interruption:
        if threading.current_thread() is threading.main_thread():  # nobody else may
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def until_asked(self, source: Source) -> Iterator[npt.NDArray[Any]]:
        """Give the chunks of a source until it ends, or a signal comes."""
        chunks = iter(source)
        while not self._is_asked:
            try:
                self._is_waiting = True
                chunk = next(chunks, None)
            except KeyboardInterrupt:
                return
            finally:
                self._is_waiting = False
            if chunk is None:
                return
            yield chunk

    def _ask(self, *_: object) -> None:
        if self._is_waiting or self._is_asked:
            raise KeyboardInterrupt
        self._is_asked = True


def is_result(event: Event) -> bool:
    """Tell whether something was heard that counts: no command that was refused, nor a wake phrase alone."""
    return isinstance(event, Final) and bool(event.transcript.text) and event.transcript.rejection is None


def level_db(chunk: npt.NDArray[Any]) -> float:
    """Return the loudness of samples: RMS in dB of full scale, -100 at the least."""
    rms = float(np.sqrt(np.mean(np.square(to_mono(chunk))))) if len(chunk) else 0.0
    return 20 * float(np.log10(max(rms, 1e-5)))


def show_jsonl(heard: Iterable[Heard]) -> None:
    """Print each event as a line of JSON."""
    for each in heard:
        for event in each.events:
            print(json.dumps(as_record(event), ensure_ascii=False), flush=True)
