"""Live streams of the page: sound comes in over a WebSocket, events go out. None of it is written to disk.

A connection is one recording of one visitor. The browser sends 16-bit mono samples, 100 ms at a time, and the words
"stop" and "picture"; if it asks for commands, a commands file comes first. It gets the events of the stream as JSON.
All that is known of the visitor is gone when the connection ends: with the browser's tab, with the next recording, or
when the browser was silent for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from oyez.app.events import as_record
from oyez.app.web.choice import Choice
from oyez.app.web.commands import with_file
from oyez.app.web.figures import as_svg, inside
from oyez.data.audio import AudioError
from oyez.models.checkpoint import CheckpointError
from oyez.models.grammar.errors import CommandsError
from oyez.models.recognizer import Recognizer
from oyez.models.streaming import StreamingRecognizer
from oyez.models.types import Event, Final
from oyez.models.vad.segmentation import SegmentationConfig

PATH = "/live"
SAMPLE = np.dtype("<i2")  # as the browser sends them
_PATIENCE = 10.0  # seconds, for a commands file to arrive


@dataclass(frozen=True)
class Limits:
    """What visitors may ask for; times in seconds."""

    listeners: int = 16  # recordings at once
    longest: float = 1800.0  # a recording; it is ended then
    idle: float = 600.0  # without a word from the browser, after which the connection is ended
    backlog: float = 20.0  # of sound that waits for a busy machine


class LiveStreams:
    """Serves the live streams of all visitors."""

    def __init__(self, choice: Choice, limits: Limits | None = None) -> None:
        self.choice = choice
        self.limits = limits or Limits()
        self._conversations: set[Conversation] = set()

    @property
    def listening(self) -> int:
        """How many recordings there are at this moment."""
        return sum(conversation.recording for conversation in self._conversations)

    async def serve(self, socket: WebSocket) -> None:
        """Serve a connection until it ends."""
        origin = socket.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
            await socket.close(1008)  # another site's page, opened in a browser of this computer
            return
        await socket.accept()
        conversation = Conversation(socket, self.limits)
        try:
            if self.listening >= self.limits.listeners:
                raise UnusableError(f"{self.listening} people are speaking at this moment. Try again a little later.")
            self._conversations.add(conversation)
            asked = dict(socket.query_params)
            commands = await asyncio.wait_for(socket.receive_text(), _PATIENCE) if "commands" in asked else ""
            await conversation.run(await asyncio.to_thread(self._open, asked, commands))
        except UnusableError as error:
            with suppress(WebSocketDisconnect):
                await conversation.tell([{"event": "error", "text": str(error)}])
                await socket.close()
        except TimeoutError:
            await socket.close()
        except WebSocketDisconnect:
            pass
        finally:
            self._conversations.discard(conversation)

    def _open(self, asked: dict[str, str], commands: str) -> StreamingRecognizer:
        try:
            config = SegmentationConfig(
                threshold=1 - float(asked.get("sensitivity", 0.5)),
                closing_silence=float(asked.get("closing_silence", 0.5)),
            )
            recognizer = self.choice.recognizer(asked.get("model", self.choice.first))
            if commands:
                recognizer = with_file(recognizer, commands)
            return recognizer.stream(int(asked["rate"]), config)
        except CommandsError as error:
            raise UnusableError(f"The commands file cannot be used: {error}") from error
        except (CheckpointError, AudioError) as error:
            raise UnusableError(str(error)) from error
        except (KeyError, ValueError, ValidationError) as error:
            raise UnusableError(f"the browser asks for what cannot be: {asked}") from error


class UnusableError(Exception):
    """A stream that cannot be served. The message is for the visitor."""


class Conversation:
    """One connection. What comes in while the recogniser works is worked off together: late, it does less, not more."""

    def __init__(self, socket: WebSocket, limits: Limits) -> None:
        self.recording = True
        self._socket = socket
        self._limits = limits
        self._sound = bytearray()
        self._orders: list[str] = []
        self._last: Final | None = None  # with a text
        self._news = asyncio.Event()
        self._connected = True

    async def run(self, stream: StreamingRecognizer) -> None:
        """Serve until the browser goes."""
        reader = asyncio.create_task(self._read())
        try:
            while self._connected:
                await self._news.wait()
                self._news.clear()
                await self._work(stream)
        finally:
            reader.cancel()

    async def tell(self, records: Sequence[dict[str, Any]]) -> None:
        """Send records to the browser."""
        for record in records:
            await self._socket.send_json(record)

    async def _read(self) -> None:
        try:
            while True:
                message = await asyncio.wait_for(self._socket.receive(), self._limits.idle)
                if message["type"] == "websocket.disconnect":
                    break
                if message.get("bytes") is not None and self.recording:
                    self._sound += message["bytes"]
                if message.get("text") is not None:
                    self._orders.append(message["text"])
                self._news.set()
        except TimeoutError:
            await self._socket.close()
        finally:
            self._connected = False
            self._news.set()

    async def _work(self, stream: StreamingRecognizer) -> None:
        sound, self._sound = self._sound, bytearray()
        orders, self._orders = self._orders, []
        if len(sound) > self._limits.backlog * stream.rate * SAMPLE.itemsize:
            raise UnusableError("This computer is too busy to keep up with you. Try again a little later.")
        if self.recording and sound:
            samples = np.frombuffer(sound[: len(sound) // SAMPLE.itemsize * SAMPLE.itemsize], SAMPLE)
            await self._note(await asyncio.to_thread(stream.accept, samples))
            if stream.seconds >= self._limits.longest:
                await self._stop(
                    stream, f"Stopped after {self._limits.longest / 60:.0f} minutes. Press Record to go on."
                )
        for order in orders:
            if order == "stop":
                await self._stop(stream)
            elif order == "picture":
                await self.tell([await asyncio.to_thread(self._picture, stream)])

    async def _stop(self, stream: StreamingRecognizer, reason: str = "") -> None:
        if self.recording:
            self.recording = False
            await self._note(await asyncio.to_thread(stream.flush))
            await self.tell([{"event": "stopped", "text": reason}])

    async def _note(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Final) and event.transcript.text:
                self._last = event
        await self.tell([as_record(event) for event in events])

    def _picture(self, stream: StreamingRecognizer) -> dict[str, Any]:
        if self._last is None:
            return {"event": "picture", "svg": ""}
        recognizer = stream.recognizer
        assert isinstance(recognizer, Recognizer)
        transcript = recognizer.transcribe(self._last.waveform)  # with times from its own beginning
        return {"event": "picture", "svg": as_svg(inside(recognizer, self._last.waveform, transcript))}
