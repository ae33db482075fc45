"""Live commands: what is heard is acted upon, and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from oyez.app.commands.actions import Actions
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.recognizer import Recognizer
from oyez.models.types import Command, Final, Transcript

if TYPE_CHECKING:
    from oyez.app.listen.listening import Heard


def with_actions(
    heard: Iterable[Heard], recognizer: Recognizer, say: Callable[[str], None], tell: Callable[[str], None]
) -> Iterator[Heard]:
    """Pass on what is heard; with a commands file, do what the file says.

    `say` is given what the file's actions print, `tell` what went wrong with them.
    """
    if not isinstance(recognizer.interpreter, CommandsInterpreter):
        yield from heard
        return
    with Actions(recognizer.interpreter.file.oyez.actions, say, tell) as actions:
        yield from performed(heard, actions.perform)


def performed(heard: Iterable[Heard], perform: Callable[[Command], object]) -> Iterator[Heard]:
    """Pass on what is heard, and then perform the commands in it."""
    for each in heard:
        yield each
        for event in each.events:
            if isinstance(event, Final) and event.transcript.command is not None:
                perform(event.transcript.command)


def summary(transcript: Transcript) -> str:
    """Return the line that a result is shown as: the text, or the command with its slots; nothing for no command."""
    if transcript.rejection is not None:
        return ""
    if (command := transcript.command) is None:
        return transcript.text
    return "\t".join([command.intent, *(f"{name}={value}" for name, value in command.slots.items()), command.text])
