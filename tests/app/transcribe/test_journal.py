"""The journal: what was done stays known, whatever moment the process or the machine ended at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.journal import Journal, JournalError, Version


@pytest.fixture
def recording(tmp_path: Path) -> Input:
    (tmp_path / "a.wav").write_bytes(b"sound")
    return Input(tmp_path / "a.wav", Path("a.wav"))


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, Path]:
    return {"txt": tmp_path / "out/a.txt", "srt": tmp_path / "out/a.srt"}


def finish(journal: Journal, recording: Input, outputs: dict[str, Path], settings: str = "s") -> None:
    for path in outputs.values():
        path.parent.mkdir(exist_ok=True)
        path.write_text("text")
    sizes = {path: path.stat().st_size for path in outputs.values()}
    journal.done(recording, Version.of(recording.path, settings), sizes, 1.0)


def missing(path: Path, recording: Input, outputs: dict[str, Path], settings: str = "s") -> list[str]:
    with Journal(path) as journal:
        return journal.missing(recording, outputs, settings)


def test_what_was_done_is_not_missing_any_more(tmp_path: Path, recording: Input, outputs: dict[str, Path]) -> None:
    path = tmp_path / "out/journal"
    with Journal(path) as journal:
        assert journal.missing(recording, outputs, "s") == ["txt", "srt"]
        finish(journal, recording, outputs)
        assert journal.missing(recording, outputs, "s") == []
    assert missing(path, recording, outputs) == []


def test_each_format_counts_by_itself(tmp_path: Path, recording: Input, outputs: dict[str, Path]) -> None:
    path = tmp_path / "out/journal"
    with Journal(path) as journal:
        finish(journal, recording, {"txt": outputs["txt"]})
    assert missing(path, recording, outputs) == ["srt"]
    with Journal(path) as journal:
        finish(journal, recording, {"srt": outputs["srt"]})
    assert missing(path, recording, outputs) == []


def cut_off(path: Path) -> None:
    """Do what a loss of power does: bytes are lost, and no time of change tells of it."""
    before = path.stat().st_mtime_ns
    path.write_text("tex")
    os.utime(path, ns=(before, before))


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda _, outputs: outputs["txt"].unlink(), ["txt"]),
        (lambda _, outputs: cut_off(outputs["srt"]), ["srt"]),
        (lambda recording, _: recording.path.write_bytes(b"other sound"), ["txt", "srt"]),
        (lambda recording, _: os.utime(recording.path, ns=(1, 1)), ["txt", "srt"]),
        (lambda recording, _: recording.path.unlink(), ["txt", "srt"]),
    ],
    ids=["output gone", "output cut off", "recording changed", "recording touched", "recording gone"],
)
def test_what_has_changed_is_missing(
    tmp_path: Path, recording: Input, outputs: dict[str, Path], change: object, left: list[str]
) -> None:
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    change(recording, outputs)  # type: ignore[operator]
    assert missing(tmp_path / "journal", recording, outputs) == left


def test_what_somebody_has_corrected_is_kept(tmp_path: Path, recording: Input, outputs: dict[str, Path]) -> None:
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    outputs["txt"].write_text("the text, corrected")
    later = time.time() + 60
    os.utime(outputs["txt"], (later, later))
    assert missing(tmp_path / "journal", recording, outputs) == []
    recording.path.write_bytes(b"other sound")
    assert missing(tmp_path / "journal", recording, outputs) == ["txt", "srt"]


def test_what_another_recording_was_written_over_is_missing(
    tmp_path: Path, recording: Input, outputs: dict[str, Path]
) -> None:
    other = Input(tmp_path / "b.wav", Path("b.wav"))
    other.path.write_bytes(b"sound")
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
        finish(journal, other, {"txt": outputs["txt"]})
    assert missing(tmp_path / "journal", recording, outputs) == ["txt"]


def test_an_output_is_its_recording_s_for_as_long_as_that_is_there(
    tmp_path: Path, recording: Input, outputs: dict[str, Path]
) -> None:
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    with Journal(tmp_path / "journal") as journal:
        assert journal.owner(outputs["txt"]) == recording.key
        assert journal.owner(tmp_path / "out/b.txt") is None
        recording.path.unlink()
        assert journal.owner(outputs["txt"]) is None


def test_another_model_or_decoding_makes_everything_missing(
    tmp_path: Path, recording: Input, outputs: dict[str, Path]
) -> None:
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    assert missing(tmp_path / "journal", recording, outputs, "other") == ["txt", "srt"]


def test_another_part_of_a_file_is_another_input(tmp_path: Path, recording: Input, outputs: dict[str, Path]) -> None:
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    part = Input(recording.path, recording.place, offset=1.0)
    assert missing(tmp_path / "journal", part, outputs) == ["txt", "srt"]


def test_failures_are_kept_with_their_reasons_and_tried_again(
    tmp_path: Path, recording: Input, outputs: dict[str, Path]
) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal.failed(recording, "no sound\nin it")
    [line] = (tmp_path / "journal").read_text().splitlines()
    record = json.loads(line)
    assert (record["path"], record["state"], record["reason"]) == (str(recording.path), "failed", "no sound\nin it")
    assert missing(tmp_path / "journal", recording, outputs) == ["txt", "srt"]


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.99])
def test_a_line_that_was_cut_off_is_passed_over(
    tmp_path: Path, recording: Input, outputs: dict[str, Path], kept: float
) -> None:
    path = tmp_path / "journal"
    other = Input(tmp_path / "b.wav", Path("b.wav"))
    with Journal(path) as journal:
        finish(journal, recording, outputs)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: int(kept * len(whole))])
    with Journal(path) as journal:
        assert journal.missing(recording, outputs, "s") == []
        journal.failed(other, "gone")
    assert json.loads(path.read_bytes().splitlines()[-1])["path"] == str(other.path)
    assert missing(path, recording, outputs) == []


@pytest.mark.parametrize("line", ["[]", "3", "{}", '{"state": "done"}', '{"state": ["done"]}', "\0\0", "nonsense"])
def test_foreign_lines_are_passed_over(tmp_path: Path, recording: Input, outputs: dict[str, Path], line: str) -> None:
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    with (tmp_path / "journal").open("a") as file:
        file.write(line + "\n")
    assert missing(tmp_path / "journal", recording, outputs) == []


@pytest.mark.parametrize("left", [b"", b"\0\0\0", b"\n", b'{"pat', b'{"path": "/a.w', b'{"path": "/a\0\0'])
def test_a_first_line_that_was_cut_off_is_passed_over(
    tmp_path: Path, recording: Input, outputs: dict[str, Path], left: bytes
) -> None:
    (tmp_path / "journal").write_bytes(left)
    with Journal(tmp_path / "journal") as journal:
        finish(journal, recording, outputs)
    assert missing(tmp_path / "journal", recording, outputs) == []


def test_names_that_are_not_utf_8_are_known_again(tmp_path: Path, outputs: dict[str, Path]) -> None:
    strange = Input(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.wav")), Path("x"))
    strange.path.write_bytes(b"sound")
    with Journal(tmp_path / "journal") as journal:
        finish(journal, strange, outputs)
    assert missing(tmp_path / "journal", strange, outputs) == []


def test_an_output_folder_may_be_moved(tmp_path: Path, recording: Input, outputs: dict[str, Path]) -> None:
    with Journal(tmp_path / "out/journal") as journal:
        finish(journal, recording, outputs)
    (tmp_path / "out").rename(tmp_path / "moved")
    moved = {name: tmp_path / "moved" / path.name for name, path in outputs.items()}
    assert missing(tmp_path / "moved/journal", recording, moved) == []


def test_two_processes_do_not_write_one_journal(tmp_path: Path) -> None:
    opens = "from pathlib import Path; from oyez.app.transcribe.journal import Journal; "
    opens += f"Journal(Path({str(tmp_path / 'j')!r}))"
    with Journal(tmp_path / "j"):
        other = subprocess.run(
            [sys.executable, "-c", f"{opens}.__enter__()"], capture_output=True, text=True, check=False
        )
    assert "another oyez is at work here" in other.stderr
    with Journal(tmp_path / "j") as journal:
        assert journal.path.exists()


def test_a_journal_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"file/j: cannot be written"):
        Journal(tmp_path / "file/j").__enter__()


@pytest.mark.parametrize(
    "content", [b"fLaC\x00\x00\x00\x22", b"to do: call home", b"path\ttext\n", b'{"path": "a.wav", "text": "yes"}\n']
)
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "theirs").write_bytes(content)
    with pytest.raises(JournalError, match="theirs: is no journal"):
        Journal(tmp_path / "theirs").__enter__()
    assert (tmp_path / "theirs").read_bytes() == content
