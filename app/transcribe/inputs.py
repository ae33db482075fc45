"""What is to be transcribed: files, folders, patterns, lists, manifests, standard input -> a list of inputs."""

from __future__ import annotations

import codecs
import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from oyez.data.audio import RAW_SUFFIXES, SUFFIXES, AudioError, RawFormat, audio_channels, media_at
from oyez.data.manifest import ManifestError, read_manifest

JOURNAL = "oyez-journal.jsonl"  # of what a run has done, beside what it writes
STANDARD_INPUT = "-"
_MANIFESTS = {".jsonl", ".tsv"}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_APPLE_DOUBLE = "._"  # begins the name of what macOS leaves beside a file on foreign disks
_NAMED = 3  # files that a message names at the most

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
    raw: RawFormat | None = None  # how to read samples without a header

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
    """The inputs that some arguments stand for, each once.

    Attributes:
        searched: whether folders or patterns were searched for them.
        passed_over: the files that were found there and are no recordings.
    """

    inputs: list[Input]
    searched: bool
    passed_over: list[Path] = field(default_factory=list)


def gather(
    arguments: Sequence[str],
    suffixes: Iterable[str] | None = None,
    split_channels: bool = False,
    stdin: Path | None = None,
    written: Collection[Path] = (),
    raw: RawFormat | None = None,
    keep: Callable[[Path], Path] | None = None,
) -> Gathered:
    """List what the arguments stand for, in their order, each recording once.

    An argument is a file or a pipe, also as a `file://` address; a folder, which is searched for recordings; a pattern
    such as `talks/**/*.flac`; `@list.txt`, a file of such arguments, one a line, or each ended by a zero byte; a
    manifest (`.jsonl` or `.tsv`); or `-`. What does not exist is listed too, and fails later beside the others; so is
    an address of the network, from which nothing is fetched.

    Args:
        arguments: see above.
        suffixes: of the files that are taken when a folder is searched, or a pattern that does not end in a suffix;
            with their dot, in lower case. By default all of recordings and films; what has another suffix is looked
            into. With `raw`, by default those of samples without a header.
        split_channels: make each channel of a recording with several an input of its own.
        stdin: the file that holds what came from standard input (see `kept`), if `-` is among them.
        written: by runs before, as absolute paths: these are none of the recordings that `*` stands for.
        raw: how to read all of them, if they are samples without a header.
        keep: puts what comes from a pipe into a file and returns its path (see `kept`).

    Raises:
        InputError: an argument is empty; a folder, a pattern or a list holds nothing; a list or a manifest cannot be
            read.
    """
    found: dict[Key, Input] = {}
    search = _Search(suffixes if suffixes is not None or raw is None else RAW_SUFFIXES, written)
    for argument in _listed(arguments):
        if not argument:  # of a variable that was not set; as a path it would be this folder
            raise InputError("an empty argument names no recording")
        if argument == STANDARD_INPUT and stdin is not None:
            inputs = [Input(stdin, Path("stdin"), alias=STANDARD_INPUT)]
        elif _is(Path.is_file, path := Path(argument)) and (path.name == JOURNAL or path.absolute() in written):
            continue  # a run's own, which `*` matches as well
        else:
            inputs = _inputs_of(argument, search, keep)
        for each in inputs:
            meant = replace(each, raw=raw)
            for channel in _channels(meant) if split_channels else [meant]:
                found.setdefault(channel.key, channel)
    return Gathered(list(found.values()), search.was_made, search.passed_over)


def _inputs_of(argument: str, search: _Search, keep: Callable[[Path], Path] | None) -> list[Input]:
    """Return the inputs that one argument stands for."""
    path = Path(argument)
    if _is(Path.is_dir, path):
        return search.folder(path)
    if _is(Path.exists, path):
        if keep is not None and _is(Path.is_fifo, path):
            return [_piped(argument, keep)]
        return _of_manifest(path) if path.suffix in _MANIFESTS else [Input(path, Path(path.name))]
    if _ADDRESS.match(argument):
        address = urlsplit(argument)
        if address.scheme.lower() == "file" and address.netloc in ("", "localhost"):
            return _inputs_of(unquote(address.path), search, keep)
        error = "an address; nothing is fetched from the network: download the file first"
        return [Input(path, Path(path.name), alias=argument, error=error)]
    if glob.has_magic(argument):
        return search.pattern(argument)
    return [Input(path, Path(path.name))]


def _piped(argument: str, keep: Callable[[Path], Path]) -> Input:
    path = Path(argument)
    try:
        return Input(keep(path), Path(path.name), alias=argument)
    except InputError as error:
        return Input(path, Path(path.name), error=str(error).removeprefix(f"{path}: "))


@contextmanager
def kept(pipe: Path | None = None) -> Iterator[Path]:
    """Keep what comes from a pipe, or from standard input, in a file: most formats are read by going back and forth.

    Raises:
        InputError: there is no standard input, or no room for it.
    """
    name = STANDARD_INPUT if pipe is None else str(pipe)
    if pipe is None and sys.stdin is None:
        raise InputError("-: standard input is closed")
    with tempfile.TemporaryDirectory(prefix="oyez-") as folder:
        path = Path(folder, "stdin" if pipe is None else pipe.name)
        try:
            with path.open("wb") as file, _opened(pipe) as source:
                shutil.copyfileobj(source, file)
        except OSError as error:
            raise InputError(f"{name}: cannot be kept in {folder} ({error.strerror})") from error
        yield path


def _opened(pipe: Path | None) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if pipe is None else pipe.open("rb")


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


class _Search:
    """Searches folders and patterns for recordings, and remembers what was passed over."""

    def __init__(self, suffixes: Iterable[str] | None, written: Collection[Path]) -> None:
        self._suffixes = None if suffixes is None else set(suffixes)
        self._written = written
        self.was_made = False
        self.passed_over: list[Path] = []

    def folder(self, folder: Path) -> list[Input]:
        """Return the recordings in a folder. Raises InputError if there is none."""
        self.was_made = True
        inputs: list[Input] = []
        before = len(self.passed_over)

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
            paths = (Path(parent, name) for name in sorted(files))
            inputs += [_found(path, path.relative_to(folder)) for path in paths if self._takes(path)]
        if not inputs:
            raise InputError(f"{folder}: no recording in this folder{self._others(before)}")
        return sorted(inputs, key=lambda each: each.place)

    def pattern(self, pattern: str) -> list[Input]:
        """Return the recordings that a pattern matches. Raises InputError if there is none."""
        self.was_made = True
        inputs: list[Input] = []
        before = len(self.passed_over)
        ending = Path(pattern).suffix
        is_any = not ending or glob.has_magic(
            ending
        )  # `talks/*` means the recordings, not what was written beside them
        top = Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
        for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207  # of Path.glob, patterns are below a folder
            path = Path(name)
            if not path.is_dir():
                is_meant = path.name != JOURNAL and (not is_any or self._takes(path))
                inputs += [_found(path, _below(top, path))] if is_meant else []
            elif not pattern.endswith("**"):  # which stands for the files below as well
                inputs += [replace(each, place=_below(top, each.path)) for each in self.folder(path)]
        if not inputs:
            found = self._others(before) or ", and nothing that matches this pattern"
            raise InputError(f"{pattern}: no such file{found}")
        return inputs

    def _takes(self, path: Path) -> bool:
        """Whether a file that was found is a recording; what is not, and was not written by a run, is remembered."""
        suffix = path.suffix.lower()
        if self._suffixes is not None:
            takes = suffix in self._suffixes
        elif path.name.startswith(_APPLE_DOUBLE):
            takes = False
        else:
            takes = suffix in SUFFIXES or (suffix not in RAW_SUFFIXES and _is(media_at, path))
        if not takes and path.name != JOURNAL and path.absolute() not in self._written:
            self.passed_over.append(path)
        return takes

    def _others(self, before: int) -> str:
        others = [path.name for path in self.passed_over[before:]]
        if not others:
            return ""
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return f" (passed over: {', '.join(others[:_NAMED])}{more})"


def _found(path: Path, place: Path) -> Input:
    """Return the input for a file that a search has found; a pipe would have it wait, perhaps for ever."""
    is_pipe = _is(Path.is_fifo, path)
    return Input(path, place, error="a pipe; to have it read, name the pipe itself" if is_pipe else "")


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
        channels = 0 if each.error else audio_channels(each.path, each.raw)
    except AudioError:
        channels = 0  # it fails later, once
    return [each] if channels < 2 else [replace(each, channel=number) for number in range(channels)]


def _is(question: Callable[[Path], bool], path: Path) -> bool:
    """Ask whether a path is something; one whose name is too long, or that links to itself, is nothing."""
    try:
        return question(path)
    except (OSError, RuntimeError, ValueError):
        return False
