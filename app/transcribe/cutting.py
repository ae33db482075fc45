"""From recordings to pieces that fit the network, and from the transcripts of the pieces back to one of each recording.

A recording is read block by block and cut at its pauses; of a long one there is never more in memory than a portion.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oyez.app.transcribe.inputs import Input
from oyez.data.audio import (
    SAMPLE_RATE,
    AudioError,
    AudioWarning,
    IncompleteAudioWarning,
    Waveform,
    audio_blocks,
)

if TYPE_CHECKING:
    from oyez.models.types import Transcript

PORTION_PIECES = 512  # in memory together, at most, however short they are


@dataclass(frozen=True)
class Numbered:
    """An input and its place in the order of all."""

    number: int
    input: Input


@dataclass(frozen=True)
class Piece:
    """A stretch of speech, or a whole recording if it is short."""

    number: int  # of the input
    start: float  # in seconds from the start of the input
    waveform: Waveform


@dataclass(frozen=True)
class End:
    """An input was read to its end, or to its damage."""

    number: int
    pieces: int  # that it was cut into
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()  # what was found while it was read
    is_incomplete: bool = False  # whether a part of it is missing or damaged


@dataclass(frozen=True)
class Heard:
    """The transcript of a piece."""

    number: int
    start: float
    transcript: Transcript


@dataclass
class Portion:
    """Pieces that are heard together, and the inputs that ended among them."""

    pieces: list[Piece] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    seconds: float = 0.0  # of the pieces
    seconds_read: float = 0.0  # of the inputs, with what lies between the pieces


@dataclass(frozen=True)
class Outcome:
    """What became of an input: a transcript, or the reason why there is none."""

    input: Input
    transcript: Transcript | None
    error: str = ""
    warnings: tuple[str, ...] = ()
    is_incomplete: bool = False


Join = Callable[[list[tuple["Transcript", float]], float], "Transcript"]


def portions(inputs: Iterable[Numbered], seconds: float) -> Iterator[Portion]:
    """Read and cut inputs one after the other, in portions of about so many seconds of speech."""
    portion = Portion()
    for each in inputs:
        reader = _Reader(each)
        read_before = 0.0
        for item in reader.items():
            portion.seconds_read += reader.seconds - read_before
            read_before = reader.seconds
            if isinstance(item, End):
                portion.ends.append(item)
                continue
            length = len(item.waveform) / SAMPLE_RATE
            if portion.pieces and (portion.seconds + length > seconds or len(portion.pieces) >= PORTION_PIECES):
                yield portion
                portion = Portion()
            portion.pieces.append(item)
            portion.seconds += length
    if portion.pieces or portion.ends:
        yield portion


class _Reader:
    """Reads one input and cuts it."""

    def __init__(self, numbered: Numbered) -> None:
        self._number = numbered.number
        self._source = numbered.input
        self._samples = 0
        self._warnings: list[AudioWarning] = []

    @property
    def seconds(self) -> float:
        """How much was read so far."""
        return self._samples / SAMPLE_RATE

    def items(self) -> Iterator[Piece | End]:
        """Give the pieces and, last, the end."""
        from oyez.models.recognizer import LONGEST  # with torch, which the command line loads no sooner than it must
        from oyez.models.vad.segmentation import SegmentationConfig
        from oyez.models.vad.silero import segments_in

        pieces = 0
        error = self._source.error
        try:
            if not error:
                blocks = self._blocks()
                first = next(blocks)  # there is one, or an AudioError
                if len(first) <= LONGEST * SAMPLE_RATE:  # then it is the only one
                    pieces = 1
                    yield Piece(self._number, 0.0, first)
                else:
                    config = SegmentationConfig(longest=LONGEST)
                    for segment in segments_in(itertools.chain([first], blocks), config):
                        pieces += 1
                        yield Piece(self._number, segment.start, segment.waveform)
        except AudioError as damage:
            error = self._unnamed(damage)
        except MemoryError:
            error = "too large for the memory of this machine"
        warnings = tuple(map(self._unnamed, self._warnings))
        is_incomplete = any(isinstance(warning, IncompleteAudioWarning) for warning in self._warnings)
        yield End(self._number, pieces, self.seconds, error, warnings, is_incomplete)

    def _blocks(self) -> Iterator[Waveform]:
        source = self._source
        for block in audio_blocks(
            source.path, source.offset, source.duration, source.channel, source.raw, self._warnings.append
        ):
            self._samples += len(block)
            yield block

    def _unnamed(self, report: Exception) -> str:
        """Return what is reported without the name of the file, which stands before it anyway."""
        return str(report).removeprefix(f"{self._source.path}: ")


class Assembly:
    """Puts the transcripts of pieces together, in whatever order they come; outcomes are in the order of the inputs.

    What comes twice, because a recording was read again, counts once.
    """

    def __init__(self, inputs: Iterable[Input], join: Join) -> None:
        """Expect the pieces of these inputs, numbered in their order; `join` is `Recognizer.merge`."""
        self.inputs = list(inputs)
        self._join = join
        self._heard: dict[int, dict[float, Transcript]] = {}
        self._ends: dict[int, End] = {}
        self._next = 0

    @property
    def next(self) -> int:
        """The number of the first input that has no outcome yet."""
        return self._next

    def is_complete(self, number: int) -> bool:
        """Whether everything there is of an input has come."""
        end = self._ends.get(number)
        return number < self._next or (
            end is not None and (bool(end.error) or len(self._heard.get(number, {})) == end.pieces)
        )

    def add(self, heard: Iterable[Heard] = (), ends: Iterable[End] = ()) -> None:
        """Take what was heard, and which inputs ended."""
        for each in heard:
            if each.number >= self._next:
                self._heard.setdefault(each.number, {})[each.start] = each.transcript
        for end in ends:
            known = self._ends.get(end.number)
            if end.number >= self._next and (known is None or not known.error):  # what was given up stays so
                self._ends[end.number] = end

    def outcomes(self) -> Iterator[Outcome]:
        """Give the outcomes that are next in order, as far as they are complete."""
        while self._next < len(self.inputs) and self.is_complete(self._next):
            heard = self._heard.pop(self._next, {})
            yield self._outcome(self._ends.pop(self._next), heard)

    def _outcome(self, end: End, heard: dict[float, Transcript]) -> Outcome:
        source = self.inputs[self._next]
        self._next += 1
        if end.error:
            return Outcome(source, None, end.error)
        parts = [(heard[start], start) for start in sorted(heard)]
        transcript = self._join(parts, end.seconds)
        return Outcome(source, transcript, warnings=end.warnings, is_incomplete=end.is_incomplete)
