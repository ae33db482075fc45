"""Events as records for programs: each holds what the event holds."""

from __future__ import annotations

from oyez.app.events import as_record
from oyez.models.types import Final, Partial, Rejection, RejectionCode, SpeechStarted, Transcript, Word


def test_the_wake_phrase_is_an_event_of_its_own() -> None:
    called = Transcript("hey computer", (), 0.7, 0.8, "m", rejection=Rejection(RejectionCode.WAKE_ONLY))
    assert as_record(Final(called, 1.0, 1.8)) == {
        "event": "wake",
        "start": 1.0,
        "end": 1.8,
        "text": "hey computer",
        "confidence": 0.7,
        "words": [],
        "duration": 0.8,
        "model": "m",
        "command": None,
        "slots": {},
        "rejection": {"code": "wake_only", "message": "only the wake phrase was said"},
    }


def test_records_hold_what_an_event_holds() -> None:
    transcript = Transcript("yes", (Word("yes", 1.1, 1.4, 0.9),), 0.9, 0.8, "m")
    assert as_record(SpeechStarted(1.0)) == {"event": "speech", "start": 1.0}
    assert as_record(Partial("yes ye", "yes", 0.3, 1.0, 1.2345)) == {
        "event": "partial",
        "start": 1.0,
        "end": 1.234,
        "text": "yes ye",
        "stable": "yes",
        "confidence": 0.3,
    }
    assert as_record(Final(transcript, 1.0, 1.8)) == {
        "event": "final",
        "start": 1.0,
        "end": 1.8,
        "text": "yes",
        "confidence": 0.9,
        "words": [{"text": "yes", "start": 1.1, "end": 1.4, "confidence": 0.9}],
        "duration": 0.8,
        "model": "m",
        "command": None,
        "slots": {},
        "rejection": None,
    }
