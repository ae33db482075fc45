"""What everything live shares: a recogniser made ready, and its events for programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from oyez.data.audio import SAMPLE_RATE
from oyez.models.recognizer import Recognizer
from oyez.models.types import Event, Final, Partial, RejectionCode, SpeechStarted


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
            rejection = event.transcript.rejection
            is_wake = rejection is not None and rejection.code is RejectionCode.WAKE_ONLY
            times = {"start": round(event.start, 3), "end": round(event.end, 3)}
            return {"event": "wake" if is_wake else "final", **times, **event.transcript.to_dict()}
