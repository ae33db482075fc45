"""What every run of the program needs around its command: threads, standard output, and the end after an error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path


def run(command: Callable[[], object]) -> None:
    """Run the command line; ends the process with an exit code and a message where something fails."""
    # an LSTM's threads wait for each other at every time step: more than one is slower wherever the cores are shared
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # oneDNN keeps a primitive for each shape of batch that it has met, and by default a thousand of them
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    if sys.stdout is None:  # it was closed: nobody wants the results
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # open to the end, as it always is
    try:
        # a file's name need not be UTF-8, and is printed as it is; or need not be what the terminal can show
        unicode = sys.stdout.encoding.lower().startswith("utf")
        errors = "surrogateescape" if unicode else "backslashreplace"
        sys.stdout.reconfigure(errors=errors)  # type: ignore[union-attr]  # a TextIOWrapper here
        command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        name = error.filename
        if name is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO):
            sys.stdout = None  # the disk or the pipe that it leads to takes nothing more
            name = "standard output"
        sys.exit(f"error: {f'{name}: ' if name is not None else ''}{error.strerror or error}")
