"""Files are whole or not there, and nothing is left of an attempt that came to nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from oyez.data.files import whole_file


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
    killed = whole_file(tmp_path / "a.txt")
    killed.__enter__().write_text("half")
    with whole_file(tmp_path / "a.txt") as part:
        part.write_text("whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]
