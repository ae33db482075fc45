"""Makes damaged recordings of many formats, and checks that the decoder crashes at none, hangs at none and loses none.

python -m tests.data.fuzz_audio --files 1000 --seed 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import soundfile

from oyez.data.audio import SAMPLE_RATE, AudioError, AudioWarning, IncompleteAudioWarning, audio_blocks
from tests.data.media import MEDIA, write_media

SECONDS = 3.0  # of each recording
PATIENCE = 10.0  # seconds that one file may take
MEMORY = 500 << 20  # bytes by which one file may make a process grow

#: ending -> options of soundfile.write; with those of MEDIA, the formats that are damaged
WRITTEN: dict[str, dict[str, str]] = {
    "wav": {}, "float.wav": {"subtype": "FLOAT"}, "adpcm.wav": {"subtype": "MS_ADPCM"}, "flac": {}, "ogg": {},
    "opus": {"format": "OGG", "subtype": "OPUS"}, "mp3": {}, "aiff": {}, "au": {"subtype": "ULAW"}, "caf": {},
    "w64": {}, "rf64.wav": {"format": "RF64"}, "voc": {},
}  # fmt: skip
FORMATS = [*WRITTEN, *MEDIA]


@dataclass
class Account:
    """What became of the files."""

    outcomes: dict[Path, str] = field(default_factory=dict)  # read, incomplete, refused; or what went wrong
    short: list[Path] = field(default_factory=list)  # cut off, and less than was left was read, without a warning

    @property
    def failures(self) -> dict[Path, str]:
        """The files at which the decoder crashed, hung, or took too much memory."""
        return {path: outcome for path, outcome in self.outcomes.items() if outcome not in _EXPECTED}


_EXPECTED = ("read", "incomplete", "refused")


def damaged_files(folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Write `count` damaged recordings, one after the other; each format and each kind of damage has its turn."""
    generator = np.random.default_rng(seed)
    sound = (0.2 * generator.standard_normal(round(SECONDS * SAMPLE_RATE))).astype(np.float32)
    whole: dict[str, bytes] = {}
    for ending in FORMATS:
        path = folder / f"whole.{ending}"
        if ending in MEDIA:
            write_media(path, sound, ending)
        else:
            soundfile.write(path, sound, SAMPLE_RATE, **WRITTEN[ending])
        whole[ending] = path.read_bytes()
        path.unlink()
    damages = (truncated, bits_flipped, sizes_wrong, zeroed, replaced, doubled)
    for number in range(count):
        ending = FORMATS[number % len(FORMATS)]
        damage = damages[number // len(FORMATS) % len(damages)]
        path = folder / f"{number:05}-{damage.__name__}.{ending}"
        path.write_bytes(damage(whole[ending], generator))
        yield path


def truncated(content: bytes, generator: np.random.Generator) -> bytes:
    """Cut the end off."""
    return content[: int(generator.integers(1, len(content)))]


def bits_flipped(content: bytes, generator: np.random.Generator) -> bytes:
    """Turn some bits round, half of them near the beginning."""
    changed = bytearray(content)
    for _ in range(int(generator.integers(1, 30))):
        end = len(content) if generator.random() < 0.5 else min(len(content), 200)
        changed[int(generator.integers(end))] ^= 1 << int(generator.integers(8))
    return bytes(changed)


def sizes_wrong(content: bytes, generator: np.random.Generator) -> bytes:
    """Write a number that lies at its limits, or anywhere, over four bytes of the header."""
    place = int(generator.integers(min(len(content), 120) - 4))
    value = int(generator.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, int(generator.integers(1 << 32))]))
    order = "little" if generator.random() < 0.5 else "big"
    return content[:place] + value.to_bytes(4, order) + content[place + 4 :]  # type: ignore[arg-type]


def zeroed(content: bytes, generator: np.random.Generator) -> bytes:
    """Leave a hole of zeros, as a disk does."""
    begin = int(generator.integers(len(content)))
    size = min(len(content) - begin, int(generator.integers(1, 5000)))
    return content[:begin] + bytes(size) + content[begin + size :]


def replaced(content: bytes, generator: np.random.Generator) -> bytes:
    """Put something else in the place of a part."""
    begin = int(generator.integers(len(content)))
    size = min(len(content) - begin, int(generator.integers(1, 5000)))
    return content[:begin] + generator.bytes(size) + content[begin + size :]


def doubled(content: bytes, generator: np.random.Generator) -> bytes:
    """Put a part in twice, or leave it out."""
    first, second = sorted(int(place) for place in generator.integers(len(content), size=2))
    return content[:second] + content[first:] if generator.random() < 0.5 else content[:first] + content[second:]


def check(count: int, seed: int) -> Account:
    """Read `count` damaged files in a process of its own, which is ended and replaced where it fails."""
    account = Account()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="oyez-") as name:
        process, connection = None, None
        for path in damaged_files(Path(name), count, seed):
            if process is None:
                connection, theirs = context.Pipe()
                process = context.Process(target=_read_all, args=(theirs,), daemon=True)
                process.start()
                theirs.close()
                connection.poll(60)
                connection.recv()  # it is ready
            assert connection is not None
            connection.send(path)
            try:
                outcome, seconds, grown = connection.recv() if connection.poll(PATIENCE) else ("hangs", 0.0, 0)
            except EOFError:
                process.join()
                outcome, seconds, grown = f"crashes with exit code {process.exitcode}", 0.0, 0
            if grown > MEMORY:
                outcome = f"takes {grown >> 20} MB"
            account.outcomes[path] = outcome
            # what was cut off at the end is the surest to be seen; of what has no index, a little is never missed
            if "truncated" in path.name and outcome == "read" and seconds < SECONDS - 0.5:
                account.short.append(path)
            if outcome not in _EXPECTED:
                process.kill()
                process.join()
                process = None
            else:
                path.unlink()
        if process is not None:
            process.kill()
            process.join()
    return account


def _read_all(connection: Connection) -> None:
    """Read the files whose paths come; answer with the outcome, the seconds read and the growth in bytes."""
    connection.send("ready")
    while True:
        path = connection.recv()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = 0.0
        found: list[AudioWarning] = []
        try:
            for block in audio_blocks(path, warn=found.append):
                seconds += len(block) / SAMPLE_RATE
            is_incomplete = any(isinstance(warning, IncompleteAudioWarning) for warning in found)
            outcome = "incomplete" if is_incomplete else "read"
        except AudioError as error:
            outcome = "refused" if str(error).startswith(f"{path}: ") else f"refused without its name: {error}"
        except Exception as error:  # whatever it is, it is what is looked for
            outcome = f"{type(error).__name__}: {error}"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before << 10
        connection.send((outcome, seconds, grown))


def main() -> int:
    """Run the check as a program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    account = check(arguments.files, arguments.seed)
    counts = Counter(outcome for outcome in account.outcomes.values() if outcome in _EXPECTED)
    lines = [
        f"{len(account.outcomes)} files of {len(FORMATS)} formats: {dict(counts)}, {len(account.failures)} failures"
    ]
    lines += [f"{path.name}: {outcome}" for path, outcome in account.failures.items()]
    lines += [f"{path.name}: ends early, and nothing was reported" for path in account.short]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if account.failures or len(account.outcomes) != arguments.files else 0


if __name__ == "__main__":
    raise SystemExit(main())
