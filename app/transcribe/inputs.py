"""What is to be transcribed: files, folders, patterns, lists, manifests, standard input -> a list of inputs."""

from __future__ import annotations

import codecs
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from oyez.data.audio import SUFFIXES, AudioError, audio_channels
from oyez.data.manifest import ManifestError, read_manifest

JOURNAL = "oyez-journal.jsonl"  # of what a run has done, beside what it writes
STANDARD_INPUT = "-"
_MANIFESTS = {".jsonl", ".tsv"}

Key = tuple[str, str]


class InputError(Exception):
    """An input that cannot be used at all. The message names it."""


@dataclass(frozen=True)
class Input:
    """A recording, or a part or a channel of one, that gets a transcript of its own."""

    path: Path
    place: Path  # below the folder, the manifest's folder or the fixed part of the pattern that it was found by
    offset: float = 0.0  # seconds
    duration: float | None = None  # seconds; None: to the end
    channel: int | None = None  # counted from 0; None: all, averaged
    alias: str = ""  # how it is called, if not by its path
    error: str = ""  # why it cannot be read, if that is known already

    @property
    def name(self) -> str:
        """What its file is called in results."""
        return self.alias or str(self.path)

    @property
    def title(self) -> str:
        """What it is called where it stands beside other parts of its file."""
        return self.name + self.part

    @property
    def part(self) -> str:
        """Which part of the file it is, as it stands in names; empty for a whole file."""
        end = "" if self.duration is None else f"-{self.offset + self.duration:.3f}"
        stretch = f"@{self.offset:.3f}{end}" if self.offset or end else ""
        return stretch + ("" if self.channel is None else f".{self.channel + 1}")

    @property
    def key(self) -> Key:
        """What two inputs never have in common: the file, whatever way leads to it, and the part."""
        return self.alias or str(self.real_path), self.part

    @cached_property
    def real_path(self) -> Path:
        """The file, whatever links lead to it."""
        # what holds a zero byte is no path, and is no file when it is read
        return self.path if "\0" in str(self.path) else Path(os.path.realpath(self.path))


@dataclass(frozen=True)
class Gathered:
    """The inputs that some arguments stand for, each once, and whether folders were searched for them."""

    inputs: list[Input]
    searched: bool


def gather(
    arguments: Sequence[str],
    suffixes: Iterable[str] = SUFFIXES,
    split_channels: bool = False,
    stdin: Path | None = None,
    written: Collection[Path] = (),
) -> Gathered:
    """List what the arguments stand for, in their order, each recording once.

    An argument is a file; a folder, which is searched for audio; a pattern such as `talks/**/*.flac`; `@list.txt`, a
    file of such arguments, one a line, or each ended by a zero byte; a manifest (`.jsonl` or `.tsv`); or `-`.
    What does not exist is listed too, and fails later beside the others.

    Args:
        arguments: see above.
        suffixes: of the files that are taken when a folder is searched, or a pattern that does not end in a suffix;
            with their dot, in lower case.
        split_channels: make each channel of a recording with several an input of its own.
        stdin: the file that holds what came from standard input (see `standard_input`), if `-` is among them.
        written: by runs before, as absolute paths: these are none of the recordings that `*` stands for.

    Raises:
        InputError: an argument is empty; a folder, a pattern or a list holds nothing; a list or a manifest cannot be
            read.
    """
    found: dict[Key, Input] = {}
    searched = False
    suffixes = set(suffixes)
    for argument in _listed(arguments):
        if not argument:  # of a variable that was not set; as a path it would be this folder
            raise InputError("an empty argument names no recording")
        path = Path(argument)
        if argument == STANDARD_INPUT and stdin is not None:
            inputs = [Input(stdin, Path("stdin"), alias=STANDARD_INPUT)]
        elif _is(Path.is_dir, path):
            inputs, searched = _search(path, suffixes), True
        elif _is(Path.exists, path):
            if path.name == JOURNAL or path.absolute() in written:
                continue  # a run's own, which `*` matches as well
            inputs = _of_manifest(path) if path.suffix in _MANIFESTS else [Input(path, Path(path.name))]
        elif glob.has_magic(argument):
            inputs, searched = _matching(argument, suffixes), True
        else:
            inputs = [Input(path, Path(path.name))]
        for each in inputs:
            for channel in _channels(each) if split_channels else [each]:
                found.setdefault(channel.key, channel)
    return Gathered(list(found.values()), searched)


@contextmanager
def standard_input() -> Iterator[Path]:
    """Keep what comes from standard input in a file: libsndfile reads most formats only where it can seek.

    Raises:
        InputError: there is no standard input, or no room for it.
    """
    if sys.stdin is None:
        raise InputError("-: standard input is closed")
    with tempfile.TemporaryDirectory(prefix="oyez-") as folder:
        path = Path(folder, "stdin")
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as error:
            raise InputError(f"-: standard input cannot be kept in {folder} ({error.strerror})") from error
        yield path


def _listed(arguments: Iterable[str]) -> Iterator[str]:
    """Put the lines of each `@list` in its place."""
    for argument in arguments:
        if not argument.startswith("@") or _is(Path.exists, Path(argument)):
            yield argument
            continue
        name = argument[1:]
        try:
            content = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(f"{argument}: the list cannot be read ({getattr(error, 'strerror', error)})") from error
        content = content.removeprefix(codecs.BOM_UTF8)
        lines = content.split(b"\0") if b"\0" in content else content.splitlines()
        listed = [os.fsdecode(line) for line in lines if line.strip()]
        if not listed:
            raise InputError(f"{argument}: the list is empty")
        if STANDARD_INPUT in listed:
            raise InputError(f"{argument}: {STANDARD_INPUT} (standard input) can only stand on the command line")
        yield from listed


def _search(folder: Path, suffixes: set[str]) -> list[Input]:
    inputs: list[Input] = []

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        inputs.append(Input(path, path.relative_to(folder), error=f"cannot be searched ({error.strerror})"))

    seen: set[str] = set()  # folders: a link may lead back to one
    for parent, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        here = os.path.realpath(parent)
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        folders.sort()
        # a folder with the name of a recording is searched, and is none
        paths = (Path(parent, name) for name in files)
        inputs += [Input(path, path.relative_to(folder)) for path in paths if path.suffix.lower() in suffixes]
    if not inputs:
        raise InputError(f"{folder}: no audio in this folder (looked for {', '.join(sorted(suffixes))})")
    return sorted(inputs, key=lambda each: each.place)


def _matching(pattern: str, suffixes: set[str]) -> list[Input]:
    inputs: list[Input] = []
    ending = Path(pattern).suffix
    is_any = not ending or glob.has_magic(ending)  # `talks/*` means the recordings, not what was written beside them
    top = Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  # of Path.glob, patterns are below a folder
        path = Path(name)
        if not path.is_dir():
            is_meant = path.name != JOURNAL and (not is_any or path.suffix.lower() in suffixes)
            inputs += [Input(path, _below(top, path))] if is_meant else []
        elif not pattern.endswith("**"):  # which stands for the files below as well
            inputs += [replace(each, place=_below(top, each.path)) for each in _search(path, suffixes)]
    if not inputs:
        raise InputError(f"{pattern}: no such file, and nothing that matches this pattern")
    return inputs


def _below(top: Path, path: Path) -> Path:
    """Return where a file is below a folder; its name alone if it is elsewhere."""
    inside = path.is_relative_to(top) and ".." not in path.relative_to(top).parts
    return path.relative_to(top) if inside else Path(path.name)


def _of_manifest(path: Path) -> list[Input]:
    try:
        utterances = read_manifest(path)
    except ManifestError as error:
        raise InputError(str(error)) from error
    return [Input(each.path, _below(path.parent, each.path), each.offset, each.duration) for each in utterances]


def _channels(each: Input) -> list[Input]:
    try:
        channels = 0 if each.error else audio_channels(each.path)
    except AudioError:
        channels = 0  # it fails later, once
    return [each] if channels < 2 else [replace(each, channel=number) for number in range(channels)]


def _is(question: Callable[[Path], bool], path: Path) -> bool:
    """Ask whether a path is something; one whose name is too long, or that links to itself, is nothing."""
    try:
        return question(path)
    except (OSError, RuntimeError, ValueError):
        return False
