"""Files are whole or not there, and nothing is left of an attempt that came to nothing."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oyez.data.files import whole_file, write_whole


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".txt")
    with whole_file(path) as part:
        part.write_text("text")
        assert not path.exists()
    assert path.read_text() == "text"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("end", [ValueError, OSError, KeyboardInterrupt])
def test_an_attempt_that_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path, end: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def attempt() -> None:
        with whole_file(path) as part:
            part.write_text("aft")
            raise end

    with pytest.raises(end):
        attempt()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_attempt_left_is_overwritten_by_the_next(tmp_path: Path) -> None:
    dies = """
import os, sys
from pathlib import Path
from oyez.data.files import whole_file
with whole_file(Path(sys.argv[1])) as part:
    part.write_text("half")
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", dies, tmp_path / "a.txt"], check=False)
    assert killed.returncode == -9
    assert [path.read_text() for path in tmp_path.iterdir()] == ["half"]
    with whole_file(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.txt"
    assert write_whole(path, "naïve \udce9\n") == len(path.read_bytes())
    assert path.read_bytes() == "naïve \\udce9\n".encode()
    assert write_whole(path, b"\0") == 1
    assert list(path.parent.iterdir()) == [path]


def test_two_attempts_at_a_time_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path) as first, whole_file(path) as second, whole_file(path) as third:
        assert len({first, second, third}) == 3
        for part in (first, second, third):
            part.write_text(part.name)
    assert path.read_text() == first.name  # whose block ended last
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys
from pathlib import Path
from oyez.data.files import write_whole
for _ in range(300):
    write_whole(Path(sys.argv[1]), sys.argv[2] * 50_000)
"""


def test_processes_that_write_one_file_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "xyz"]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            assert path.read_text() in {letter * 50_000 for letter in "xyz"}
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with ThreadPoolExecutor(8) as threads:
        sizes = list(threads.map(lambda n: write_whole(path, str(n % 10) * 10_000), range(400)))
    assert set(sizes) == {10_000}
    assert len(set(path.read_text())) == 1
    assert list(tmp_path.iterdir()) == [path]
