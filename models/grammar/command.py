"""What is heard with a commands file: a command, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class Command:
    """What somebody wants done."""

    intent: str
    slots: Mapping[str, Any]  # what the lists' `out` values, the numbers and the free texts were
    text: str  # the sentence, as the commands file writes it
    confidence: float  # probability that intent and slots are right
    runners_up: tuple[Command, ...] = ()  # the next likely ones with another intent or other slots, if asked for


class Refusal(StrEnum):
    """Why no command was heard."""

    SILENCE = "nothing was said"
    OTHER = "it is none of the sentences"
    WAKE_ONLY = "the wake phrase alone was said"
    NOT_WOKEN = "the wake phrase was not said"
    SEVERAL = "more than one command was said"


@dataclass(frozen=True)
class NoCommand:
    """No command was heard. It counts as false."""

    reason: Refusal
    nearest: Command | None = None  # what it would have been

    def __bool__(self) -> bool:
        return False


def as_fields(command: Command | NoCommand) -> dict[str, Any]:
    """Return what programs are given of a command besides its transcript: command, slots, and why it was refused."""
    if isinstance(command, Command):
        fields: dict[str, Any] = {"command": command.intent, "slots": dict(command.slots), "refused": None}
        if command.runners_up:
            fields["runners_up"] = [
                {"command": each.intent, "slots": dict(each.slots), "text": each.text, "confidence": each.confidence}
                for each in command.runners_up
            ]
        return fields
    return {"command": None, "slots": {}, "refused": command.reason.value}
