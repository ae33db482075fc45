"""`oyez data`: what is cut, labelled and printed; what is wrong is named, and nothing is written then."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.data.audio import HOP, SAMPLE_RATE
from oyez.data.augmentation import sound_mask
from oyez.data.corpora.speech_commands import hashed_split
from oyez.data.manifest import Utterance, read_manifest, write_manifest
from oyez.data.synthesis.synthesis import Manner, speak

WORDS = ["stop", "left", "seven"]


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit code of `oyez data ARGUMENTS` and all that it printed."""
    done = CliRunner().invoke(app, ["data", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Utterance, float]:
    """Two halves, each read by itself, one after the other; and the second at which the second begins to sound."""
    halves = [speak(text, Manner("hibari-us", 1.0, 1.0)) for text in ("open the window", "stop the music")]
    path = tmp_path_factory.mktemp("sentence") / "sentence.wav"
    soundfile.write(path, np.concatenate(halves), SAMPLE_RATE)
    seconds = [len(half) / SAMPLE_RATE for half in halves]
    pause = np.flatnonzero(sound_mask(halves[1], HOP))[0] * HOP / SAMPLE_RATE
    return Utterance(path, "open the window stop the music", "someone", 0.0, sum(seconds)), seconds[0] + pause


@pytest.fixture
def recipe(tmp_path: Path, sentence: tuple[Utterance, float]) -> Path:
    (tmp_path / "said").mkdir()
    write_manifest(tmp_path / "said" / "manifest.jsonl", [sentence[0]])
    path = tmp_path / "recipe.toml"
    corpus = 'corpus = "recordings"\nroot = "said"\n'
    path.write_text(f'name = "said"\n[[data.train]]\n{corpus}[[data.validation]]\n{corpus}')
    return path


def test_the_command_writes_a_manifest_beside_the_corpora(tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "words.jsonl"
    code, output = run("cut-words", recipe, "--data", tmp_path, "--out", out, "--word", "stop", "--word", "open")
    assert code == 0
    assert "2 of 2 pieces, 2 different texts" in output
    assert {word.text for word in read_manifest(out)} == {"stop", "open"}


def test_what_the_recipe_validates_on_is_cut_when_asked_for(
    tmp_path: Path, recipe: Path, sentence: tuple[Utterance, float]
) -> None:
    (tmp_path / "one_word").mkdir()
    write_manifest(tmp_path / "one_word" / "manifest.jsonl", [replace(sentence[0], text="stop")])
    recipe.write_text(recipe.read_text().replace('root = "said"', 'root = "one_word"', 1))
    arguments = (str(recipe), "--data", tmp_path, "--out", str(tmp_path / "words.jsonl"))
    assert "no such word was found" in run("cut-words", *arguments)[1]
    code, output = run("cut-words", *arguments, "--validation")
    assert code == 0
    assert "pieces" in output


def test_the_command_says_what_is_wrong(tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "words.jsonl"
    for arguments, message in {
        (str(recipe), "--data", tmp_path, "--word", "zebra"): "no such word was found in the 1 utterances",
        ("nowhere", "--data", tmp_path): "nowhere",
        (str(recipe), "--data", str(tmp_path / "gone")): "gone",
        (str(recipe), "--data", tmp_path, "--min-words", "2"): "--min-words 2 is more than --max-words 1",
    }.items():
        code, output = run("cut-words", *arguments, "--out", out)
        assert code == 2
        assert message in output
    for unfit in (tmp_path / "gone" / "words.jsonl", tmp_path / "words.json"):
        code, output = run("cut-words", recipe, "--data", tmp_path, "--model", "no model is loaded yet", "--out", unfit)
        assert code == 2
        assert "must be a .jsonl file in a folder that exists" in output
    assert not out.exists()


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    named = (tmp_path / f"0123456{number}_nohash_0.wav" for number in range(9))
    paths = [path for path in named if hashed_split(path.name) == "training"][:3]
    for path, word in zip(paths, WORDS, strict=True):
        soundfile.write(path, np.pad(speak(word, Manner("hibari-us", 1.0, 1.0)), 2000), SAMPLE_RATE)
    return paths


def test_the_command_writes_what_the_shipped_models_agree_on(tmp_path: Path, clips: list[Path]) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF....")
    held_out = next(name for name in (f"{n:08x}_nohash_0.wav" for n in range(64)) if hashed_split(name) != "training")
    shutil.copy(clips[0], tmp_path / held_out)
    code, output = run("pseudo-labels", tmp_path, "--model", "english", *(f"--word={word.title()}" for word in WORDS))
    assert code == 0, output
    assert output.count("skipped: ") == 1
    assert "broken.wav" in output
    listed = {utterance.path.name: utterance for utterance in read_manifest(tmp_path / "manifest.jsonl")}
    assert {name: utterance.text for name, utterance in listed.items()} == {
        clip.name: word for clip, word in zip(clips, WORDS, strict=True)
    }
    assert listed[clips[1].name].speaker == clips[1].name[:8]


def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path: Path, untrained_classifier: Path) -> None:
    assert "name them with --word" in run("pseudo-labels", tmp_path, "--model", "english")[1]
    assert "nowhere" in run("pseudo-labels", tmp_path, "--model", "nowhere")[1]
    code, output = run("pseudo-labels", tmp_path, "--model", "commands")
    assert code == 2
    assert "no clip" in output
    assert "unsupported character 'я'" in run("pseudo-labels", tmp_path, "--model", "english", "--word", "яa")[1]
    assert "is a classifier of words" in run("pseudo-labels", tmp_path, "--model", untrained_classifier)[1]
    assert not (tmp_path / "manifest.jsonl").exists()


def test_phrases_are_printed_and_a_missing_file_is_named(tmp_path: Path) -> None:
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("SHE SELLS SEA SHELLS BY THE SEA SHORE\n")
    code, output = run("phrases", "--count", "7", "--sentences", sentences)
    assert (code, len(output.splitlines())) == (0, 7)
    code, output = run("phrases", "--sentences", "nowhere.txt")
    assert code == 2
    assert "nowhere.txt" in output


def test_without_the_package_of_words_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    code, output = run("phrases", "--count", "3")
    assert code == 2
    assert "pip install -e '.[synthesis]'" in output
