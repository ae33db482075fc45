"""Recipes: what is written is what is used, and a slip is told by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from oyez.training.config import RECIPES, RecipeError, load_recipe


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_can_be_read(path: Path) -> None:
    assert load_recipe(path.stem).name in path.stem


@pytest.mark.parametrize(
    ("override", "section", "setting", "value"),
    [
        ("acoustic.cell=gru", "acoustic", "cell", "gru"),
        ('acoustic.cell="rnn-relu"', "acoustic", "cell", "rnn-relu"),
        ("acoustic.bidirectional=false", "acoustic", "bidirectional", False),
        ("optimisation.learning_rate=1e-4", "optimisation", "learning_rate", 1e-4),
        ("augmentation.speed=[0.8, 1.2]", "augmentation", "speed", (0.8, 1.2)),
    ],
)
def test_a_setting_is_changed_on_the_command_line(override: str, section: str, setting: str, value: object) -> None:
    assert getattr(getattr(load_recipe("commands", [override]), section), setting) == value


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("acoustic.cell=elephant", r"acoustic\.cell = \"elephant\""),
        ("acoustic.colour=red", r"acoustic\.colour"),
        ("optimisation.epochs=0", r"optimisation\.epochs = 0"),
        ("optimisation.label_smoothing=1", r"optimisation\.label_smoothing"),
        ('vocabulary=["wi-fi"]', "vocabulary"),
        ("optimisation.seed=-1", r"optimisation\.seed"),
        ("augmentation.speed=[0, 0]", r"augmentation\.speed"),
        ("augmentation.gain_db=[6, -25]", "lower bound first"),
        ("acoustic.width=1000000", r"acoustic\.width"),
        ("features.low_hz=9000", "low_hz"),
        ("name.first=x", "not a section"),
        ("epochs", "section.setting=value"),
        ("=3", "section.setting=value"),
    ],
)
def test_a_wrong_setting_is_named(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("commands", [override])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimisation.intermediate_loss_share=0.3", "acoustic.layers=1"], r"acoustic\.layers = 2 or more"),
        (
            ["optimisation.label_smoothing=0.1", "acoustic.pooling=mean", "batching.concat_probability=0"],
            "label_smoothing is added",
        ),
    ],
)
def test_losses_that_do_not_fit_the_network_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("commands", overrides)


def test_an_unknown_recipe_is_told_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'opera'.* commands"):
        load_recipe("opera")


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("name = ")
    with pytest.raises(RecipeError, match=r"bad\.toml: not a TOML file"):
        load_recipe(path)
