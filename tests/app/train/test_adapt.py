"""`oyez adapt`: mistakes are named at once, and what is kept, refused or interrupted leaves what it says it leaves."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.app.train import adaptation
from oyez.data.synthesis.synthesis import SynthesisError
from oyez.models.checkpoint import CARD, WEIGHTS
from oyez.models.recognizer import Recognizer
from oyez.training.adaptation import speech as adaptation_speech
from oyez.training.errors import RunInterruptedError
from oyez.training.train import Run

Oyez = Callable[..., Result]


@pytest.fixture
def oyez(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Oyez:
    """Run `oyez ARGUMENTS` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)

    return run


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("yes\nleft right stop\n")
    return path


@pytest.fixture
def two_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    """One quick voice to train with and one to measure with."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    monkeypatch.setattr(adaptation_speech, "HIBARI", {})
    monkeypatch.setattr(adaptation_speech, "DEFAULT_VOICES", {"espeak:en-us+Adam": 0.5, "espeak:en-us+Linda": 0.5})


def refused(done: Result, *parts: str) -> None:
    """Check for a usage error: exit code 2, one line, and what it names."""
    assert done.exit_code == 2, done.output
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no sentence in this file"),
        ("# nothing yet\n", "no sentence in this file"),
        ("☃\n", "unsupported character"),
    ],
)
def test_a_file_without_sentences_is_named(oyez: Oyez, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(content)
    refused(oyez("adapt", path), "empty.txt", message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "."], "exists already"),
        (["--model", "nowhere"], "no model 'nowhere'"),
        (["--recipe", "english"], "give both"),
        (["--data", "a", "--replay", "b"], "exclude each other"),
        (["--other-speech", "a.wav"], "belongs to --recordings"),
    ],
)
def test_what_does_not_go_together_is_said(oyez: Oyez, words: Path, options: list[str], message: str) -> None:
    refused(oyez("adapt", words, *options), message)


def test_words_that_a_model_cannot_write_are_named(oyez: Oyez, tmp_path: Path) -> None:
    (tmp_path / "home.txt").write_text("open sesame\nstop\n")
    refused(oyez("adapt", tmp_path / "home.txt", "--model", "commands"), "not: open, sesame")


def test_a_damaged_model_is_named(oyez: Oyez, words: Path, untrained_model: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(untrained_model, tmp_path / "model"))
    (model / WEIGHTS).write_bytes(b"broken")
    refused(oyez("adapt", words, "--model", model), str(model / WEIGHTS), "damaged")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recordings", "nowhere"], "nowhere: no manifest"),
        (["--data", "nowhere", "--recipe", "english"], "Is nowhere the folder that holds"),
        (["--data", "."], "no recipe 'untrained'"),
        (["--replay", "nowhere"], "nowhere: no manifest"),
    ],
)
@pytest.mark.usefixtures("two_voices")
def test_speech_that_is_not_there_is_named_before_anything_is_made(
    oyez: Oyez, words: Path, untrained_model: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    refused(oyez("adapt", words, "--model", untrained_model, *options), message)
    assert [path.name for path in tmp_path.iterdir()] == ["words.txt"]


def test_without_the_extra_the_error_says_how_to_get_it(
    oyez: Oyez, words: Path, untrained_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> None:
        raise SynthesisError("hibari-tts is not installed: pip install -e '.[synthesis]'")

    monkeypatch.setattr(adaptation_speech, "check_voice", missing)
    refused(oyez("adapt", words, "--model", untrained_model), "pip install -e '.[synthesis]'")


def test_a_folder_that_is_in_the_way_is_left_alone(
    oyez: Oyez, words: Path, untrained_model: Path, tmp_path: Path, two_voices: None
) -> None:
    mine = tmp_path / "adapted" / "words.adapting" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    refused(oyez("adapt", words, "--model", untrained_model), "words.adapting: not an unfinished adaptation")
    assert mine.read_text() == "mine"


@pytest.mark.slow
def test_from_a_file_to_a_model_or_to_none(
    oyez: Oyez,
    words: Path,
    untrained_model: Path,
    spoken: Path,
    tmp_path: Path,
    two_voices: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = ["--model", untrained_model, "--clips", "4", "--epochs", "1", "--processes", "1"]

    # interrupted while it trains, it keeps what it has
    def interrupted(run: Run, device: str, stop: Callable[[], int]) -> None:
        raise RunInterruptedError(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(adaptation, "work", interrupted)
        stopped = oyez("adapt", words, *small)
    assert stopped.exit_code == 128 + signal.SIGTERM
    assert "run again to resume" in stopped.stderr
    clips = sorted((tmp_path / "adapted" / "words.adapting").rglob("*.flac"))
    assert clips
    made = [clip.stat().st_mtime_ns for clip in clips]

    # with other options it is another adaptation
    refused(oyez("adapt", words, *small, "--clips", "5"), "words.adapting", "delete it to start anew")
    assert [clip.stat().st_mtime_ns for clip in clips] == made

    # refused, nothing of it is left
    worse = oyez("adapt", words, *small, "--max-wer-increase", "-1000")
    assert worse.exit_code == 1
    assert "resuming in" in worse.stderr
    assert "not kept: the word error rate of general speech rose" in worse.stderr
    assert "general speech: word error rate" in worse.stdout
    assert list((tmp_path / "adapted").iterdir()) == []

    # kept, it is a model like any other, with real speech and recordings of the user's this time
    options = ["--replay", spoken, "--recordings", spoken, "--max-wer-increase", "1000"]
    done = oyez("adapt", words, *small, *options)
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "adapted").iterdir()] == ["words"]
    recognizer = Recognizer.load(tmp_path / "adapted" / "words")
    assert recognizer.name == "words"
    assert recognizer.with_commands(words).interpreter.threshold == recognizer.config.command_confidence.threshold
    card = (tmp_path / "adapted" / "words" / CARD).read_text()
    assert "adapted to `words.txt`" in card
    assert "2 commands: right" in card
    refused(oyez("adapt", words, *small), "exists already")
