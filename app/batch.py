"""Many files to many transcripts: what to read, in which batches, and where the results go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.audio import SAMPLE_RATE, SUFFIXES, AudioError, Waveform, read_audio
from models.recognizer import BATCH_SECONDS, Recognizer, Transcript

AT_ONCE = 128  # files in memory together, at most


class InputError(Exception):
    """An input that cannot be used at all. The message names it."""


@dataclass(frozen=True)
class Input:
    """A file to transcribe, and its place below the folder that was asked for."""

    path: Path
    place: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a file: a transcript, or the reason why there is none."""

    input: Input
    transcript: Transcript | None
    error: str = ""


def gather(paths: Iterable[Path]) -> list[Input]:
    """List the files meant by `paths`: files as they are, folders searched for audio, each file once.

    A file that does not exist is listed too, and fails later beside the others.

    Raises:
        InputError: a folder holds no audio.
    """
    found: dict[str, Input] = {}
    for path in paths:
        if _is_folder(path):
            files = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and not _is_folder(f))
            if not files:
                raise InputError(f"{path}: no audio in this folder (looked for {', '.join(sorted(SUFFIXES))})")
            inputs = [Input(file, file.relative_to(path)) for file in files]
        else:
            inputs = [Input(path, Path(path.name))]
        for each in inputs:
            found.setdefault(os.path.realpath(each.path), each)
    return list(found.values())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, RuntimeError):  # a name that is too long, or a link to itself
        return False


def transcribe(
    recognizer: Recognizer, inputs: Sequence[Input], progress: Callable[[int], None] = lambda _: None
) -> Iterator[Outcome]:
    """Transcribe files in the order given. A damaged one gives an outcome with its error and stops nothing."""
    waiting: list[tuple[Input, Waveform | str]] = []
    seconds = 0.0
    for each in inputs:
        try:
            waveform = read_audio(each.path)
            seconds += len(waveform) / SAMPLE_RATE
            waiting.append((each, waveform))
        except AudioError as error:
            waiting.append((each, str(error)))
        if seconds >= BATCH_SECONDS or len(waiting) >= AT_ONCE:
            yield from _finish(recognizer, waiting, progress)
            waiting, seconds = [], 0.0
    yield from _finish(recognizer, waiting, progress)


def _finish(
    recognizer: Recognizer, waiting: Sequence[tuple[Input, Waveform | str]], progress: Callable[[int], None]
) -> Iterator[Outcome]:
    transcripts = iter(recognizer.transcribe([audio for _, audio in waiting if not isinstance(audio, str)]))
    for each, audio in waiting:
        progress(1)
        if isinstance(audio, str):
            yield Outcome(each, None, audio)
        else:
            yield Outcome(each, next(transcripts))


def output_places(inputs: Sequence[Input], suffix: str) -> list[Path]:
    """Return where each transcript goes below the output folder, no two in the same place.

    `talk.wav` becomes `talk.txt`; beside `talk.mp3` it becomes `talk.wav.txt`; and beside the `talk.wav` of another
    folder it takes that folder's name along.
    """
    absolute = [Path(os.path.realpath(each.path)) for each in inputs]
    common = Path(os.path.commonpath([path.parent for path in absolute])) if absolute else Path()
    namings = [
        [each.place.with_suffix(suffix) for each in inputs],
        [each.place.with_name(each.place.name + suffix) for each in inputs],
        [path.relative_to(common).with_name(path.name + suffix) for path in absolute],
    ]
    candidates = [[naming[n] for naming in namings] for n in range(len(inputs))]
    # a place that only one input could take, by a file system that takes a.txt and A.txt for one
    takers = Counter(name for places in candidates for name in {str(place).casefold() for place in places})
    return [
        next((place for place in places if takers[str(place).casefold()] == 1), places[-1]) for places in candidates
    ]


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
