"""The study of words that were never heard: what each training hears, and what is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from oyez.data.manifest import read_manifest, write_manifest
from oyez.models.recognizer import Recognizer
from oyez.training.config import Recipe, load_recipe
from oyez.training.selection import select
from studies.unheard import HEARD, READ, UNHEARD, ask, command, trainings

RECIPE = """
name = "words"
features = {coefficients = 13, mel_bands = 20}
acoustic = {channels = 8, width = 8, layers = 1}
optimisation = {epochs = 1}
[[data.train]]
corpus = "speech-commands"
root = "SpeechCommands"
split = "training"
[[data.validation]]
corpus = "speech-commands"
root = "SpeechCommands"
split = "validation"
"""


@pytest.fixture
def data(tones: Path, tmp_path: Path) -> Path:
    """The stand-in for Speech Commands, and a folder in which "cat" is read."""
    folder = tmp_path / "speech"
    folder.mkdir()
    (folder / "SpeechCommands").symlink_to(tones / "SpeechCommands")
    clip = select(load(tmp_path).data.train, tones, []).utterances[0]
    (folder / "read").mkdir()
    write_manifest(folder / "read" / "manifest.jsonl", [clip])
    return folder


def load(tmp_path: Path) -> Recipe:
    path = tmp_path / "words.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, " ".join(done.output.split())


def test_the_words_are_left_out_and_then_only_read(data: Path, tmp_path: Path) -> None:
    made = trainings(load(tmp_path), ["cat", "zero"], Path("read"))
    heard = {name: [u.text for u in select(recipe.data.train, data, []).utterances] for name, recipe in made.items()}
    assert {"cat", "zero"} <= set(heard[HEARD])
    assert set(heard[UNHEARD]) == set(heard[HEARD]) - {"cat", "zero"}
    assert sorted(heard[READ]) == sorted([*heard[UNHEARD], "cat"])
    assert len({recipe.data.validation for recipe in made.values()}) == 1
    assert list(trainings(load(tmp_path), ["cat"], None)) == [HEARD, UNHEARD]


def test_what_is_asked_is_counted_by_word(spoken: Path) -> None:
    clips = [clip for clip in read_manifest(spoken / "manifest.jsonl") if " " not in clip.text]
    mislabelled = [replace(clip, text="seven") for clip in clips if clip.text == "stop"]
    asked = ask(Recognizer.load("commands", decoding="greedy"), clips + mislabelled)
    assert asked.right == asked.spelled == {"right": 1.0, "seven": 0.5, "stop": 1.0, "yes": 1.0}


def test_the_command_trains_asks_and_writes_a_page(data: Path, tmp_path: Path) -> None:
    load(tmp_path)
    places = ("--data", str(data), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path), "--processes", "1")
    code, said = run(str(tmp_path / "words.toml"), "--word", "cat", "--synthetic", "read", *places)
    assert code == 0, said
    page = (tmp_path / "unheard.md").read_text()
    assert sum(page.count(f"| {name} |") for name in (HEARD, UNHEARD, READ)) == 9
    assert "10 clips of 10 words, 1 of them of the 1 in question (cat)" in page
    assert (tmp_path / "unheard.png").stat().st_size > 0
    code, said = run(str(tmp_path / "words.toml"), "--word", "dragon", *places)
    assert code == 2
    assert "no validation clip of 'dragon'; there are cat, five" in said
    classes = ("--set", "acoustic.pooling=mean", "--set", 'vocabulary=["cat", "five"]')
    code, said = run(str(tmp_path / "words.toml"), "--word", "cat", *classes, *places)
    assert code == 2
    assert "makes a classifier" in said
