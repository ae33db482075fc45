"""Where transcripts go: no two in one place, none in the place of a recording, each whole or not there."""

from __future__ import annotations

import errno
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.output_paths import LONGEST_NAME, output_path, output_stems
from oyez.data.files import write_whole


def named(root: Path, *paths: str) -> list[Input]:
    return [Input(root / path, Path(Path(path).name)) for path in paths]


@pytest.mark.parametrize(
    ("paths", "stems"),
    [
        (["x/a.wav"], ["a"]),
        (["x/a.wav", "x/b.wav"], ["a", "b"]),
        (["x/a.wav", "x/a.mp3"], ["a.wav", "a.mp3"]),
        (["x/a.wav", "y/a.wav"], ["x/a.wav", "y/a.wav"]),
        (["x/talk.wav", "x/talk.flac", "x/talk.wav.mp3"], ["talk.wav", "talk.flac", "talk.wav.mp3"]),
        (["x/A.wav", "x/a.wav"], ["A.wav~2", "a.wav~3"]),
    ],
)
def test_equal_names_do_not_meet(tmp_path: Path, paths: list[str], stems: list[str]) -> None:
    found = output_stems(named(tmp_path, *paths), ["txt"], tmp_path / "out")
    assert [stem.relative_to(tmp_path / "out").as_posix() for stem in found] == stems


def test_the_tree_of_a_folder_is_mirrored(tmp_path: Path) -> None:
    inputs = [Input(tmp_path / "in" / place, Path(place)) for place in ("a.wav", "deep/a.wav", "deep/er/a.flac")]
    assert output_stems(inputs, ["txt"], Path("out")) == [Path("out/a"), Path("out/deep/a"), Path("out/deep/er/a")]


def test_outputs_may_stand_beside_their_inputs(tmp_path: Path) -> None:
    inputs = named(tmp_path, "x/a.wav", "y/a.wav", "y/a.ogg")
    assert output_stems(inputs, ["txt"], None) == [
        tmp_path / "x/a",
        tmp_path / "y/a.wav",
        tmp_path / "y/a.ogg",
    ]


def test_no_output_takes_the_place_of_an_input_or_of_the_journal(tmp_path: Path) -> None:
    inputs = named(tmp_path, "speech.txt", "journal.wav")
    reserved = [tmp_path / "journal.jsonl"]
    for folder in (None, tmp_path):
        stems = output_stems(inputs, ["txt", "jsonl"], folder, reserved)
        assert stems == [tmp_path / "speech.txt", tmp_path / "journal.wav"]


@pytest.mark.parametrize(
    ("given", "paths", "stems"),
    [
        ({"a.txt": "x/a.wav"}, ["x/a.mp3", "x/a.wav"], ["a.mp3", "a"]),
        ({"a.mp3.txt": "x/a.mp3", "a.wav.txt": "x/a.wav"}, ["x/a.wav"], ["a.wav"]),
        ({"a.txt": "x/a.wav"}, ["y/a.wav"], ["a.wav"]),
        ({"a.txt": "x/a.wav", "a.wav.txt": "y/a.wav"}, ["z/a.wav"], ["a.wav~2"]),
        ({"a.txt": "x/a.wav", "a.wav.txt": "y/a.wav", "a.wav~2.txt": "z/a.wav"}, ["z/a.wav"], ["a.wav~2"]),
        ({"a.txt": "x/a.wav", "a.srt": "y/a.wav"}, ["x/a.wav", "y/a.wav"], ["x/a.wav", "y/a.wav"]),
    ],
    ids=["a sibling came", "a sibling went", "another run", "a third run", "and again", "shared"],
)
def test_a_name_that_was_given_holds(tmp_path: Path, given: dict[str, str], paths: list[str], stems: list[str]) -> None:
    out = tmp_path / "out"
    owners = {out / name: (str(tmp_path / path), "") for name, path in given.items()}
    found = output_stems(named(tmp_path, *paths), ["txt", "srt"], out, owner=owners.get)
    assert [stem.relative_to(out).as_posix() for stem in found] == stems


def test_a_folder_that_stands_where_a_recording_should_has_a_name_too(tmp_path: Path) -> None:
    assert output_stems([Input(tmp_path / "talks", Path())], ["txt"], Path()) == [Path("talks")]


def test_parts_and_channels_of_a_file_have_places_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    inputs = [Input(path, Path("a.wav")), Input(path, Path("a.wav"), 1.5, 2.0), Input(path, Path("a.wav"), channel=1)]
    assert [stem.name for stem in output_stems(inputs, ["txt"], Path("out"))] == ["a", "a@1.500-3.500", "a.2"]


PATH_PARTS = st.text(st.sampled_from("aAé\u0301. ~\n'\"🎙\udce9"), min_size=1, max_size=4).filter(
    lambda part: part not in (".", "..")
)


@given(
    st.lists(st.tuples(st.lists(PATH_PARTS, max_size=2), PATH_PARTS, st.sampled_from([".wav", ".WAV", ".txt", ""]))),
    st.booleans(),
)
def test_no_two_outputs_meet_whatever_the_names(names: list[tuple[list[str], str, str]], beside: bool) -> None:
    paths = dict.fromkeys(Path("/in", *folders, name + suffix) for folders, name, suffix in names)
    inputs = [Input(path, Path(path.name)) for path in paths]
    formats = ["txt", "json", "jsonl"]
    stems = output_stems(inputs, formats, None if beside else Path("/out"))
    outputs = [output_path(stem, name) for stem in stems for name in formats]
    # as a file system sees them that takes upper and lower case, and composed and decomposed letters, for the same
    alike = [unicodedata.normalize("NFC", str(path).casefold()) for path in outputs]
    assert len(set(alike)) == len(alike)
    assert not set(outputs) & set(paths)
    assert all(path.is_relative_to("/in" if beside else "/out") and ".." not in path.parts for path in outputs)


@given(st.data())
@settings(max_examples=300)
def test_whatever_is_added_or_taken_away_nothing_moves_and_nothing_is_overwritten(data: st.DataObject) -> None:
    every = [f"{folder}/{name}" for folder in "xy" for name in ("a.wav", "a.mp3", "a.wav.mp3", "a", "b.wav", "b")]
    runs = data.draw(st.lists(st.lists(st.sampled_from(every), min_size=1, unique=True), max_size=4))
    owners: dict[Path, tuple[str, str]] = {}
    for paths in runs:
        inputs = [Input(Path("/in", path), Path(path)) for path in paths]
        stems = output_stems(inputs, ["txt"], Path("/out"), owner=owners.get)
        assert stems == output_stems(inputs, ["txt"], Path("/out"), owner=owners.get)
        for each, stem in zip(inputs, stems, strict=True):
            output = output_path(stem, "txt")
            assert owners.setdefault(output, each.key) == each.key
        assert output_stems(inputs, ["txt"], Path("/out"), owner=owners.get) == stems


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_no_name_is_longer_than_file_systems_allow(name: str) -> None:
    paths = [output_path(Path("out", name), suffix) for suffix in ("txt", "jsonl")]
    assert all(len(os.fsencode(path.name)) <= LONGEST_NAME for path in paths)
    assert [path.suffix for path in paths] == [".txt", ".jsonl"]


def test_long_names_that_begin_alike_stay_apart() -> None:
    stems = [Path("x" * 260 + end) for end in ("a", "b")]
    assert output_path(stems[0], "txt") != output_path(stems[1], "txt")


def test_a_file_is_written_with_its_folders_and_its_size_is_told(tmp_path: Path) -> None:
    assert write_whole(tmp_path / "a/b/c.txt", "é\n") == 3
    assert (tmp_path / "a/b/c.txt").read_bytes() == "é\n".encode()
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c.txt"]


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".txt")
    write_whole(path, "text")
    assert path.read_text() == "text"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    target = tmp_path / "a.txt"
    write_whole(target, "before")

    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=os.strerror(code)):
        write_whole(target, "after")
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]
