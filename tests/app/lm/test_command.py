"""`oyez lm`: training, estimation, text; a run that is killed resumes, mistakes are named."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pocketsphinx import Config, LogMath
from pocketsphinx import NGramModel as Sphinx
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.app.lm.command import train
from oyez.models.language.character import LanguageConfig
from oyez.training.lm.character import LanguageTraining
from oyez.training.lm.ngram import estimate
from oyez.training.lm.ngram_model import write_arpa
from tests.training.toy_text import sentences

SENTENCES = ["turn on the light", "stop", "turn off the light and the heating", "no"] * 100


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit code of `oyez lm ARGUMENTS` and all that it printed."""
    done = CliRunner().invoke(app, ["lm", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_options_have_the_defaults_of_the_configurations() -> None:
    defaults = {name: option.default for name, option in inspect.signature(train).parameters.items()}
    for config, names in ((LanguageTraining(), ("epochs", "window", "learning_rate", "seed")),
                          (LanguageConfig(), ("embedding", "layers", "dropout"))):  # fmt: skip
        for name in names:
            assert defaults[name] == getattr(config, name), name


@pytest.mark.slow
def test_a_run_killed_without_warning_ends_with_the_same_weights(tmp_path: Path) -> None:
    text = tmp_path / "sentences.txt"
    text.write_text("".join(f"{sentence}\n" for sentence in SENTENCES))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ["train", "--text", text, "--hidden-size", 16, "--epochs", 6, "--dropout", 0.2]
    assert run(*options, "--out", whole)[0] == 0
    command = [sys.executable, "-m", "oyez", "lm", *map(str, options), "--out", str(killed)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as begun:
        while not (killed / "state.pt").exists() and begun.poll() is None:
            time.sleep(0.01)
        assert begun.poll() is None, "the run ended before it could be killed"
        begun.kill()
    code, output = run(*options, "--out", killed)
    assert code == 0
    assert "resuming at step" in output
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_text_that_is_missing_or_too_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("stop\n")
    for text, reason in (("nowhere.txt", "nowhere.txt"), (tmp_path / "short.txt", "1 sentence is too little")):
        code, output = run("train", "--text", text, "--out", tmp_path / "model")
        assert code == 2
        assert reason in output
    assert not (tmp_path / "model" / "config.json").exists()


def test_frequent_words_are_added(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(SENTENCES))
    code, _ = run("estimate", text, "--out", tmp_path / "words.arpa", "--frequent-words", 50)
    assert code == 0
    unigrams = (tmp_path / "words.arpa").read_text().partition("\\2-grams:")[0]
    assert "\twhat" in unigrams  # one of the fifty, and not of the text
    assert "\theating" in unigrams


@pytest.fixture
def sphinx_model(tmp_path: Path) -> Path:
    """A model of order 3 that pocketsphinx wrote."""
    write_arpa(estimate(sentences(), 3, (0, 1)), tmp_path / "sphinx.arpa")
    sphinx = Sphinx(Config(), LogMath(1.0001), str(tmp_path / "sphinx.arpa"))
    sphinx.write(str(tmp_path / "sphinx.lm.bin"), sphinx.str_to_type("bin"))
    return tmp_path / "sphinx.lm.bin"


def test_a_model_of_sphinx_is_mixed_in_and_pruned(sphinx_model: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sees the light\nthe dog runs\n")
    sizes = []
    for name, threshold in (("whole.arpa", 0.0), ("pruned.arpa", 1e-3)):
        options = ("--interpolate", sphinx_model, "--prune-entropy", threshold)
        assert run("estimate", text, "--out", tmp_path / name, *options)[0] == 0
        written = (tmp_path / name).read_text()
        assert re.search(r"\tcat\b", written)
        assert not re.search(r"\ton\b", written)
        sizes.append(written.count("\n"))
    assert sizes[1] < sizes[0]
    alone = tmp_path / "alone.arpa"
    run("estimate", text, "--out", alone)
    assert alone.read_text().count("\n") < sizes[0]
    code, output = run("estimate", text, "--out", tmp_path / "never.arpa", "--interpolate", text)
    assert code == 2
    assert "text.txt: no language model of CMU Sphinx" in output
    assert not (tmp_path / "never.arpa").exists()


def test_a_text_is_continued_the_same_for_the_same_seed() -> None:
    first, second = (run("generate", "Turn ON", "--seed", "3", "--count", "2") for _ in range(2))
    assert first == second
    assert first[0] == 0
    lines = first[1].splitlines()
    assert len(lines) == 2
    assert all(line.startswith("turn on") and len(line) <= len("turn on") + 200 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--model", "nonsense"], "no model 'nonsense'"),
        (["x", "--temperature", "-1"], "--temperature"),
        (["x", "--top-k", "0"], "--top-k"),
        (["я"], "я"),
    ],
)
def test_what_cannot_be_continued_is_refused(arguments: list[str], message: str) -> None:
    code, output = run("generate", *arguments)
    assert code == 2
    assert message in output
    assert "Traceback" not in output
