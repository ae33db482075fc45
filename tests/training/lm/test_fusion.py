"""Language models for a model: the weights that are best are found and kept, mistakes are named."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from oyez.data.audio import SAMPLE_RATE
from oyez.models.checkpoint import NGRAM, read_config
from oyez.models.decoding.ngram import NgramConfig
from oyez.models.recognizer import Recognizer
from oyez.training.lm.fusion import app, tune, tune_one_by_one
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
    told = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return told.exit_code, told.output


def test_configurations_come_best_first() -> None:
    configs = [NgramConfig(weight=weight) for weight in (1.0, 0.0, 2.0)]
    heard = {1.0: "turn it off", 0.0: "turn it on", 2.0: "nothing"}
    tried = tune(configs, lambda config, _: heard[config.weight], [torch.zeros(1, 1)], ["turn it on"])
    assert [(config.weight, error) for config, error in tried] == [
        (0.0, 0.0),
        (1.0, pytest.approx(1 / 3)),
        (2.0, 1.0),
    ]


def test_one_weight_after_the_other_is_tried_with_the_best_of_the_others() -> None:
    grid = {"weight": (0.0, 1.0, 2.0), "word_score": (-1.0, 0.0, 1.0)}
    searched = []

    def search(config: NgramConfig, _: torch.Tensor) -> str:
        searched.append((config.weight, config.word_score))
        errors = int(abs(config.weight - 2) + abs(config.word_score + 1))
        return " ".join(["turn", "it", "on", *["please"] * errors])

    tried = tune_one_by_one(NgramConfig(), grid, search, [torch.zeros(1, 1)], ["turn it on"])
    assert searched == [(0, 0), (1, 0), (2, 0), (2, -1), (2, 1), (0, -1), (1, -1)]  # and none of them twice
    assert (tried[0][0].weight, tried[0][0].word_score, tried[0][1]) == (2, -1, 0)
    assert [error for _, error in tried] == sorted(error for _, error in tried)


def test_a_word_language_model_is_put_into_the_folder(folder: Path, spoken: Path, tmp_path: Path) -> None:
    language = estimate([["yes"], ["no"], ["left", "right"]])
    write_arpa(language, tmp_path / "words.arpa")
    code, told = run(
        "ngram", folder, tmp_path / "words.arpa", "--recipe", tmp_path / "spoken.toml", "--data", spoken.parent
    )
    assert code == 0
    assert "word_score" in told
    assert (folder / NGRAM).exists()
    config = read_config(folder)
    assert config.ngram is not None
    # the one text of several words is "left right stop"
    context = (BEGIN, "left", "right", "stop")
    known = [language.score(word, context[:place]) for place, word in ((1, "left"), (2, "right"), (4, END))]
    assert f"perplexity {10 ** (-sum(known) / 3):.0f}, 25.0% of the words unknown" in told
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
    run("ngram", folder, tmp_path / "words.arpa", "--recipe", tmp_path / "spoken.toml", "--data", spoken.parent)
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
    code, told = run("lstm", folder, *options)
    assert code == 0
    assert told.count("left out: ") == 2
    assert "yes.flac" in told
    assert "right.flac" in told
    for path in data.glob("*.flac"):
        soundfile.write(path, no_numbers, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    code, told = run("lstm", folder, *options)
    assert code == 2
    assert "nothing is said" in told


def test_weights_for_the_character_model_are_kept(folder: Path, spoken: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "spoken.toml"
    code, told = run("lstm", folder, "--recipe", recipe, "--data", spoken.parent, "--share", "0.1")
    assert code == 0
    best = told.splitlines()[1].split()
    fusion = read_config(folder).fusion
    assert [f"{fusion.weight:g}", f"{fusion.letter_score:g}"] == best[:2]


@pytest.mark.parametrize(("arguments", "message"), [
    (("ngram", "nowhere", "nowhere.arpa"), "nowhere.arpa"),
    (("lstm", "nowhere"), "no model 'nowhere'"),
])  # fmt: skip
def test_what_is_not_there_is_named(arguments: tuple[str, ...], message: str) -> None:
    code, told = run(*arguments)
    assert code == 2
    assert message in told


def test_a_classifier_is_refused(untrained_classifier: Path) -> None:
    code, told = run("lstm", untrained_classifier)
    assert code == 2
    assert "is a classifier of words and writes no letters" in told
