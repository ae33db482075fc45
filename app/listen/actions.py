"""What is done when a command is recognised: a program is run, an address is sent it, or a line is printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from oyez.app.listen.listening import Heard
from oyez.models.grammar.file import Action
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.recognizer import Recognizer
from oyez.models.types import Command, Final

_PROGRAM_SECONDS, _ADDRESS_SECONDS = 60.0, 10.0  # after which an action is given up
_AT_ONCE = 4
_FIELD = re.compile(r"\{(\w+)\}")


class Actions:
    """Does what a commands file says, beside the listening; a failure is reported and stops nothing."""

    def __init__(
        self, actions: Mapping[str, Action], output: Callable[[str], None], report: Callable[[str], None]
    ) -> None:
        """Make the actions of a file; `output` is given what they print, `report` a line for each failure."""
        self._actions = actions
        self._output = output
        self._report = report
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="action")

    def __enter__(self) -> Actions:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._pool.shutdown()

    def perform(self, command: Command) -> Future[None] | None:
        """Begin what is to be done for a command; None if that is nothing."""
        action = self._actions.get(command.intent, self._actions.get("*"))
        if action is None:
            return None
        if action.print is not None:
            self._output(filled(action.print, command))
            return None
        return self._pool.submit(self._do, action, command)

    def _do(self, action: Action, command: Command) -> None:
        try:
            if action.run is not None:
                run(action.run, command)
            elif action.post is not None:
                post(action.post, command)
        except Exception as error:  # whatever it is: in this thread nobody else would report it
            self._report(f"action of {command.intent}: {error}")


def with_actions(
    heard: Iterable[Heard], recognizer: Recognizer, output: Callable[[str], None], report: Callable[[str], None]
) -> Iterator[Heard]:
    """Pass on the chunks of a session; with a commands file, do what the file says.

    `output` is given what the file's actions print, `report` a line for each that failed.
    """
    if not isinstance(recognizer.interpreter, CommandsInterpreter):
        yield from heard
        return
    with Actions(recognizer.interpreter.file.oyez.actions, output, report) as actions:
        yield from performed(heard, actions.perform)


def performed(heard: Iterable[Heard], perform: Callable[[Command], object]) -> Iterator[Heard]:
    """Pass on the chunks of a session, and after each perform the commands in it."""
    for chunk in heard:
        yield chunk
        for event in chunk.events:
            if isinstance(event, Final) and event.transcript.command is not None:
                perform(event.transcript.command)


def run(arguments: list[str], command: Command) -> None:
    """Run a program and wait for it. A slot is always one argument, whatever is in it: there is no shell.

    Its output goes to stderr: stdout is for results.

    Raises:
        OSError, ValueError: it cannot be run.
        subprocess.SubprocessError: it failed, or took too long.
    """
    slots = {f"OYEZ_SLOT_{name.upper()}": _text(value) for name, value in command.slots.items()}
    given = {"OYEZ_INTENT": command.intent, "OYEZ_TEXT": command.text, "OYEZ_CONFIDENCE": str(command.confidence)}
    subprocess.run(
        [filled(argument, command) for argument in arguments],
        env={**os.environ, **given, **slots},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno() if sys.stderr is not None else subprocess.DEVNULL,
        timeout=_PROGRAM_SECONDS,
        check=True,
    )


def post(address: str, command: Command) -> None:
    """Send a command as JSON.

    Raises:
        OSError, ValueError, http.client.HTTPException: the address is none, cannot be reached, or refuses it.
    """
    request = urllib.request.Request(
        filled(address, command, quoted), json.dumps(command.to_dict()).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_ADDRESS_SECONDS):
        pass


def quoted(value: str) -> str:
    """Return a value as a part of an address: whatever it holds, it is neither a path nor a query."""
    return urllib.parse.quote(value, safe="")


def filled(template: str, command: Command, written: Callable[[str], str] = str) -> str:
    """Put slots in the place of `{slot}`, and likewise intent, text, confidence, slots; of no such slot nothing."""
    fields = {
        "intent": command.intent,
        "text": command.text,
        "confidence": command.confidence,
        "slots": dict(command.slots),
        **command.slots,
    }
    return _FIELD.sub(lambda match: written(_text(fields.get(match[1], ""))), template)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
