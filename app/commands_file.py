"""Commands files as the subcommands read them: a mistake in one ends the command, before torch is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from oyez.app.console import usage_error
from oyez.models.grammar.cache import load_commands
from oyez.models.grammar.compiler import Compiled, compile_commands
from oyez.models.grammar.document import Document
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import Wake
from oyez.models.grammar.reading import read_commands
from oyez.models.grammar.wake_phrase import check_wake_phrase


def compile_file(file: Path) -> tuple[Compiled, Document]:
    """Read a commands file and make it into automata."""
    try:
        commands, document = read_commands(file)
        compiled = compile_commands(commands, document)
        _ = compiled.automaton
    except CommandsError as error:
        wrong_file(file, error)
    return compiled, document


def check_commands(file: Path | None, wake: Wake | None = None) -> None:
    """End the command if the wake phrase cannot be one, or if there is a commands file and it is wrong."""
    wake = wake or Wake()
    if wake.phrase is not None:
        try:
            check_wake_phrase(wake.phrase)
        except CommandsError as error:
            usage_error(f"--wake: {error.reason}")
    phrase = wake.phrase
    if file is not None:
        try:
            commands, _, _ = load_commands(file, wake=wake)
        except CommandsError as error:
            wrong_file(file, error)
        phrase = commands.oyez.wake
    if phrase is None and wake != Wake():
        usage_error("--wake-timeout and --wake-threshold need a wake phrase: --wake, or that of --commands")


def wrong_file(file: Path, error: CommandsError) -> NoReturn:
    """End the command with what is wrong in a commands file, and where."""
    path = error.path or file
    usage_error(f"{path}:{error.line}: {error.reason}" if error.line else f"{path}: {error.reason}")
