"""`oyez model`: the mean of models is written and replaces none; a card is printed."""

from __future__ import annotations

from pathlib import Path

import torch
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.models.network import load_checkpoint


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit code of `oyez model ARGUMENTS` and all that it printed."""
    done = CliRunner().invoke(app, ["model", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_mean_is_written_and_replaces_no_model(untrained_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "mean"
    arguments = ["average", untrained_model, untrained_model, "--out", out]
    assert run(*arguments) == (0, f"{out}\n")
    mean, model = load_checkpoint(out), load_checkpoint(untrained_model)
    torch.testing.assert_close(dict(mean.named_parameters()), dict(model.named_parameters()))
    assert str(untrained_model) in (out / "MODEL_CARD.md").read_text()
    code, output = run(*arguments)
    assert code == 2
    assert "exists already" in output


def test_what_has_no_mean_is_named_and_nothing_is_written(untrained_model: Path, tmp_path: Path) -> None:
    for models, reason in (
        (["lost", "commands"], "'lost'"),
        (["commands"], "two models or more"),
        (["commands", untrained_model], "differ in features"),
    ):
        code, output = run("average", *models, "--out", tmp_path / "other")
        assert code == 2
        assert reason in output
    assert not (tmp_path / "other").exists()


def test_the_card_of_a_model_or_a_language_model_is_printed() -> None:
    for name in ("commands", "books"):
        code, output = run("card", name)
        assert code == 0
        assert output.startswith(f"# {name}\n")
    code, output = run("card", "nonsense")
    assert code == 2
    assert "no model 'nonsense'" in output
