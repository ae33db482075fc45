"""`oyez lm fuse-…`: the weights that are best are found and kept, mistakes are named."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.data.audio import SAMPLE_RATE
from oyez.models.checkpoint import NGRAM, read_config
from oyez.models.recognizer import Recognizer
from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import BEGIN, END, write_arpa

RECIPE = """
name = "spoken"
[[data.train]]
corpus = "recordings"
root = "audio"
[[data.validation]]
corpus = "recordings"
root = "audio"
"""


@pytest.fixture
def folder(untrained_model: Path, tmp_path: Path) -> Path:
    (tmp_path / "spoken.toml").write_text(RECIPE)
    return Path(shutil.copytree(untrained_model, tmp_path / "model"))


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit code of `oyez lm ARGUMENTS` and all that it printed."""
    done = CliRunner().invoke(app, ["lm", *map(str, arguments)])
    return done.exit_code, done.output


def test_a_word_language_model_is_put_into_the_folder(folder: Path, spoken: Path, tmp_path: Path) -> None:
    language = estimate([["yes"], ["no"], ["left", "right"]])
    write_arpa(language, tmp_path / "words.arpa")
    code, output = run(
        "fuse-ngram", folder, tmp_path / "words.arpa", "--recipe", tmp_path / "spoken.toml", "--data", spoken.parent
    )
    assert code == 0
    assert "word_score" in output
    assert (folder / NGRAM).exists()
    config = read_config(folder)
    assert config.ngram is not None
    # the one text of several words is "left right stop"
    context = (BEGIN, "left", "right", "stop")
    known = [language.score(word, context[:place]) for place, word in ((1, "left"), (2, "right"), (4, END))]
    assert f"perplexity {10 ** (-sum(known) / 3):.0f}, 25.0% of the words unknown" in output
    assert sum(math.exp(value) for value in config.label_prior) == pytest.approx(1, abs=0.02)
    assert Recognizer.load(folder).decoding == "ngram"


def test_the_model_is_as_it_was_until_all_is_found(
    folder: Path, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("oyez.training.lm.fusion.fit_word_confidence", interrupted)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    write_arpa(estimate([["yes"], ["no"]]), tmp_path / "words.arpa")
    run("fuse-ngram", folder, tmp_path / "words.arpa", "--recipe", tmp_path / "spoken.toml", "--data", spoken.parent)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_cannot_be_read_is_left_out_and_told(
    folder: Path, tmp_path: Path, spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data" / "audio"
    shutil.copytree(spoken, data)
    (data / "yes.flac").write_bytes(b"fLaC")
    no_numbers = np.full(SAMPLE_RATE, np.nan)  # which is found out when the samples are read
    soundfile.write(data / "right.flac", no_numbers, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    monkeypatch.setattr("oyez.training.lm.fusion.LETTER_WEIGHTS", (0.5,))
    options = ("--recipe", tmp_path / "spoken.toml", "--data", data.parent, "--share", 1)
    code, output = run("fuse-character", folder, *options)
    assert code == 0
    assert output.count("skipped: ") == 2
    assert "yes.flac" in output
    assert "right.flac" in output
    for path in data.glob("*.flac"):
        soundfile.write(path, no_numbers, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    code, output = run("fuse-character", folder, *options)
    assert code == 2
    assert "nothing is said" in output


def test_weights_for_the_character_model_are_kept(folder: Path, spoken: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "spoken.toml"
    code, output = run("fuse-character", folder, "--recipe", recipe, "--data", spoken.parent, "--share", "0.1")
    assert code == 0
    best = output.splitlines()[1].split()
    fusion = read_config(folder).fusion
    assert [f"{fusion.weight:g}", f"{fusion.letter_score:g}"] == best[:2]


@pytest.mark.parametrize(("arguments", "message"), [
    (("fuse-ngram", "nowhere", "nowhere.arpa"), "nowhere.arpa"),
    (("fuse-character", "nowhere"), "no model 'nowhere'"),
])  # fmt: skip
def test_what_is_not_there_is_named(arguments: tuple[str, ...], message: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert message in output


def test_a_classifier_is_refused(untrained_classifier: Path) -> None:
    code, output = run("fuse-character", untrained_classifier)
    assert code == 2
    assert "is a classifier of words and writes no letters" in output
