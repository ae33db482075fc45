"""Ten hours of sound through live recognition, as fast as it goes: does it grow?

    python -m benchmarks.memory --speech speech/SpeechCommands/speech_commands_v0.02 [--hours 10]

The stream is made up minute by minute: words of the corpus spoken at random times, digital silence, and steady noise at
several levels (for minutes, so that voice activity and the energy of the room change). It goes through the very loop of
`oyez listen`. The resident memory of the process is printed every half an hour of sound, and at the end as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from oyez.app.listen.listening import Summary, listen
from oyez.app.listen.sources import CHUNK_SECONDS
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.recognizer import Recognizer

MINUTE = 60 * SAMPLE_RATE
NOISE = (0.0, 0.0, 0.001, 0.01, 0.05)  # RMS of a minute's noise
WORDS_A_MINUTE = (0, 0, 4, 10, 20)


class Day:
    """A source of sound that nobody has to listen to."""

    rate = SAMPLE_RATE

    def __init__(self, words: list[Waveform], minutes: int) -> None:
        self.words, self.minutes = words, minutes

    def __iter__(self) -> Iterator[Waveform]:
        random = np.random.default_rng(0)
        size = round(CHUNK_SECONDS * SAMPLE_RATE)
        for _ in range(self.minutes):
            sound = random.standard_normal(MINUTE, np.float32) * np.float32(random.choice(NOISE))
            for _ in range(random.choice(WORDS_A_MINUTE)):
                word = self.words[random.integers(len(self.words))]
                start = random.integers(MINUTE - len(word))
                sound[start : start + len(word)] += word
            for start in range(0, MINUTE, size):
                yield sound[start : start + size]


def resident_mib() -> float:
    """Return the memory that the process holds (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True, help="a folder of Speech Commands")
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--model", default="english", help="a shipped model's name, or a folder")
    arguments = parser.parse_args()
    paths = [path for path in sorted(arguments.speech.glob("*/*.wav")) if not path.parent.name.startswith("_")]
    words = [read_audio(path) for path in paths[:: max(1, len(paths) // 500)]]
    recognizer, summary = Recognizer.load(arguments.model), Summary()
    begun, next_report, measured = time.process_time(), 0.0, []
    for heard in listen(recognizer, Day(words, round(arguments.hours * 60)), summary):
        if heard.seconds >= next_report:
            measured.append((round(heard.seconds / 3600, 2), round(resident_mib(), 1)))
            print(f"{measured[-1][0]:5.2f} h  {measured[-1][1]:7.1f} MiB  {summary.finals} results", flush=True)
            next_report += 1800
    measured.append((round(summary.audio_seconds / 3600, 2), round(resident_mib(), 1)))
    print(
        json.dumps(
            {
                "hours": round(summary.audio_seconds / 3600, 2),
                "results": summary.finals,
                "work_share_of_a_core": round((time.process_time() - begun) / summary.audio_seconds, 4),
                "resident_mib": measured,
            }
        )
    )


if __name__ == "__main__":
    main()
