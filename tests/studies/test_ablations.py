"""The study of single changes: each run differs by its change alone, and what is made is not made again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.data.audio import SAMPLE_RATE
from oyez.training.config import load_recipe
from oyez.training.errors import RecipeError
from oyez.training.train import Run, Trainer
from studies.ablations import Study, carry_out
from studies.report import StudyError

RECIPE = """
name = "tones"
features = {coefficients = 13, mel_bands = 20}
acoustic = {channels = 8, width = 8, layers = 1}
[[data.train]]
corpus = "recordings"
root = "recordings"
without_speakers = ["speaker3"]
[[data.validation]]
corpus = "recordings"
root = "recordings"
speakers = ["speaker3"]
"""


@pytest.fixture
def study(corpus: Path, tmp_path: Path) -> Study:
    recipe = tmp_path / "tones.toml"
    recipe.write_text(RECIPE)
    Trainer(Run(load_recipe(recipe, ["optimisation.steps=1"]), corpus, tmp_path / "init")).train()
    settings = ("optimisation.steps=2", "optimisation.learning_rate=0.02")
    init = str(tmp_path / "init" / "last")
    return Study(str(recipe), settings, corpus, init, tmp_path / "runs", tmp_path / "page", processes=1)


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    path = tmp_path / "tap.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE), SAMPLE_RATE)
    return path


def test_each_change_is_a_run_and_a_row_and_is_made_once(study: Study) -> None:
    one, two = "optimisation.seed=2", "acoustic.dropout=0; augmentation.gain_db=[0, 0]"
    page = carry_out(study, [one])
    first_states = {path: path.stat().st_mtime_ns for path in study.runs.glob("*/state.pt")}
    assert len(first_states) == 2
    carry_out(study, [one, two])
    assert {path: path.stat().st_mtime_ns for path in first_states} == first_states
    results = json.loads((study.out / "ablations.json").read_text())
    assert list(results["after"]) == ["", one, two]
    for change in results["after"]:
        run = study.run_of(change)
        assert results["after"][change]["by_corpus"].keys() == {"recordings"}
        assert json.loads((run.out / "log.jsonl").read_text().splitlines()[-1])["step"] == 2
    changed = study.run_of(two).recipe
    assert (changed.acoustic.dropout, changed.augmentation.gain_db) == (0, (0, 0))
    assert changed.augmentation.speed == study.run_of("").recipe.augmentation.speed
    assert "--set 'augmentation.gain_db=[0, 0]'" in results["after"][two]["command"]
    lines = page.read_text().splitlines()
    rows = ("before any step", "nothing", f"`{one}`", f"`{two}`")
    assert [sum(line.startswith(f"| {row} |") for line in lines) for row in rows] == [1, 1, 1, 1]
    assert (study.out / "ablations.png").stat().st_size > 0


def test_the_model_that_is_begun_with_is_measured_as_the_runs_are(study: Study, noise: Path) -> None:
    standstill = "optimisation.learning_rate=1e-30"
    page = carry_out(replace(study, noise=noise, snr_db=-20.0), [standstill])
    results = json.loads((study.out / "ablations.json").read_text())
    assert {**results["after"][standstill], "command": None} == {**results["before"], "command": None}
    quiet = {name: results["before"][name] for name in ("wer", "cer", "command_accuracy", "by_corpus")}
    assert results["before"]["in_noise"].keys() == quiet.keys()
    assert results["before"]["in_noise"] != quiet
    assert "WER in tap, -20 dB" in page.read_text()


def test_runs_from_nothing_may_change_the_shape(study: Study) -> None:
    shape = "acoustic.width=12; features.mel_bands=16"
    page = carry_out(replace(study, init=None), [shape])
    results = json.loads((study.out / "ablations.json").read_text())
    assert "before" not in results
    assert "--init" not in results["after"][shape]["command"]
    assert f"| `{shape}` |" in page.read_text()
    with pytest.raises(StudyError, match="init"):
        carry_out(study, [])


def test_a_slip_in_any_change_is_told_before_the_first_run(study: Study) -> None:
    with pytest.raises(RecipeError, match=r"acoustic\.colour"):
        carry_out(study, ["optimisation.seed=2", "acoustic.colour=1"])
    assert not study.runs.exists()
    assert not study.out.exists()


def test_results_of_another_study_are_not_mixed_in(study: Study, noise: Path) -> None:
    carry_out(study, [])
    with pytest.raises(StudyError, match=r"recipe\.optimisation\.steps was 2, is 3"):
        carry_out(replace(study, settings=("optimisation.steps=3",)), [])
    with pytest.raises(StudyError, match=r"noise was None, is tap\.wav at 6 dB"):
        carry_out(replace(study, noise=noise), [])
    (study.out / "ablations.json").write_text("{")
    with pytest.raises(StudyError, match="damaged"):
        carry_out(study, [])


def test_a_change_longer_than_a_file_name_has_a_folder_of_its_own(study: Study) -> None:
    changes = [f"description={'very ' * 100}{end}" for end in ("long", "longer")]
    folders = {study.run_of(change).out.name for change in changes}
    assert len(folders) == 2
    assert all(len(name) <= 100 for name in folders)
