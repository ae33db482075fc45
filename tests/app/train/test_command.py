"""`oyez train`: what is missing or wrong is named before anything is read; own recordings need no recipe."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.models.network import load_checkpoint
from oyez.training import selection

RECIPE = """
name = "tones"
[[data.train]]
corpus = "recordings"
root = "recordings"
without_speakers = ["speaker3"]
[[data.train]]
corpus = "recordings"
root = "lost"
optional = true
[[data.validation]]
corpus = "recordings"
root = "recordings"
speakers = ["speaker3"]
[optimisation]
epochs = 1
"""


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit code of `oyez train ARGUMENTS` and all that it printed."""
    done = CliRunner().invoke(app, ["train", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tones.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a recipe, or --recordings"),
        (["commands", "--recordings", "mine", "--init", "english"], "not both"),
        (["--recordings", "mine"], "--recordings needs --init"),
        (["--recordings", "nowhere", "--init", "english"], "nowhere: no manifest"),
        (["commands", "--init", "nonsense"], "no model 'nonsense'"),
        (["commands", "--set", "optimisation.epoch=3"], "did you mean optimisation.epochs?"),
        (["commands", "--data", "nowhere"], "oyez data download speech-commands --out nowhere"),
    ],
)
def test_usage_errors_are_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    code, output = run(*arguments, "--out", tmp_path / "run")
    assert code == 2
    assert message in output
    assert len(output.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_missing_data_is_reported_before_any_is_read(
    recipe: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "load_corpus", lambda *_: pytest.fail("a corpus was read"))
    recipe.write_text(RECIPE.replace("optional = true", ""))
    code, output = run(recipe, "--data", corpus, "--out", tmp_path / "run", "--processes", 1)
    assert code == 2
    assert "lost: no manifest" in output


def test_a_recipe_takes_the_shape_of_the_model_and_skips_an_optional_corpus(
    recipe: Path, corpus: Path, untrained_model: Path, tmp_path: Path
) -> None:
    init = shutil.copytree(untrained_model, tmp_path / "init")
    options = [recipe, "--data", corpus, "--out", tmp_path / "run", "--processes", 1, "--init", init]
    code, output = run(*options)
    assert code == 0, output
    assert "skipped: " in output
    assert "(optional)" in output
    assert output.splitlines()[-1] == str(tmp_path / "run" / "best")
    trained, before = (load_checkpoint(folder).config for folder in (tmp_path / "run" / "best", init))
    assert (trained.features, trained.acoustic) == (before.features, before.acoustic)
    shutil.rmtree(init)  # its weights are in the state: the run can be given more epochs still
    code, output = run(*options, "--set", "optimisation.epochs=2")
    assert code == 0, output
    assert "resuming at step" in output
    assert "finished: 2 epochs" in run(*options, "--set", "optimisation.epochs=2")[1]


def test_a_model_is_fine_tuned_on_recordings_without_a_recipe(
    corpus: Path, untrained_model: Path, tmp_path: Path
) -> None:
    options = ["--recordings", corpus / "recordings", "--init", untrained_model, "--out", tmp_path / "run"]
    code, output = run(*options, "--processes", 1, "--set", "optimisation.epochs=1")
    assert code == 0, output
    assert load_checkpoint(tmp_path / "run" / "best").config.name == "run"
