"""What everything live shares: a recogniser made ready, and its events for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from oyez.data.audio import SAMPLE_RATE
from oyez.models.grammar.command import NoCommand, Refusal, as_fields
from oyez.models.recognizer import Recognizer
from oyez.models.streaming import Event, Final, Partial, SpeechStarted


def warm_up(recognizer: Recognizer) -> None:
    """Have torch do what it does at its first call only, before anybody waits for it."""
    recognizer.transcribe([np.zeros(SAMPLE_RATE, np.float32)])


def as_record(event: Event) -> dict[str, Any]:
    """Return an event for programs: its kind, its times in the stream, and what was said."""
    match event:
        case SpeechStarted():
            return {"event": "speech", "start": round(event.start, 3)}
        case Partial():
            return {
                "event": "partial",
                "start": round(event.start, 3),
                "end": round(event.end, 3),
                "text": event.text,
                "stable": event.stable,
                "confidence": event.confidence,
            }
        case Final():
            command = event.transcript.command
            is_call = isinstance(command, NoCommand) and command.reason is Refusal.WAKE_ONLY
            return {
                "event": "wake" if is_call else "final",
                "start": round(event.start, 3),
                "end": round(event.end, 3),
                "text": event.transcript.text,
                "confidence": event.transcript.confidence,
                "words": [asdict(word) for word in event.transcript.words],
                **({} if command is None or is_call else as_fields(command)),
            }
