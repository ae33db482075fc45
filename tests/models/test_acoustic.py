import pytest
import torch
from pydantic import ValidationError

from oyez.data.alphabet import LABELS
from oyez.models.acoustic import AcousticConfig, AcousticModel

FEATURES = 6


def build(**settings):
    torch.manual_seed(3)
    return AcousticModel(AcousticConfig(**{"channels": 8, "layers": 2, "width": 7, **settings}), FEATURES).eval()


@pytest.fixture
def features():
    return torch.randn(3, 23, FEATURES, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 21])
@pytest.mark.parametrize("subsampling", [1, 2, 3, 4])
def test_one_row_for_every_step_begun(subsampling, frames):
    log_probs, steps = build(subsampling=subsampling)(torch.randn(2, frames, FEATURES), torch.tensor([frames, 1]))
    expected = -(-frames // subsampling)
    assert steps.tolist() == [expected, 1]
    assert log_probs.shape == (2, expected, LABELS)


def test_rows_are_log_probabilities(features):
    log_probs, _ = build()(features, torch.tensor([23, 12, 1]))
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(3, 12))


@pytest.mark.parametrize("fill", [0.0, 50.0, -1e6, float("nan")])
@pytest.mark.parametrize("subsampling", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_utterance_alone_equals_utterance_in_a_padded_batch(bidirectional, subsampling, fill, features):
    model = build(bidirectional=bidirectional, subsampling=subsampling)
    lengths = torch.tensor([23, 12, 1])
    padded = features.clone()
    for row, length in zip(padded, lengths, strict=True):
        row[length:] = fill
    log_probs, steps = model(padded, lengths)
    for index, length in enumerate(lengths):
        alone, _ = model(features[index : index + 1, :length], length[None])
        torch.testing.assert_close(log_probs[index, : steps[index]], alone[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn-tanh", "rnn-relu"])
def test_every_kind_of_network_learns_in_every_parameter(cell, bidirectional, layer_norm, features):
    model = build(cell=cell, bidirectional=bidirectional, layer_norm=layer_norm).train()
    lengths, texts = torch.tensor([23, 20, 14]), torch.tensor([[5, 5, 3], [7, 1, 4], [2, 9, 6]])
    log_probs, steps = model(features, lengths)
    torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), texts, steps, torch.tensor([3, 3, 3])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_garbage_in_the_padding_gives_no_gradient(features):
    model = build()
    features.requires_grad_()
    log_probs, steps = model(features, torch.tensor([23, 12, 1]))
    sum(row[:step, 4].sum() for row, step in zip(log_probs, steps, strict=True)).backward()
    assert (features.grad[1, 12:] == 0).all()
    assert features.grad[1, :12].any()


@pytest.mark.parametrize(
    "settings",
    [{"cell": "transformer"}, {"subsampling": 0}, {"subsampling": 5}, {"layers": 0}, {"dropout": 1.0}, {"depth": 3}],
    ids=str,
)
def test_impossible_configuration_is_refused_by_name(settings):
    with pytest.raises(ValidationError, match=next(iter(settings))):
        AcousticConfig(**settings)
