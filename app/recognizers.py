"""Recognisers as the options name them; a mistake in the options ends the command. Importing this loads torch."""

from __future__ import annotations

from pathlib import Path

from oyez.app.commands_file import wrong_file
from oyez.app.console import say, usage_error
from oyez.app.options import Decoding, PrecisionChoice
from oyez.data.counting import counted
from oyez.models.checkpoint import CheckpointError
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import Wake
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.grammar.wake import WakeInterpreter
from oyez.models.recognizer import Decoding as Choice
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.runtime import BATCH_SECONDS

_SHOWN_WORDS = 10  # of those that a model does not know


def load_recognizer(
    model: str,
    device: str,
    decoding: Decoding | None,
    precision: PrecisionChoice = PrecisionChoice.float32,
    batch_seconds: float | None = None,
) -> Recognizer:
    """Load a recogniser."""
    try:
        how: Choice | None = decoding.value if decoding else None
        return Recognizer.load(model, device, how, precision.value, batch_seconds or BATCH_SECONDS)
    except (CheckpointError, ValueError) as error:
        usage_error(error)
    except (RuntimeError, AssertionError) as error:  # torch has no such device
        usage_error(f"--device {device}: {str(error).splitlines()[0]}")


def with_commands(
    recognizer: Recognizer,
    file: Path,
    alternatives: int = 0,
    wake: Wake | None = None,
    threshold: float | None = None,
) -> Recognizer:
    """Return the recogniser of a commands file."""
    try:
        commands = recognizer.with_commands(file, threshold, alternatives, wake)
    except CommandsError as error:
        wrong_file(file, error)
    _warn_of_unknown(commands)
    return commands


def with_wake_phrase(recognizer: Recognizer, phrase: str, wake: Wake) -> Recognizer:
    """Return the recogniser of what follows a wake phrase."""
    try:
        called = recognizer.with_wake_phrase(phrase, wake.seconds, wake.threshold)
    except CommandsError as error:
        usage_error(error)
    _warn_of_unknown(called)
    return called


def unknown_words(recognizer: Recognizer, words: list[str]) -> str:
    """Return, for a message, which words a model does not know."""
    shown = ", ".join(words[:_SHOWN_WORDS]) + (", ..." if len(words) > _SHOWN_WORDS else "")
    known = counted(len(recognizer.config.vocabulary), "word")
    return f"{recognizer.name} knows {known}, but not: {shown}"


def _warn_of_unknown(recognizer: Recognizer) -> None:
    interpreter = recognizer.interpreter
    assert isinstance(interpreter, CommandsInterpreter | WakeInterpreter)
    if words := interpreter.unknown_words():
        say(f"warning: {unknown_words(recognizer, words)}")
