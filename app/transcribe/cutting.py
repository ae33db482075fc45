"""From recordings to pieces that fit the network, and from the transcripts of the pieces back to one of each recording.

A recording is read block by block and cut at its pauses; of a long one there is never more in memory than a portion.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oyez.app.transcribe.inputs import Input
from oyez.data.audio import SAMPLE_RATE, AudioError, Waveform, audio_blocks

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


@dataclass(frozen=True)
class Outcome:
    """What became of an input: a transcript, or the reason why there is none."""

    input: Input
    transcript: Transcript | None
    error: str = ""


Join = Callable[[list[tuple["Transcript", float]], float], "Transcript"]


def portions(inputs: Iterable[Numbered], seconds: float) -> Iterator[Portion]:
    """Read and cut inputs one after the other, in portions of about so many seconds of speech."""
    portion = Portion()
    for each in inputs:
        for item in _cut(each):
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


def _cut(each: Numbered) -> Iterator[Piece | End]:
    from oyez.models.recognizer import LONGEST  # with torch, which the command line loads no sooner than it must
    from oyez.models.vad.segmentation import SegmentationConfig
    from oyez.models.vad.silero import segments_in

    pieces, samples = 0, 0

    def counted(blocks: Iterable[Waveform]) -> Iterator[Waveform]:
        nonlocal samples
        for block in blocks:
            samples += len(block)
            yield block

    source = each.input
    error = source.error
    try:
        if not error:
            blocks = audio_blocks(source.path, source.offset, source.duration, source.channel)
            first = next(blocks)  # there is one, or an AudioError
            if len(first) <= LONGEST * SAMPLE_RATE:  # then it is the only one
                pieces, samples = 1, len(first)
                yield Piece(each.number, 0.0, first)
            else:
                config = SegmentationConfig(longest=LONGEST)
                for segment in segments_in(counted(itertools.chain([first], blocks)), config):
                    pieces += 1
                    yield Piece(each.number, segment.start, segment.waveform)
    except AudioError as damage:
        error = str(damage).removeprefix(f"{source.path}: ")
    except MemoryError:
        error = "too large for the memory of this machine"
    yield End(each.number, pieces, samples / SAMPLE_RATE, error)


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
        return Outcome(source, self._join(parts, end.seconds))
