"""Live commands: what is heard is acted upon, and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from oyez.app.commands.actions import Actions
from oyez.models.grammar.command import Command, NoCommand
from oyez.models.grammar.recognizer import CommandRecognizer
from oyez.models.recognizer import Recognizer, Transcript
from oyez.models.streaming import Final

if TYPE_CHECKING:
    from oyez.app.listen.listening import Heard


def with_actions(
    heard: Iterable[Heard], recognizer: Recognizer, say: Callable[[str], None], tell: Callable[[str], None]
) -> Iterator[Heard]:
    """Pass on what is heard; with a commands file, do what the file says.

    `say` is given what the file's actions print, `tell` what went wrong with them.
    """
    if not isinstance(recognizer, CommandRecognizer):
        yield from heard
        return
    with Actions(recognizer.file.oyez.actions, say, tell) as actions:
        yield from performed(heard, actions.perform)


def performed(heard: Iterable[Heard], perform: Callable[[Command], object]) -> Iterator[Heard]:
    """Pass on what is heard, and then perform the commands in it."""
    for each in heard:
        yield each
        for event in each.events:
            if isinstance(event, Final) and isinstance(event.transcript.command, Command):
                perform(event.transcript.command)


def summary(transcript: Transcript) -> str:
    """Return the line that a result is shown as: the text, or the command with its slots; nothing for no command."""
    match transcript.command:
        case Command(intent=intent, slots=slots, text=text):
            return "\t".join([intent, *(f"{name}={value}" for name, value in slots.items()), text])
        case NoCommand():
            return ""
    return transcript.text
