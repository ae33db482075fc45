"""What a person can do wrong in training, curation and language models: one line and exit code 2, no traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from oyez.app.console import say, usage_error


@contextmanager
def usage_errors(place: object = None) -> Iterator[None]:
    """End the command with a line where an error is the user's to mend; after a signal, with the signal's exit code.

    Args:
        place: a file or folder that errors of the system are put down to, if they name none themselves.
    """
    # this loads torch, and is only entered by commands that do so anyway
    from oyez.data.synthesis.synthesis import SynthesisError
    from oyez.data.text import TextError
    from oyez.models.checkpoint import CheckpointError
    from oyez.training.errors import RunInterruptedError, TrainingError

    try:
        yield
    except (TrainingError, CheckpointError, SynthesisError, TextError) as error:
        _usage_error(error)
    except BrokenPipeError:  # whoever read our output has ended
        raise
    except OSError as error:
        name = error.filename or place
        if name is None:
            raise
        _usage_error(f"{name}: {error.strerror or error}")
    except RunInterruptedError as stop:
        if is_first_process():
            say(stop)
        raise typer.Exit(128 + stop.signal) from stop


def is_first_process() -> bool:
    """Whether this is the process that speaks and writes: of those that torchrun starts, the first one."""
    return os.environ.get("RANK", "0") == "0"


def _usage_error(reason: object) -> NoReturn:
    if is_first_process():
        usage_error(reason)
    raise typer.Exit(2)
