"""Losses: worked out by hand or by torch, blind to padding, without a trace in the model that is saved."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from oyez.models.acoustic import AcousticConfig, AcousticModel
from oyez.models.network import load_checkpoint
from oyez.training.config import load_recipe
from oyez.training.losses import classification_loss, ctc_loss, early_log_probs, middle_of, smoothed
from oyez.training.train import Run, Trainer

FEATURES = 6


def build(**settings: object) -> AcousticModel:
    torch.manual_seed(3)
    return AcousticModel(AcousticConfig(channels=8, width=7, **settings), FEATURES).eval()


def test_ctc_loss_equals_torchs_for_one_text_and_counts_silence() -> None:
    log_probs = torch.randn(2, 12, 29, generator=torch.manual_seed(1)).log_softmax(-1)
    steps = torch.tensor([12, 10])
    one = torch.nn.functional.ctc_loss(
        log_probs[:1].transpose(0, 1), torch.tensor([[3, 4, 4]]), steps[:1], torch.tensor([3]), reduction="sum"
    )
    silent = -log_probs[1, :10, 0].sum()  # only the path of blanks says nothing
    assert ctc_loss(log_probs, steps, ["abb", ""]).item() == pytest.approx((one + silent).item() / 22, rel=1e-5)


def test_ctc_loss_teaches_letters_where_there_is_sound() -> None:
    """Two paths are equally likely, "a" in the first step and "a" in the last; the sound is in the last."""
    log_probs = torch.zeros(1, 12, 29).log_softmax(-1).requires_grad_()
    sound = torch.zeros(1, 36, dtype=torch.bool)
    sound[0, 33:] = True
    ctc_loss(log_probs, torch.tensor([12]), ["a"], sound).backward()
    gradient = -log_probs.grad[0, :, 3]  # the higher, the more of "a" is learned there
    assert gradient[-2:].min() > 100 * gradient[:-3].max()  # a step beside the sound counts as sounding


def test_classification_loss_is_the_cross_entropy_of_the_words() -> None:
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.5, 0.4, 0.1]])
    loss = classification_loss(probabilities.log()[:, None], ["", "high", "low"], ["low", "high"])
    expected = -(torch.tensor([0.7, 0.6, 0.4]).log().mean())
    torch.testing.assert_close(loss, expected)


def test_smoothing_is_the_divergence_from_a_uniform_distribution() -> None:
    probabilities = torch.tensor([[[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]], [[0.98, 0.01, 0.01], [0.1, 0.1, 0.8]]])
    steps = torch.tensor([2, 1])
    first = 0.5 * math.log(0.5 * 3) + 0.5 * math.log(0.25 * 3)  # sum of p log(p / u)
    third = 0.98 * math.log(0.98 * 3) + 0.02 * math.log(0.01 * 3)
    loss = smoothed(torch.tensor(2.0), probabilities.log(), steps, 0.1)
    assert loss.item() == pytest.approx(0.9 * 2.0 + 0.1 * (first + 0.0 + third) / 3, rel=1e-5)


def test_padding_has_no_part_in_smoothing_and_gets_no_gradient() -> None:
    scores = torch.randn(2, 5, 4, generator=torch.manual_seed(1))
    steps = torch.tensor([5, 2])
    padded = scores.clone()
    padded[1, 2:] = torch.randn(3, 4)
    padded.requires_grad_()
    loss = smoothed(torch.tensor(1.0), padded.log_softmax(-1), steps, 0.5)
    alone = [row[:length].log_softmax(-1) for row, length in zip(scores, steps, strict=True)]
    divergence = torch.cat([math.log(4) + (row.exp() * row).sum(-1) for row in alone]).mean()
    torch.testing.assert_close(loss, 0.5 + 0.5 * divergence)
    loss.backward()
    assert (padded.grad[1, 2:] == 0).all()
    assert (padded.grad[1, :2] != 0).any()


def test_without_weight_the_loss_is_left_as_it_is() -> None:
    loss = torch.tensor(1.25)
    assert smoothed(loss, torch.full((1, 2, 3), float("nan")), torch.tensor([2]), 0.0) is loss


@pytest.mark.parametrize(("layers", "middle"), [(2, 1), (3, 1), (4, 2), (5, 2)])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_early_output_is_that_of_a_network_without_the_layers_above(
    layers: int, middle: int, layer_norm: bool
) -> None:
    network = build(layers=layers, layer_norm=layer_norm)
    below = build(layers=middle, layer_norm=layer_norm)
    below.load_state_dict({name: network.state_dict()[name] for name in below.state_dict()})
    features, lengths = torch.randn(3, 23, FEATURES), torch.tensor([23, 12, 1])
    padded = features.clone()
    for row, length in zip(padded, lengths, strict=True):
        row[length:] = 1e6
    with middle_of(network) as seen:
        network(padded, lengths)
    network(features, lengths)  # nobody watches any more
    [sequences] = seen
    early = early_log_probs(network, sequences)
    for number, length in enumerate(lengths):  # each alone: padding has no influence
        alone, steps = below(features[number : number + 1, :length], length[None])
        torch.testing.assert_close(early[number, : int(steps[0])], alone[0], atol=1e-5, rtol=0)


RECIPE = """
name = "tones"
acoustic = {channels = 8, width = 8, layers = 2, dropout = 0}
features = {coefficients = 13, mel_bands = 20}
[[data.train]]
corpus = "recordings"
root = "recordings"
without_speakers = ["speaker3"]
[[data.validation]]
corpus = "recordings"
root = "recordings"
speakers = ["speaker3"]
"""


def test_a_model_trained_with_both_has_the_shape_of_one_that_was_not(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tones.toml"
    recipe.write_text(RECIPE)
    saved = []
    for name, settings in {
        "plain": [],
        "smooth": ["optimisation.label_smoothing=0.1"],
        "early": ["optimisation.intermediate_loss=0.3"],
    }.items():
        run = Run(load_recipe(recipe, [*settings, "optimisation.steps=2"]), corpus, tmp_path / name)
        Trainer(run).train()
        saved.append(load_checkpoint(run.out / "last"))
    plain, *others = saved
    for other in others:
        assert other.config.acoustic == plain.config.acoustic
        shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in (plain, other)]
        assert shapes[0] == shapes[1]
        assert not torch.equal(plain.acoustic.output.weight, other.acoustic.output.weight)
