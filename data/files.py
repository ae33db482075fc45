"""Files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; the file there becomes `path` when the block ends, and is removed after an error.

    Several writers may write the same file at a time, in one process or in several: each has a part of its own, and
    what the last of them wrote stays. What a killed one left is overwritten by the next. Raises OSError.
    """
    part, lock = _locked_part(path)
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(lock)


def write_whole(path: Path, content: bytes | str) -> int:
    """Write a file, and its folder if need be; return its size in bytes. Text is written as UTF-8. Raises OSError."""
    content = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_bytes(content)
    return len(content)


def _locked_part(path: Path) -> tuple[Path, int]:
    """Make the file beside `path` that it is written to; return it and the descriptor that keeps others from it."""
    short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]  # whatever the name
    for number in itertools.count():
        part = path.with_name(f".{short}{f'-{number}' if number else ''}.part")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), part.stat()):
                return part, descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(descriptor)
            continue
        except OSError:  # a file system without locks: nobody else is to be expected
            return part, descriptor
        # another writer has put this very file into its place between the two calls
        os.close(descriptor)
    raise AssertionError("unreachable")
