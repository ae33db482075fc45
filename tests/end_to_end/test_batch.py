"""`oyez transcribe` on an archive: hostile files, kills, and what a user is told."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile

from oyez.app.transcribe.formats import one_line
from oyez.app.transcribe.inputs import JOURNAL, gather
from tests.end_to_end.hostile import make

Oyez = Callable[..., CompletedProcess[str]]


@pytest.mark.parametrize("workers", [1, 2])
def test_hostile_files_fail_with_a_line_each_and_the_others_are_transcribed(tmp_path: Path, workers: int) -> None:
    corpus = make(tmp_path / "in")
    assert len(corpus.bad) + len(corpus.either) >= 300
    command = [
        sys.executable,
        "-m",
        "oyez",
        "transcribe",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "-f",
        "jsonl",
    ]
    done = subprocess.run(
        [*command, "--workers", str(workers), "--no-resume"], capture_output=True, check=False, timeout=300
    )
    messages = os.fsdecode(done.stderr)
    assert done.returncode == 1, messages
    assert done.stdout == b""
    assert "Traceback" not in messages
    *lines, summary = messages.rstrip("\n").split("\n")
    assert all(line.startswith(("error: ", "warning: ")) for line in lines), lines
    errors = [line for line in lines if line.startswith("error: ")]
    journal = [json.loads(line) for line in (tmp_path / "out" / JOURNAL).read_bytes().splitlines()]
    by_path = {line["path"]: line for line in journal}
    assert len(journal) == len(by_path) == len(corpus.files)
    failed = {path for path, line in by_path.items() if line["state"] == "failed"}
    assert len(errors) == len(failed)
    assert summary.startswith(f"{len(journal)} files: {len(journal) - len(failed)} done, {len(failed)} failed, ")
    incomplete = {path for path, line in by_path.items() if "incomplete" in line}
    assert f", {len(incomplete)} incomplete" in summary
    for path in incomplete:
        assert Path(path) not in map(Path.resolve, corpus.good)
        assert sum(line.startswith(f"warning: {one_line(path)}: ") for line in lines) >= 1, path
    for path in corpus.files:
        line = by_path[os.path.realpath(path)]
        if line["state"] == "failed":
            assert path not in corpus.good, line
            assert sum(error.startswith(f"error: {one_line(str(path))}: ") for error in errors) == 1, path
            continue
        assert path not in corpus.bad, line
        [(output, size)] = line["outputs"].items()
        record = json.loads((tmp_path / "out" / output).read_bytes())
        assert (tmp_path / "out" / output).stat().st_size == size
        if path in corpus.good:
            assert record["text"] == "yes", path
    outputs = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != JOURNAL]
    assert len(outputs) == len(journal) - len(failed)


def test_hostile_files_are_listed_by_channels_without_a_crash(tmp_path: Path) -> None:
    corpus = make(tmp_path / "in")
    inputs = gather([str(tmp_path / "in")], split_channels=True).inputs
    assert len({each.path for each in inputs}) == len(corpus.files)
    assert sum(each.path.name == "64_channels.wav" for each in inputs) == 64


@pytest.mark.slow
def test_killed_at_random_moments_and_run_again_nothing_is_lost_or_doubled(spoken: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    texts = {}
    for n in range(150):
        for line in (spoken / "manifest.jsonl").read_text().splitlines():
            clip = json.loads(line)
            name = f"{n:03}_{clip['path']}"
            shutil.copy(spoken / clip["path"], tmp_path / "in" / name)
            texts[Path(name).stem] = clip["text"]
    run = [
        sys.executable,
        "-m",
        "oyez",
        "transcribe",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "--workers",
        "2",
    ]
    generator = random.Random(0)
    for _ in range(8):
        with subprocess.Popen(run, stderr=subprocess.DEVNULL) as process:
            before = len(list((tmp_path / "out").glob("*.txt")))
            deadline = time.monotonic() + 60
            while len(list((tmp_path / "out").glob("*.txt"))) == before and time.monotonic() < deadline:
                if process.poll() is not None:
                    break
                time.sleep(0.01)
            time.sleep(generator.uniform(0, 0.15))
            process.kill()
        for path in (tmp_path / "out").glob("*.txt"):
            assert path.read_text() == texts[path.stem] + "\n"
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{stem}.txt" for stem in texts} | {JOURNAL}
    finished = [json.loads(line)["path"] for line in (tmp_path / "out" / JOURNAL).read_text().splitlines()]
    assert len(finished) == len(set(finished)) == len(texts)


def test_a_second_run_is_told_what_was_done_before(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    count = len(list(spoken.glob("*.flac")))
    for expected in (f"{count} done, 0 failed;", f"0 done, 0 failed, {count} done before;"):
        done = oyez("transcribe", spoken, "--output-dir", tmp_path / "out")
        assert (done.returncode, done.stdout) == (0, "")
        assert f"{count} files: {expected}" in done.stderr


def test_a_second_run_with_a_star_takes_no_output_for_a_recording(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    for name in ("yes.flac", "stop.flac"):
        shutil.copy(spoken / name, tmp_path)
    journal = ["--journal", tmp_path / JOURNAL]
    formats = ["-f", "txt", "-f", "tsv", "-f", "jsonl"]
    assert oyez("transcribe", tmp_path / "*", "--next-to-input", *journal, *formats).returncode == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    for arguments in ([tmp_path / "*"], sorted(tmp_path.iterdir())):  # as a quoted pattern, and as the shell says it
        done = oyez("transcribe", *arguments, "--next-to-input", "--resume", *journal, *formats)
        assert done.returncode == 0, done.stderr
        assert "2 files: 0 done, 0 failed, 2 done before" in done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == written


def test_a_name_that_the_terminal_cannot_show_is_no_reason_to_stop(
    oyez: Oyez, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("é🎙.flac", "z.flac"):
        shutil.copy(spoken / "yes.flac", tmp_path / name)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = oyez("transcribe", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[1] for line in done.stdout.splitlines()] == ["yes", "yes"]


def test_several_formats_are_written_at_once_beside_the_recordings(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    shutil.copy(spoken / "yes.flac", tmp_path)
    formats = [part for name in ("txt", "srt", "vtt", "tsv", "json", "jsonl", "ctm") for part in ("-f", name)]
    done = oyez("transcribe", tmp_path / "yes.flac", "--next-to-input", "--journal", tmp_path / "journal", *formats)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "journal",
        "yes.flac",
        *(f"yes.{name}" for name in formats[1::2]),
    }
    assert (tmp_path / "yes.txt").read_text() == "yes\n"


def test_a_recording_comes_through_a_pipe(spoken: Path) -> None:
    with (spoken / "yes.flac").open("rb") as sound:
        done = subprocess.run([sys.executable, "-m", "oyez", "transcribe", "-"], stdin=sound, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"yes\n")


def test_raw_samples_come_through_a_pipe(spoken: Path) -> None:
    sound, rate = soundfile.read(spoken / "yes.flac", dtype="int16")
    layout = ["--rate", str(rate), "--channels", "2", "--encoding", "s16be"]
    command = [sys.executable, "-m", "oyez", "transcribe", "-", *layout]
    content = np.stack([sound, sound], axis=1).astype(">i2").tobytes()
    done = subprocess.run(command, input=content, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"yes\n")


def test_a_recording_that_ends_early_is_transcribed_with_a_warning_and_exit_code_1(
    oyez: Oyez, spoken: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", *soundfile.read(spoken / "left_right_stop.flac"))
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:50_000])
    (tmp_path / "notes.txt").write_text("no sound")
    for counted in ("1 done, 0 failed, 1 incomplete", "0 done, 0 failed, 1 done before, 1 incomplete"):
        done = oyez("transcribe", tmp_path / "cut.wav", "-o", tmp_path / "out", "--resume")
        assert done.returncode == 1
        assert f"warning: {tmp_path / 'cut.wav'}: ends early, at 1.6 s" in done.stderr
        assert f"1 file: {counted}; " in done.stderr
    assert (tmp_path / "out" / "cut.txt").read_text().startswith("left right")
    done = oyez("transcribe", tmp_path / "cut.wav", tmp_path / "a.wav", "https://example.org/x.wav")
    assert done.returncode == 1
    assert "https://example.org/x.wav: an address" in done.stderr
    assert f"{tmp_path / 'a.wav'}\tleft right stop\n" in done.stdout


def test_what_is_passed_over_is_counted_and_with_verbose_named(oyez: Oyez, spoken: Path) -> None:
    assert "passed over" not in oyez("transcribe", spoken / "yes.flac").stderr
    done = oyez("transcribe", spoken)
    assert ", 2 passed over; " in done.stderr
    assert "README.md" not in done.stderr
    done = oyez("transcribe", spoken, "--verbose")
    assert f"passed over: {spoken / 'README.md'}\n" in done.stderr


def test_an_empty_pipe_is_told_by_its_sign(spoken: Path) -> None:
    command = [sys.executable, "-m", "oyez", "transcribe", "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: -: not readable as audio")


def test_each_channel_has_its_transcript(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    yes, rate = soundfile.read(spoken / "yes.flac")
    seven, _ = soundfile.read(spoken / "seven.flac")
    both = np.zeros((max(len(yes), len(seven)), 2))
    both[: len(yes), 0], both[: len(seven), 1] = yes, seven
    soundfile.write(tmp_path / "call.wav", both, rate)
    done = oyez("transcribe", tmp_path / "call.wav", "--channels", "split", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / "out" / f"call.{n}.txt").read_text() for n in (1, 2)] == ["yes\n", "seven\n"]
    done = oyez("transcribe", tmp_path / "call.wav", "--channels", "split")
    assert done.stdout == f"{tmp_path}/call.wav.1\tyes\n{tmp_path}/call.wav.2\tseven\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--next-to-input", "-o", "out"], "exclude each other"),
        (["--resume"], "--resume needs --output-dir or --next-to-input"),
        (["--journal", "j"], "--journal needs --output-dir or --next-to-input"),
        (["-f", "txt", "-f", "srt"], "several formats (txt, srt) need"),
        (["-f", "srt"], "srt of 2 recordings is 2 files"),
        (["-f", "tsv"], "tsv of 2 recordings is 2 files"),
        (["--workers", "0"], "workers"),
        (["--batch-seconds", "0"], "batch-seconds"),
        (["nothing/*.here"], "nothing/*.here: no such file"),
        (["@nowhere.txt"], "@nowhere.txt: the list cannot be read"),
    ],
)
def test_wrong_use_is_told_and_nothing_is_written(
    oyez: Oyez, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    done = oyez("transcribe", spoken / "yes.flac", spoken / "stop.flac", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not Path("out").exists()
