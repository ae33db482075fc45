"""A batch from inputs to outputs: each exactly once, whatever fails and whenever it is killed."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from oyez.app.transcribe.cutting import Outcome
from oyez.app.transcribe.inputs import JOURNAL, Input, gather
from oyez.app.transcribe.journal import Journal
from oyez.app.transcribe.run import Files, OutputError, Summary
from oyez.models.types import Transcript, Word

FORMATS = ["txt", "srt", "json"]


def say_names(inputs: Sequence[Input]) -> Iterator[Outcome]:
    """Stand in for a recogniser: each recording says its name; one without content cannot be read."""
    for each in inputs:
        if not each.path.read_bytes():
            yield Outcome(each, None, "no samples")
            continue
        word = Word(each.path.stem, 0.0, 1.0, 1.0)
        is_cut = each.path.read_bytes() == b"half"
        warnings = ("ends early",) if is_cut else ()
        yield Outcome(each, Transcript(word.text, (word,), 1.0, 1.0, "m"), warnings=warnings, is_incomplete=is_cut)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    for name in ("a.wav", "b.wav", "deep/a.wav", "deep/c.flac"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"sound")
    (root / "empty.wav").write_bytes(b"")
    return root


def run(
    folder: Path, out: Path | None, resume: bool = True, formats: Sequence[str] = FORMATS
) -> tuple[list[Outcome], Summary]:
    inputs = gather([str(folder)]).inputs
    summary = Summary(len(inputs))
    with Journal((out or folder) / JOURNAL) as journal:
        files = Files(formats, out, journal, "settings")
        return list(files.transcribe(inputs, say_names, summary, resume)), summary


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != JOURNAL
    }


def test_each_recording_has_a_file_of_each_format(folder: Path, tmp_path: Path) -> None:
    outcomes, summary = run(folder, tmp_path / "out")
    stems = ["a", "b", "deep/a", "deep/c"]
    assert sorted(tree(tmp_path / "out")) == sorted(f"{stem}.{name}" for stem in stems for name in FORMATS)
    assert tree(tmp_path / "out")["deep/c.txt"] == "c\n"
    assert [outcome.input.path.name for outcome in outcomes if outcome.transcript is None] == ["empty.wav"]
    assert (summary.done, summary.failed, summary.skipped, summary.audio_seconds) == (4, 1, 0, 4.0)
    assert str(summary).startswith("5 files: 4 done, 1 failed; 4.0 s of audio in ")
    assert str(Summary(1, done=1)).startswith("1 file: 1 done, ")


def test_what_is_missing_of_a_recording_is_counted_and_named_again_by_the_next_run(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "b.wav").write_bytes(b"half")
    outcomes, summary = run(folder, tmp_path / "out")
    assert [outcome.warnings for outcome in outcomes if outcome.is_incomplete] == [("ends early",)]
    assert ", 1 incomplete; " in str(summary)
    assert tree(tmp_path / "out")["b.txt"] == "b\n"
    with Journal(tmp_path / "out" / JOURNAL) as journal:
        files = Files(FORMATS, tmp_path / "out", journal, "settings")
        again = Summary(5)
        list(files.transcribe(gather([str(folder)]).inputs, say_names, again, True))
        assert [(each.path.name, missing) for each, missing in files.incomplete_before] == [("b.wav", "ends early")]
    assert (again.done, again.skipped, again.incomplete) == (0, 4, 1)
    assert str(Summary(1, passed_over=3)).startswith("1 file: 0 done, 0 failed, 3 passed over; ")


def test_files_may_stand_beside_the_recordings(folder: Path) -> None:
    run(folder, None, formats=["txt"])
    assert {name for name in tree(folder) if name.endswith(".txt")} == {"a.txt", "b.txt", "deep/a.txt", "deep/c.txt"}


def test_a_second_run_does_only_what_is_left(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder, out)
    (out / "b.srt").unlink()
    (folder / "deep/a.wav").write_bytes(b"other sound")
    (folder / "d.wav").write_bytes(b"sound")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    outcomes, summary = run(folder, out)
    assert [str(outcome.input.place) for outcome in outcomes] == ["b.wav", "d.wav", "deep/a.wav", "empty.wav"]
    assert (summary.done, summary.failed, summary.skipped) == (3, 1, 2)
    assert ", 2 done before" in str(summary)
    assert before[out / "b.txt"] == (out / "b.txt").stat().st_mtime_ns  # of b, only what was missing is written
    assert run(folder, out)[1].skipped == 5


def test_names_hold_when_a_recording_of_the_same_name_comes(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder, out, formats=["txt"])
    (folder / "a.flac").write_bytes(b"sound")
    outcomes, summary = run(folder, out, formats=["txt"])
    assert [outcome.input.path.name for outcome in outcomes] == ["a.flac", "empty.wav"]
    assert summary.skipped == 4
    assert sorted(tree(out)) == ["a.flac.txt", "a.txt", "b.txt", "deep/a.txt", "deep/c.txt"]
    (folder / "a.wav").unlink()
    assert run(folder, out, formats=["txt"])[1].skipped == 4


def test_runs_of_different_folders_do_not_write_over_each_other(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder / "deep", out, formats=["txt"])
    run(folder, out, formats=["txt"])
    assert tree(out) == {
        "a.txt": "a\n",
        "a.wav.txt": "a\n",
        "b.txt": "b\n",
        "c.txt": "c\n",
        "deep/a.txt": "a\n",
        "deep/c.txt": "c\n",
    }
    for each in (folder / "deep", folder):
        assert run(each, out, formats=["txt"])[1].done == 0


def test_another_format_is_added_to_those_that_are_there(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", formats=["txt"])
    assert run(folder, tmp_path / "out", formats=["txt"])[1].done == 0
    assert run(folder, tmp_path / "out", formats=["txt", "ctm"])[1].done == 4
    assert run(folder, tmp_path / "out", formats=["ctm", "txt"])[1].done == 0


def test_without_resume_everything_is_done_again(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    assert run(folder, tmp_path / "out", resume=False)[1].done == 4


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    write = Path.write_bytes

    def failing(path: Path, content: bytes) -> int:
        if name.encode() in content:
            raise OSError(code, os.strerror(code))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", failing)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_ends_the_run_and_loses_nothing_that_was_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as full:
        fail_at(full, "b\n", code)
        with pytest.raises(OutputError, match=rf"b\.txt: cannot be written \({os.strerror(code)}\)"):
            run(folder, out)
    assert set(tree(out)) == {f"a.{name}" for name in FORMATS}
    assert run(folder, out)[1].skipped == 1
    assert len(tree(out)) == 12


def test_an_output_that_cannot_be_written_fails_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, "b\n", errno.EACCES)
    outcomes, summary = run(folder, tmp_path / "out")
    assert (summary.done, summary.failed) == (3, 2)
    assert "b.txt: cannot be written (Permission denied)" in outcomes[1].error
    lines = [json.loads(line) for line in (tmp_path / "out" / JOURNAL).read_text().splitlines()]
    assert [line["reason"] for line in lines if line["path"].endswith("b.wav")] == [outcomes[1].error]


def test_a_journal_that_cannot_be_written_any_more_ends_the_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("oyez.app.transcribe.journal.os.write", full)
    with pytest.raises(OutputError, match=rf"{JOURNAL}: cannot be written"):
        run(folder, tmp_path / "out")


KILLED = """
import sys, time
from pathlib import Path
from oyez.app.transcribe.cutting import Outcome
from oyez.app.transcribe.inputs import gather
from oyez.app.transcribe.inputs import JOURNAL
from oyez.app.transcribe.journal import Journal
from oyez.app.transcribe.run import Files, Summary
from oyez.models.types import Transcript, Word

def say_names(inputs):
    for each in inputs:
        time.sleep(0.0005)
        words = (Word(each.path.stem, 0.0, 1.0, 0.9),) * 200
        yield Outcome(each, Transcript(each.path.stem * 1000, words, 0.9, 1.0, "m"))

inputs = gather([sys.argv[1]]).inputs
with Journal(Path(sys.argv[2]) / JOURNAL) as journal:
    print("begun", flush=True)
    for _ in Files(["txt", "srt"], Path(sys.argv[2]), journal, "s").transcribe(
        inputs, say_names, Summary(len(inputs)), True
    ):
        pass
"""


def test_killed_at_any_moment_and_run_again_it_does_each_file_exactly_once(tmp_path: Path) -> None:
    names = [f"{n:03}" for n in range(300)]
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / f"{name}.wav").write_bytes(b"sound")
    out = tmp_path / "out"
    generator = random.Random(1)
    kills = 0
    for last in [False] * 10 + [True]:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "in"), str(out)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()  # from here on it writes
            if not last:
                time.sleep(generator.uniform(0, 0.1))
                process.kill()
        kills += process.returncode < 0
        for path in out.rglob("*.txt"):  # at every moment, what is there is whole
            assert path.read_text() == path.stem * 1000 + "\n"
    assert kills >= 5
    assert process.returncode == 0
    assert {path.name for path in out.iterdir()} == {f"{n}.{f}" for n in names for f in ("txt", "srt")} | {JOURNAL}
    done = []
    for line in (out / JOURNAL).read_bytes().splitlines():
        record = json.loads(line)
        assert record["state"] == "done"
        done.append(Path(record["path"]).stem)
    assert sorted(done) == names
