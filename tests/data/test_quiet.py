"""Libraries in C write to the descriptor and are silenced; Python's own messages appear, whoever else is silenced."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Barrier, Thread

import pytest

from oyez.data.quiet import quiet_libraries


def test_what_is_written_past_python_is_discarded_within_the_block_only(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_libraries():
        os.write(2, b"remark ")
        with quiet_libraries():
            os.write(2, b"nested remark ")
        os.write(2, b"remark after a nested block ")
    os.write(2, b"error")
    assert capfd.readouterr().err == "error"


def test_it_stays_quiet_until_the_last_thread_has_ended(capfd: pytest.CaptureFixture[str]) -> None:
    opened, closed = Barrier(2), Barrier(2)

    def other() -> None:
        with quiet_libraries():
            opened.wait()
            closed.wait()

    thread = Thread(target=other)
    thread.start()
    opened.wait()
    with quiet_libraries():
        os.write(2, b"both ")
    os.write(2, b"the other ")
    closed.wait()
    thread.join()
    os.write(2, b"error")
    assert capfd.readouterr().err == "error"


def test_an_error_restores_it(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), quiet_libraries():
        raise RuntimeError
    os.write(2, b"error")
    assert capfd.readouterr().err == "error"


def test_messages_of_python_appear_and_no_descriptor_is_lost() -> None:
    program = """
import os, sys
from oyez.data.quiet import quiet_libraries
before = len(os.listdir("/proc/self/fd"))
for number in range(3):
    with quiet_libraries():
        os.write(2, b"remark\\n")
        print("message", number, file=sys.stderr)
print("end", len(os.listdir("/proc/self/fd")) - before, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "message 0\nmessage 1\nmessage 2\nend 0\n"


def test_a_closed_standard_error_is_no_failure() -> None:
    program = "import oyez.data.quiet as quiet\nwith quiet.quiet_libraries(): pass\nprint('done')"
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
