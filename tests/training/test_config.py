"""Recipes: what is written is what is used, and a slip is told by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from oyez.data.configuration import RENAMED, Configuration
from oyez.models.checkpoint import find_checkpoint, read_config
from oyez.training.config import RECIPES, Recipe, load_recipe, setting_names
from oyez.training.errors import RecipeError
from oyez.training.settings_table import settings_table


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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimisation.epoch=3", r"optimisation\.epoch: there is no such setting; did you mean optimisation\.epochs\?"),
        ("acoustic.epochs=3", r"did you mean optimisation\.epochs\?"),
        ("optimization.epochs=3", r"optimization: .* did you mean optimisation\?"),
        ("spec_augment.colour=3", r"section spec_augment has frequency_masks, "),
    ],
)
def test_of_an_unknown_setting_the_nearest_is_named(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("commands", [override])


def test_an_unknown_setting_of_a_corpus_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    corpus = 'corpus = "recordings"\nroot = "audio"\n'
    path.write_text(f'name = "r"\n[[data.train]]\n{corpus}speaker = ["ann"]\n[[data.validation]]\n{corpus}')
    with pytest.raises(RecipeError, match=r"data\.train\.0\.speaker: .* did you mean data\.train\.speakers\?"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("older", "present"),
    [
        ("optimisation.averaging=0.5", "optimisation.ema_decay=0.5"),
        ("optimisation.gradient_norm=0.5", "optimisation.max_grad_norm=0.5"),
        ("augmentation.calm_epochs=7", "augmentation.warmup_epochs=7"),
        ("batching.joined=0.5", "batching.concat_probability=0.5"),
        ("batching.longest_seconds=5", "batching.max_seconds=5"),
    ],
)
def test_an_older_name_of_a_setting_is_understood(older: str, present: str) -> None:
    assert load_recipe("commands", [older]) == load_recipe("commands", [present]) != load_recipe("commands")


def test_a_recipe_with_older_names_is_read_and_changed_by_present_ones(tmp_path: Path) -> None:
    path = tmp_path / "older.toml"
    corpus = 'corpus = "recordings"\nroot = "audio"\n'
    sections = "[batching]\njoined = 0.5\n[optimisation]\naveraging = 0.9\ngradient_norm = 2.0\n"
    path.write_text(f'name = "r"\n[[data.train]]\n{corpus}[[data.validation]]\n{corpus}{sections}')
    recipe = load_recipe(path, ["batching.concat_probability=0.25"])
    assert recipe.batching.concat_probability == 0.25
    assert (recipe.optimisation.ema_decay, recipe.optimisation.max_grad_norm) == (0.9, 2.0)
    path.write_text(path.read_text() + "max_grad_norm = 3.0\n")
    with pytest.raises(RecipeError, match="max_grad_norm is set twice: gradient_norm is its older name"):
        load_recipe(path)


def test_the_state_of_a_run_with_older_names_is_read() -> None:
    recipe = load_recipe("commands")
    older = recipe.model_dump(mode="json")
    for section in ("batching", "augmentation", "optimisation"):
        names = {new: old for old, new in RENAMED[type(getattr(recipe, section)).__name__].items()}
        older[section] = {names.get(name, name): value for name, value in older[section].items()}
    assert "joined" in older["batching"]
    assert Recipe.model_validate(older) == recipe


def test_every_older_name_stands_for_a_setting_that_there_is() -> None:
    def all_of(config: type[Configuration]) -> set[type[Configuration]]:
        return {config}.union(*(all_of(inner) for inner in config.__subclasses__()))

    for config in all_of(Configuration):
        for older, present in RENAMED.get(config.__name__, {}).items():
            assert present in config.model_fields
            assert older not in config.model_fields


def test_what_a_recipe_leaves_open_of_the_shape_is_the_models(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    corpus = 'corpus = "recordings"\nroot = "audio"\n'
    path.write_text(f'name = "r"\n[[data.train]]\n{corpus}[[data.validation]]\n{corpus}[acoustic]\ndropout = 0.3\n')
    commands = read_config(find_checkpoint("commands"))
    recipe = load_recipe(path, init=commands)
    assert recipe.features == commands.features
    assert recipe.acoustic == commands.acoustic.model_copy(update={"dropout": 0.3})
    assert recipe.vocabulary == commands.vocabulary
    assert load_recipe(path).acoustic != recipe.acoustic
    other = load_recipe(path, ["acoustic.layers=1", 'vocabulary=["yes"]'], commands)
    assert (other.acoustic.layers, other.vocabulary) == (1, ("yes",))


def test_docs_name_every_setting_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    for name in setting_names():
        assert f"| `{name}` |" in page, name
    assert settings_table() in page
