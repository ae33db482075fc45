"""`oyez.listen`: the events of a microphone, a recording or a stream as an iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any

from oyez.app.listen.microphone import Microphone
from oyez.app.listen.sources import Source, open_source
from oyez.models.grammar.file import Wake
from oyez.models.recognizer import Recognizer
from oyez.models.types import Event
from oyez.models.vad.segmentation import SegmentationConfig


class EventStream:
    """The events of a source of sound, in order: iterate over it with `for` or with `async for`.

    Closing it, or leaving its `with` block, ends the microphone. What was being said then is lost; a source that ends
    by itself gives the final of what was being said.
    """

    def __init__(
        self, recognizer: Recognizer, source: AbstractContextManager[Source], config: SegmentationConfig | None = None
    ) -> None:
        """Prepare to listen; the source is opened when the first event is asked for."""
        self.recognizer = recognizer
        self._events = _events(recognizer, source, config)

    def __iter__(self) -> Iterator[Event]:
        """Give the events as they come."""
        return self._events

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Give the events as they come; waiting for sound and recognising happen in a thread."""
        end = object()
        while (event := await asyncio.to_thread(next, self._events, end)) is not end:
            yield event  # type: ignore[misc]  # it is no `end`

    def close(self) -> None:
        """End the stream."""
        self._events.close()  # type: ignore[attr-defined]  # a generator

    def __enter__(self) -> EventStream:
        """Begin a block at whose end the stream is closed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stream."""
        self.close()


def listen(
    model: str | Recognizer = "english",
    *,
    commands: str | Path | None = None,
    wake: str | None = None,
    source: str | Path | None = None,
    microphone: str | int | None = None,
    config: SegmentationConfig | None = None,
    **options: Any,
) -> EventStream:
    """Listen, and give what is recognised: SpeechStarted, Partial and Final events.

    Args:
        model: a shipped model's name, a model folder, or a Recognizer that is loaded already.
        commands: a commands file; a final then holds a command or a rejection.
        wake: a wake phrase: only what follows it counts. With `commands`, it stands in place of the file's.
        source: a recording to listen to instead of the microphone.
        microphone: the number of a microphone or a part of its name; by default the system's.
        config: when speech begins and ends.
        options: of `Recognizer.load`.

    Raises:
        CheckpointError, CommandsError: the model or the commands file cannot be used.
        oyez.app.listen.microphone.MicrophoneError, AudioError: while iterating, where there is no sound to be had.
    """
    recognizer = model if isinstance(model, Recognizer) else Recognizer.load(model, **options)
    if commands is not None:
        recognizer = recognizer.with_commands(commands, wake=None if wake is None else Wake(wake))
    elif wake is not None:
        recognizer = recognizer.with_wake_phrase(wake)
    if source is not None:
        return EventStream(recognizer, nullcontext(open_source(Path(source))), config)
    return EventStream(recognizer, Microphone(None if microphone is None else str(microphone)), config)


def _events(
    recognizer: Recognizer, source: AbstractContextManager[Source], config: SegmentationConfig | None
) -> Iterator[Event]:
    with source as sound:
        stream = recognizer.stream(sound.rate, config)
        for samples in sound:
            yield from stream.accept(samples)
        yield from stream.flush()
