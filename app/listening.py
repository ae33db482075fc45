"""Live listening: a source of sound, a streaming recogniser, and what becomes of its events."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from app.commanding import summary
from app.microphone import CHUNK_SECONDS
from data.audio import SAMPLE_RATE, AudioError, Waveform, read_audio, to_mono
from models.commands.command import as_fields
from models.recognizer import Recognizer
from models.streaming import Event, Final, Partial, SpeechStarted

_METER_WIDTH = 20
_METER_RANGE_DB = 60.0
RAW = np.dtype("<i2")  # what is read from standard input: 16-bit samples, 16 kHz, mono


class Source(Protocol):
    """Chunks of sound, shape (samples,), at a rate in Hz."""

    rate: int

    def __iter__(self) -> Iterator[npt.NDArray[Any]]: ...


@dataclass
class Recording:
    """A waveform as a source, as fast as it is taken."""

    waveform: Waveform
    rate: int = SAMPLE_RATE

    @classmethod
    def of(cls, path: Path) -> Recording:
        """Read a file. Raises data.audio.AudioError."""
        return cls(read_audio(path))

    def __iter__(self) -> Iterator[Waveform]:
        size = round(CHUNK_SECONDS * SAMPLE_RATE)
        return (self.waveform[start : start + size] for start in range(0, len(self.waveform), size))


class StandardInput:
    """Raw samples from standard input: 16 bits, little endian, 16 kHz, mono."""

    rate = SAMPLE_RATE

    def __iter__(self) -> Iterator[npt.NDArray[np.int16]]:
        size = round(CHUNK_SECONDS * SAMPLE_RATE) * RAW.itemsize
        if sys.stdin is None:
            raise AudioError("standard input is closed")
        while len(data := sys.stdin.buffer.read(size)) >= RAW.itemsize:
            yield np.frombuffer(data[: len(data) // RAW.itemsize * RAW.itemsize], RAW)


@dataclass
class Summary:
    """What a session came to."""

    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    finals: int = 0
    final_delays: list[float] = field(default_factory=list)  # seconds of work from the last chunk to the final

    def __str__(self) -> str:
        if not self.audio_seconds:
            return "heard nothing"
        median = sorted(self.final_delays)[len(self.final_delays) // 2] if self.final_delays else 0.0
        return (
            f"heard {self.audio_seconds:.1f} s, {self.finals} results; "
            f"{self.work_seconds / self.audio_seconds:.1%} of one core, "
            f"a result took {median * 1000:.0f} ms once speech had ended"
        )


@dataclass(frozen=True)
class Heard:
    """A chunk's loudness (RMS in dB of full scale) and the events that it brought."""

    level_db: float
    events: list[Event]


def listen(recognizer: Recognizer, source: Source, summary: Summary) -> Iterator[Heard]:
    """Feed a source to a recogniser until it ends; `summary` is kept up to date."""
    stream = recognizer.stream(source.rate)

    def take(events: list[Event], started: float, chunk: npt.NDArray[Any]) -> Heard:
        work = time.perf_counter() - started
        summary.audio_seconds += len(chunk) / source.rate
        summary.work_seconds += work
        for event in events:
            if isinstance(event, Final):
                summary.finals += bool(event.transcript.text)
                summary.final_delays.append(work)
        rms = float(np.sqrt(np.mean(np.square(to_mono(chunk))))) if len(chunk) else 0.0
        return Heard(20 * np.log10(max(rms, 1e-5)), events)

    try:
        for chunk in source:
            started = time.perf_counter()
            yield take(stream.accept(chunk), started, chunk)
    except KeyboardInterrupt:  # while it waited for sound: what was being said is not lost
        pass
    started = time.perf_counter()
    yield take(stream.flush(), started, np.zeros(0, np.float32))


def as_record(event: Event) -> dict[str, Any]:
    """Return an event for programs: its kind, its times in the stream, and what was said."""
    match event:
        case SpeechStarted():
            return {"event": "speech", "start": round(event.start, 3)}
        case Partial():
            return {"event": "partial", "start": round(event.start, 3), "end": round(event.end, 3), "text": event.text}
        case Final():
            return {
                "event": "final",
                "start": round(event.start, 3),
                "end": round(event.end, 3),
                "text": event.transcript.text,
                "confidence": event.transcript.confidence,
                "words": [asdict(word) for word in event.transcript.words],
                **(as_fields(event.transcript.command) if event.transcript.command is not None else {}),
            }


def show_jsonl(heard: Iterable[Heard]) -> None:
    """Print each event as a line of JSON."""
    for each in heard:
        for event in each.events:
            print(json.dumps(as_record(event), ensure_ascii=False), flush=True)


class LiveView:
    """A calm view for a terminal: results stay, below them one line with the level and what is being said.

    Results go to stdout, one a line, and so can be piped; the moving line goes to stderr.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, transient=True, refresh_per_second=15, redirect_stdout=False)
        self._now = Text()

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._live.stop()

    def show(self, heard: Heard) -> None:
        """Take the next chunk's level and events."""
        for event in heard.events:
            if isinstance(event, SpeechStarted):
                self._now = Text("…", style="dim")
            elif isinstance(event, Partial):
                self._now = Text(event.text or "…", style="dim")
            elif isinstance(event, Final):
                self._now = Text()
                self._result(event)
        filled = round(_METER_WIDTH * max(0.0, 1 + heard.level_db / _METER_RANGE_DB))
        meter = Text("▮" * filled, style="green") + Text("▯" * (_METER_WIDTH - filled), style="dim")
        self._live.update(Group(Text.assemble(meter, "  ", self._now or Text("listening", style="dim"))))

    def _result(self, final: Final) -> None:
        transcript = final.transcript
        line = summary(transcript)
        if not line:
            return
        if sys.stdout.isatty() and self._console.is_terminal:
            start, confidence = f"{final.start:8.1f} s  ", f"  {transcript.confidence:.0%}"
            self._console.print(Text.assemble((start, "dim"), (line, "bold"), confidence))
        else:
            print(line, flush=True)


def show_live(heard: Iterable[Heard]) -> None:
    """Show what is heard in the terminal."""
    with LiveView() as view:
        for each in heard:
            view.show(each)
