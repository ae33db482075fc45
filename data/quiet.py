"""Standard error without the remarks of libraries in C, which write past Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TextIO

_STDERR = 2  # its file descriptor

_lock = Lock()
_users = 0  # blocks that are open, in all threads: the descriptor is the whole process's
_restore = ExitStack()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Discard what is written to the file descriptor of standard error; what goes to `sys.stderr` still appears.

    mpg123 comments on each damaged file, KenLM on each language model. Blocks may be nested, and open in several
    threads at a time.
    """
    global _users
    with _lock:
        if _users == 0:
            _redirect(_restore)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _restore.close()


def _redirect(restore: ExitStack) -> None:
    try:
        kept = os.dup(_STDERR)
    except OSError:  # it is closed
        return
    restore.callback(os.close, kept)
    if _is_stderr_there():
        original = sys.stderr
        sys.stderr = os.fdopen(os.dup(kept), "w", encoding=original.encoding, errors=original.errors, buffering=1)
        restore.callback(_put_back, original)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), _STDERR)
    restore.callback(os.dup2, kept, _STDERR)


def _is_stderr_there() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.fileno() == _STDERR
    except (OSError, ValueError):  # it is no file, or a closed one
        return False


def _put_back(original: TextIO) -> None:
    sys.stderr.close()
    sys.stderr = original
