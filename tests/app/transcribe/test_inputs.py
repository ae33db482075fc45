"""What the arguments of `oyez transcribe` stand for: each recording once, nothing left out in silence."""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.app.transcribe.inputs import JOURNAL, Input, InputError, gather, kept
from oyez.data.audio import SAMPLE_RATE, RawFormat, Waveform


@pytest.fixture
def folder(tmp_path: Path, tone: Waveform) -> Path:
    root = tmp_path / "recordings"
    for name in ("b.wav", "a.flac", "deep/er/c.ogg", "deep/D.WAV"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone, SAMPLE_RATE)
    (root / "notes.txt").write_text("not audio")
    return root


def places(*arguments: object, **options: object) -> list[str]:
    gathered = gather([str(argument) for argument in arguments], **options)  # type: ignore[arg-type]
    return [each.place.as_posix() for each in gathered.inputs]


def test_a_folder_is_searched_for_audio_of_any_depth(folder: Path) -> None:
    assert places(folder) == ["a.flac", "b.wav", "deep/D.WAV", "deep/er/c.ogg"]
    assert gather([str(folder)]).searched


def test_only_files_of_the_given_suffixes_are_taken_from_a_folder(folder: Path) -> None:
    assert places(folder, suffixes=[".wav"]) == ["b.wav", "deep/D.WAV"]


def test_a_file_named_twice_is_transcribed_once(folder: Path) -> None:
    (folder / "link.wav").symlink_to(folder / "b.wav")
    assert places(folder / "b.wav", folder, folder / "deep" / ".." / "b.wav") == [
        "b.wav",
        "a.flac",
        "deep/D.WAV",
        "deep/er/c.ogg",
    ]


def test_a_file_of_any_name_is_taken_when_it_is_named(folder: Path) -> None:
    assert places(folder / "notes.txt") == ["notes.txt"]
    assert not gather([str(folder / "notes.txt")]).searched


def test_what_is_missing_or_no_file_is_listed_to_fail_later(folder: Path) -> None:
    (folder / "loop.wav").symlink_to("loop.wav")
    assert "loop.wav" in places(folder)
    assert places("gone.wav", "x" * 300 + ".wav", "a\0b.wav") == ["gone.wav", "x" * 300 + ".wav", "a\0b.wav"]


def test_a_folder_without_audio_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        gather([str(tmp_path)])


def test_a_folder_that_cannot_be_searched_is_a_failed_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(top: Path, onerror: object = None, **_: object) -> object:
        onerror(PermissionError(13, "Permission denied", str(top / "deep")))  # type: ignore[operator]
        yield str(top), [], ["b.wav"]

    monkeypatch.setattr("os.walk", walk)
    readable, locked = gather([str(folder)]).inputs
    assert (readable.place, readable.error) == (Path("b.wav"), "")
    assert (locked.path, locked.error) == (folder / "deep", "cannot be searched (Permission denied)")


def test_linked_folders_are_searched_and_none_twice(tmp_path: Path) -> None:
    elsewhere, archive = tmp_path / "disk", tmp_path / "archive"
    for folder, name in ((elsewhere, "a.wav"), (archive, "b.wav")):
        folder.mkdir()
        (folder / name).touch()
    (archive / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(archive)
    assert [str(each.place) for each in gather([str(archive)]).inputs] == ["b.wav", "linked/a.wav"]


def test_a_list_may_begin_with_a_mark_and_holds_no_kept(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / 'b.wav'}\n", encoding="utf-8-sig")
    assert [each.path for each in gather([f"@{listed}"]).inputs] == [folder / "b.wav"]
    listed.write_text("-\n")
    with pytest.raises(InputError, match="only stand on the command line"):
        gather([f"@{listed}"])


def test_a_pattern_stands_for_what_matches_it_in_the_tree_below_its_fixed_part(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places(folder / "**" / "*.[wo]*g*") == ["deep/er/c.ogg"]
    assert places(folder / "*.wav", folder / "d*p") == ["b.wav", "deep/D.WAV", "deep/er/c.ogg"]
    assert places(folder / "deep" / "**" / "*.ogg") == ["er/c.ogg"]
    monkeypatch.chdir(folder)
    assert places("d*/*.WAV") == ["deep/D.WAV"]
    assert places("d*/../../*/b.wav") == ["b.wav"]  # nothing is written outside the output folder
    assert gather(["*.wav"]).searched


def test_a_pattern_passes_over_the_journal_of_a_run(folder: Path) -> None:
    (folder / JOURNAL).touch()
    assert places(folder / "[!n]*.*") == ["a.flac", "b.wav"]
    with pytest.raises(InputError, match="nothing that matches"):
        gather([str(folder / "*.jsonl")])


def test_a_pattern_without_a_suffix_means_what_a_folder_is_searched_for(folder: Path) -> None:
    assert places(folder / "*") == ["a.flac", "b.wav", "deep/D.WAV", "deep/er/c.ogg"]
    assert places(folder / "[a-z].*", suffixes=[".wav"]) == ["b.wav"]
    assert places(folder / "n*.txt") == ["notes.txt"]


def test_what_runs_before_have_written_is_passed_over(folder: Path) -> None:
    (folder / "a.tsv").write_text("0\t1\tyes\n")
    named = [folder / "a.flac", folder / "a.tsv"]
    assert places(*named, written={(folder / "a.tsv").absolute()}) == ["a.flac"]


def test_a_pattern_without_a_match_is_an_error_that_names_it(folder: Path) -> None:
    with pytest.raises(InputError, match=r"\*\.mp3: no such file"):
        gather([str(folder / "*.mp3")])


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "b.wav").rename(folder / "[b].wav")
    assert places(folder / "[b].wav") == ["[b].wav"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
def test_a_list_stands_for_its_lines(folder: Path, end: str) -> None:
    (folder / "list.txt").write_bytes(f"{folder}/b.wav{end}{end}{folder}/a.flac{end}".encode())
    assert places(f"@{folder}/list.txt") == ["b.wav", "a.flac"]


def test_a_list_may_hold_names_that_are_not_utf_8_or_hold_newlines(tmp_path: Path) -> None:
    names = [b"caf\xe9.wav", b"two\nlines.wav"]
    (tmp_path / "list").write_bytes(b"\0".join(names))
    assert places(f"@{tmp_path}/list") == ["caf\udce9.wav", "two\nlines.wav"]


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), (b"\n\n", "is empty")])
def test_a_list_that_holds_nothing_is_an_error_that_names_it(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    with pytest.raises(InputError, match=f"@{tmp_path}/list: the list {message}"):
        gather([f"@{tmp_path}/list"])


def test_a_manifest_stands_for_its_utterances(folder: Path) -> None:
    rows = [
        {"path": "b.wav", "text": "", "offset": 0.1, "duration": 0.2},
        {"path": "b.wav", "text": "", "offset": 0.3},
        {"path": "deep/D.WAV", "text": ""},
        {"path": "../elsewhere.wav", "text": ""},
    ]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    inputs = gather([str(folder / "manifest.jsonl")]).inputs
    assert [(each.place.as_posix(), each.offset, each.duration) for each in inputs] == [
        ("b.wav", 0.1, 0.2),
        ("b.wav", 0.3, None),
        ("deep/D.WAV", 0.0, None),
        ("elsewhere.wav", 0.0, None),
    ]
    assert [each.part for each in inputs] == ["@0.100-0.300", "@0.300", "", ""]


def test_the_places_of_a_manifest_hang_on_no_folder_that_one_stands_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "manifest.tsv").write_text("path\ttext\ndeep/D.WAV\t\n")
    monkeypatch.chdir(folder / "deep")
    assert places("../manifest.tsv") == places(folder / "manifest.tsv") == ["deep/D.WAV"]


def test_the_journal_of_a_run_is_no_manifest(folder: Path) -> None:
    (folder / JOURNAL).write_text('{"input": "a.wav"}\n')
    assert gather([str(folder / JOURNAL)]).inputs == []


def test_a_manifest_that_is_none_is_an_error_that_names_the_line(folder: Path) -> None:
    (folder / "manifest.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"manifest\.jsonl, line 1"):
        gather([str(folder / "manifest.jsonl")])


def test_split_channels_are_inputs_of_their_own(folder: Path, tone: Waveform) -> None:
    soundfile.write(folder / "call.wav", np.stack([tone, 0 * tone], axis=1), SAMPLE_RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    inputs = gather([str(folder)], suffixes=[".wav"], split_channels=True).inputs
    assert [(each.place.name, each.channel, each.part) for each in inputs] == [
        ("b.wav", None, ""),
        ("broken.wav", None, ""),
        ("call.wav", 0, ".1"),
        ("call.wav", 1, ".2"),
        ("D.WAV", None, ""),
    ]


def test_standard_input_is_kept_in_a_file_and_called_by_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"RIFF" * 1000)))
    with kept() as path:
        assert path.read_bytes() == b"RIFF" * 1000
        [each] = gather(["-"], stdin=path).inputs
        assert (each.path, each.name, each.place) == (path, "-", Path("stdin"))
    assert not path.exists()


def test_a_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="closed"):
        kept().__enter__()


@pytest.mark.parametrize("size", [13_000, 300_000])
def test_standard_input_that_finds_no_room_is_an_error(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes(size))))
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"cannot be kept in .* \(File too large\)"):
            kept().__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_an_empty_argument_is_an_error_and_not_this_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="empty argument"):
        gather(["b.wav", ""])


def test_parts_of_a_file_are_told_apart_by_their_keys_and_titles() -> None:
    path = Path("a.wav")
    parts = [Input(path, path), Input(path, path, 1.0), Input(path, path, 1.0, 2.0), Input(path, path, channel=0)]
    assert len({each.key for each in parts}) == 4
    assert [each.title for each in parts] == ["a.wav", "a.wav@1.000", "a.wav@1.000-3.000", "a.wav.1"]


ENDINGS = ["aifc", "snd", "sph", "bwf", "wave", "mp2", "mpga", "m4a", "m4b", "mp4", "webm", "mkv", "wma", "aac", "amr"]


def test_a_folder_is_searched_for_every_kind_of_recording_and_the_rest_is_remembered(folder: Path) -> None:
    for ending in ENDINGS:
        (folder / f"x.{ending}").touch()
    for name, content in {
        "memo": b"RIFF\0\0\0\0WAVEfmt ", "talk.bin": b"OggS" + bytes(60), "program.ts": b"let x: number = 1;\n" * 9,
        "._b.wav": b"\0\5\x16\7", "list.m3u": b"#EXTM3U", JOURNAL: b"", "old.tsv": b"written",
    }.items():  # fmt: skip
        (folder / name).write_bytes(content)
    gathered = gather([str(folder)], written=[(folder / "old.tsv").absolute()])
    found = {each.path.name for each in gathered.inputs}
    assert found == {"a.flac", "b.wav", "c.ogg", "D.WAV", "memo", "talk.bin", *(f"x.{ending}" for ending in ENDINGS)}
    assert {path.name for path in gathered.passed_over} == {"notes.txt", "program.ts", "._b.wav", "list.m3u"}
    named = gather([str(folder / "*")], written=[(folder / "old.tsv").absolute()]).passed_over
    assert {path.name for path in named} == {"notes.txt", "program.ts", "list.m3u"}  # a star matches no hidden file


def test_a_folder_without_recordings_says_what_is_in_it(tmp_path: Path) -> None:
    for name in "abcde":
        (tmp_path / f"{name}.txt").touch()
    with pytest.raises(InputError, match=r"no recording in this folder \(passed over: a.txt, b.txt, c.txt and 2 more"):
        gather([str(tmp_path)])


@pytest.mark.parametrize("address", ["https://example.org/a.wav", "http://x", "s3://bucket/b.mp3", "rtsp://camera"])
def test_nothing_is_fetched_from_an_address(folder: Path, address: str) -> None:
    refused, good = gather([address, str(folder / "b.wav")]).inputs
    assert refused.title == address
    assert "download" in refused.error
    assert good.error == ""


@pytest.mark.parametrize("host", ["", "localhost"])
def test_the_address_of_a_file_is_that_file(folder: Path, host: str) -> None:
    (folder / "b.wav").rename(folder / "b c.wav")
    [each] = gather([f"file://{host}{folder}/b%20c.wav"]).inputs
    assert (each.path, each.error) == (folder / "b c.wav", "")


def test_what_comes_from_a_pipe_is_kept_in_a_file_and_called_by_its_name(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"RIFF" * 1000,))
    writer.start()
    with ExitStack() as stack:
        [each] = gather([str(pipe)], keep=lambda path: stack.enter_context(kept(path))).inputs
        assert (each.path.read_bytes(), each.title, each.place) == (b"RIFF" * 1000, str(pipe), Path("pipe.wav"))
    writer.join()
    assert not each.path.exists()
    for found in (str(tmp_path), str(tmp_path / "*")):  # where nobody has asked for it, nobody waits for it
        [each] = gather([found], keep=lambda path: path).inputs
        assert (each.path, each.error) == (pipe, "a pipe; to have it read, name the pipe itself")


def test_raw_samples_are_read_as_they_are_said_to_be_and_searched_for_by_their_endings(folder: Path) -> None:
    raw = RawFormat(8000, 2, "mulaw")
    (folder / "call.ul").write_bytes(bytes(1000))
    gathered = gather([str(folder)], raw=raw, split_channels=True)
    assert [(each.path.name, each.channel, each.raw) for each in gathered.inputs] == [
        ("call.ul", 0, raw),
        ("call.ul", 1, raw),
    ]
    assert len(gathered.passed_over) == 5
