"""The command line with the shipped model, as a user meets it: results, messages, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile

Oyez = Callable[..., CompletedProcess[str]]


def test_a_spoken_command_is_printed(oyez: Oyez, spoken: Path) -> None:
    done = oyez("transcribe", spoken / "left_right_stop.flac")
    assert (done.returncode, done.stdout) == (0, "left right stop\n")


def test_a_folder_becomes_a_tree_of_transcripts(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    done = oyez("transcribe", spoken, "--output-dir", tmp_path / "out", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")}
    manifest = [json.loads(line) for line in (spoken / "manifest.jsonl").read_text().splitlines()]
    for line in manifest:
        assert written[Path(line["path"]).with_suffix(".json").name]["text"] == line["text"]


def test_jsonl_gives_words_with_times_and_confidence(oyez: Oyez, spoken: Path) -> None:
    done = oyez("transcribe", spoken / "left_right_stop.flac", "--format", "jsonl")
    record = json.loads(done.stdout)
    fields = {"path", "text", "words", "confidence", "duration", "model", "command", "slots", "rejection"}
    assert record.keys() == fields
    assert [word["text"] for word in record["words"]] == ["left", "right", "stop"]
    times = [time for word in record["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < record["duration"]
    assert all(0 <= word["confidence"] <= 1 for word in record["words"])


def test_a_damaged_file_is_named_the_others_are_done_and_the_exit_code_is_1(
    oyez: Oyez, spoken: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF\x00\x00")
    done = oyez("transcribe", broken, spoken / "yes.flac", tmp_path / "gone.wav")
    assert done.returncode == 1
    assert done.stdout == f"{spoken / 'yes.flac'}\tyes\n"
    assert f"{broken}: not readable as audio" in done.stderr
    assert f"{tmp_path / 'gone.wav'}: no such file" in done.stderr
    assert "3 files: 1 done, 2 failed;" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transcribe", "x.wav", "--model", "nonsense"], "no model 'nonsense'"),
        (["web", "--model", "nonsense"], "no model 'nonsense'"),
        (["transcribe", "x.wav", "--format", "docx"], "docx"),
        (["transcribe", "x.wav", "--device", "abacus"], "abacus"),
        (["transcribe"], "Missing argument"),
        (["train", "nonsense"], "no recipe 'nonsense'"),
        (["listen", "--source", "x.wav", "--end-silence", "inf"], "--end-silence"),
        (["listen", "--rate", "8000"], "belong to --source"),
    ],
)
def test_wrong_use_is_told_without_a_traceback_and_the_exit_code_is_2(
    oyez: Oyez, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = oyez(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["transcribe", "listen"])
def test_results_go_to_stdout_while_progress_moves_in_the_terminal(spoken: Path, tmp_path: Path, command: str) -> None:
    """stderr is a terminal and stdout a file, as in `oyez transcribe a.flac b.flac > texts`."""
    terminal, stderr = os.openpty()
    inputs = [spoken / "left_right_stop.flac", spoken / "yes.flac"] if command == "transcribe" else ["--source"]
    inputs += [spoken / "yes.flac"] if command == "listen" else []
    with (tmp_path / "texts").open("w") as stdout:
        run = [sys.executable, "-m", "oyez", command, *map(str, inputs)]
        done = subprocess.run(run, stdout=stdout, stderr=stderr, check=False, timeout=120)
    os.close(stderr)
    os.close(terminal)
    texts = [line.rsplit("\t")[-1] for line in (tmp_path / "texts").read_text().splitlines()]
    assert done.returncode == 0
    assert texts == (["left right stop", "yes"] if command == "transcribe" else ["yes"])


def test_what_an_action_prints_in_the_terminal_does_not_run_into_the_line_that_moves(
    spoken: Path, tmp_path: Path
) -> None:
    commands = tmp_path / "words.yaml"
    commands.write_text(
        "intents: {Yes: {data: [{sentences: ['yes']}]}}\noyez: {actions: {Yes: {print: 'it is {text}'}}}\n"
    )
    terminal, theirs = os.openpty()
    run = [sys.executable, "-m", "oyez", "listen", "-c", commands, "--source", spoken / "yes.flac"]
    with subprocess.Popen(run, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # it has ended
            while True:
                shown += os.read(terminal, 1000)
    os.close(terminal)
    assert b"\x1b[2Kit is yes\r\n" in shown  # the line is cleared first


@pytest.mark.parametrize("arguments", [["models"], ["transcribe", "yes.flac"]])
def test_whoever_closes_stdout_wants_no_results(spoken: Path, arguments: list[str]) -> None:
    run = f"exec {sys.executable} -m oyez {' '.join(arguments)} >&-"
    done = subprocess.run(["sh", "-c", run], cwd=spoken, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_name_that_is_not_utf_8_is_a_file_like_any_other(spoken: Path, tmp_path: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/caf\xe9.flac"
    shutil.copy(spoken / "yes.flac", strange)
    done = subprocess.run([sys.executable, "-m", "oyez", "transcribe", tmp_path, "-f", "txt"], capture_output=True)
    assert done.stdout == b"yes\n"
    both = subprocess.run(
        [sys.executable, "-m", "oyez", "transcribe", tmp_path, spoken / "yes.flac"],
        capture_output=True,
        check=False,
    )
    assert strange + b"\tyes\n" in both.stdout


def test_an_evaluation_of_damaged_files_names_them_and_fails(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    shutil.copy(spoken / "yes.flac", tmp_path)
    (tmp_path / "broken.flac").write_bytes((spoken / "yes.flac").read_bytes()[:900])
    (tmp_path / "manifest.tsv").write_text("path\ttext\nyes.flac\tyes\nbroken.flac\tno\n")
    done = oyez("evaluate", "corpus", "recordings", tmp_path)
    assert done.returncode == 1
    assert "broken.flac" in done.stderr
    assert "100.00%" in done.stdout


def test_an_output_folder_that_cannot_be_written_is_told(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = oyez("transcribe", spoken / "yes.flac", "--output-dir", tmp_path / "file")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_text_is_continued_the_same_for_the_same_seed(oyez: Oyez) -> None:
    first, second = (oyez("lm", "generate", "Turn ON", "--seed", "3", "--count", "2") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    lines = first.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("turn on") and len(line) <= len("turn on") + 200 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--model", "nonsense"], "no model 'nonsense'"),
        (["x", "--temperature", "-1"], "--temperature"),
        (["x", "--top-k", "0"], "--top-k"),
        (["①"], "unsupported character"),
    ],
)
def test_what_cannot_be_continued_is_refused_and_nothing_is_written(
    oyez: Oyez, arguments: list[str], message: str
) -> None:
    done = oyez("lm", "generate", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr


def test_the_shipped_models_are_listed(oyez: Oyez) -> None:
    done = oyez("models")
    assert done.returncode == 0
    assert "commands" in done.stdout


def test_an_evaluation_as_a_table_and_as_json(oyez: Oyez, spoken: Path) -> None:
    arguments = ["evaluate", "corpus", "recordings", spoken, "--model", "commands"]
    table = oyez(*arguments)
    assert table.returncode == 0, table.stderr
    assert "word error rate" in table.stdout
    record = json.loads(oyez(*arguments, "--json").stdout)
    assert record["utterances"] == len((spoken / "manifest.jsonl").read_text().splitlines())
    assert record["correct"] == 1.0


def test_a_model_is_measured_on_a_closed_list_of_commands(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("stop\nright\nseven\nleft right stop\n")  # of which one clip says none: yes
    arguments = ["evaluate", "corpus", "recordings", spoken, "--model", "commands", "--json"]
    record = json.loads(oyez(*arguments, "--commands", tmp_path / "words.txt").stdout)
    assert record["decoding"] == "commands"
    heard = {Path(result["path"]).stem: result["recognised"] for result in record["results"]}
    assert heard["yes"] == ""
    assert heard["left_right_stop"] == "left right stop"
    assert heard["seven"] == "seven"
    refusing = oyez(*arguments, "--commands", tmp_path / "words.txt", "--threshold", "1")
    assert {result["recognised"] for result in json.loads(refusing.stdout)["results"]} == {""}


def test_a_model_is_measured_on_the_validation_speech_of_a_recipe(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    part = f'corpus = "recordings"\nroot = "{spoken.name}"\n'
    recipe.write_text(f'name = "r"\n[[data.train]]\n{part}[[data.validation]]\n{part}')
    command = ["evaluate", "recipe", recipe, "--model", "commands", "--data", spoken.parent]
    done = oyez(*command, "--decoding", "greedy", "--decoding", "beam", "--json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["decoding"] for record in records] == ["greedy", "beam"]
    for record in records:
        assert record["by_corpus"]["audio"]["correct"] == record["correct"] > 0.5


def test_help_names_every_command(oyez: Oyez) -> None:
    done = oyez("--help")
    assert done.returncode == 0
    for command in ("transcribe", "listen", "web", "train", "evaluate", "models", "data"):
        assert command in done.stdout


def test_the_command_line_answers_before_torch_is_loaded() -> None:
    check = "import sys, oyez.app.cli; sys.exit('torch' in sys.modules or 'gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_recording_is_listened_to(oyez: Oyez, spoken: Path) -> None:
    done = oyez("listen", "--source", spoken / "left_right_stop.flac")
    assert (done.returncode, done.stdout) == (0, "left right stop\n")
    assert "1 result" in done.stderr


def test_what_is_listened_to_is_kept_where_asked(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    clip = spoken / "left_right_stop.flac"
    done = oyez("listen", "--source", clip, "--save", tmp_path / "heard")
    assert (done.returncode, done.stdout) == (0, "left right stop\n")
    again = oyez("evaluate", "corpus", "recordings", tmp_path / "heard")
    assert "100.00%" in again.stdout
    (tmp_path / "file").write_text("not a folder")
    refused = oyez("listen", "--source", clip, "--save", tmp_path / "file")
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_latency_is_measured_on_a_recording(oyez: Oyez, spoken: Path) -> None:
    done = oyez("listen", "--benchmark", spoken / "left_right_stop.flac", "--format", "jsonl", "--vad", "energy")
    assert done.returncode == 0
    figures = json.loads(done.stdout)
    assert figures["finals"] == 1
    assert figures["partials"] >= 3
    assert figures["final_ms"]["median"] >= figures["end_silence_ms"] == 500


def test_evaluation_in_noise_is_told_and_drawn(oyez: Oyez, spoken: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, np.random.default_rng(1).normal(0, 0.1, 32_000), 16_000)
    corpus = ("corpus", "recordings", spoken, "--model", "commands")
    plot = tmp_path / "plot.png"
    done = oyez("evaluate", *corpus, "--noise", noise, "--snr", "40", "--snr", "-30", "--plot", plot, "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["by_snr_db"]["40"]["correct"] > told["by_snr_db"]["-30"]["correct"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    wrong = oyez("evaluate", *corpus, "--noise", noise)
    assert (wrong.returncode, "--noise and --snr belong together" in wrong.stderr) == (2, True)
    wrong = oyez("evaluate", *corpus, "--plot", tmp_path / "plot.nothing")
    assert (wrong.returncode, "--plot" in wrong.stderr) == (2, True)
