import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from oyez.models.recurrent import RecurrentStack, reverse_within

CELLS = ["lstm", "gru", "rnn-tanh", "rnn-relu"]
INPUTS, WIDTH, FRAMES = 5, 4, 11
LENGTHS = torch.tensor([11, 7, 1, 4])


@pytest.fixture(autouse=True)
def same_weights_at_every_run():
    torch.manual_seed(0)


@pytest.fixture
def sequences():
    return torch.randn(len(LENGTHS), FRAMES, INPUTS, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def inside():
    return (torch.arange(FRAMES) < LENGTHS[:, None])[:, :, None]


def torchs_own(stack, cell, layers):
    """Return torch's multi-layer module with the weights of ours."""
    settings = {"num_layers": layers, "batch_first": True, "bidirectional": stack.backwards is not None}
    if cell.startswith("rnn"):
        theirs = nn.RNN(INPUTS, WIDTH, nonlinearity=cell.removeprefix("rnn-"), **settings)
    else:
        theirs = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](INPUTS, WIDTH, **settings)
    ours = [(stack.forwards, ""), (stack.backwards or [], "_reverse")]
    weights = {
        name.replace("_l0", f"_l{number}") + suffix: value
        for direction, suffix in ours
        for number, layer in enumerate(direction)
        for name, value in layer.state_dict().items()
    }
    theirs.load_state_dict(weights)
    return theirs


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_stack_equals_torchs_module_on_packed_sequences(cell, layers, bidirectional, sequences, inside):
    stack = RecurrentStack(cell, INPUTS, WIDTH, layers, bidirectional).eval()
    theirs = torchs_own(stack, cell, layers)
    packed, _ = theirs(pack_padded_sequence(sequences, LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    outputs = stack(sequences, LENGTHS)
    assert outputs.shape == (len(LENGTHS), FRAMES, stack.outputs)
    torch.testing.assert_close(outputs * inside, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_influences_neither_outputs_nor_gradients(cell, bidirectional, layer_norm, sequences, inside):
    stack = RecurrentStack(cell, INPUTS, WIDTH, 2, bidirectional, layer_norm=layer_norm)
    upstream = torch.randn(len(LENGTHS), FRAMES, stack.outputs)  # a norm's outputs have a constant sum of squares

    def outputs_and_gradients(filling):
        given_sequences = torch.where(inside, sequences, filling).requires_grad_()
        outputs = stack(given_sequences, LENGTHS) * inside
        gradients = torch.autograd.grad((outputs * upstream).sum(), [given_sequences, *stack.parameters()])
        return outputs, gradients

    clean, clean_gradients = outputs_and_gradients(torch.zeros(()))
    outputs, gradients = outputs_and_gradients(torch.tensor(30.0))
    torch.testing.assert_close(outputs, clean)
    torch.testing.assert_close(gradients, clean_gradients)
    assert (gradients[0] * ~inside == 0).all()
    assert all(gradient.any() for gradient in gradients)


def test_layer_norm_follows_each_layer(sequences):
    stack = RecurrentStack("gru", INPUTS, WIDTH, 2, bidirectional=False, layer_norm=True)
    expected = sequences
    for layer in stack.forwards:
        expected = nn.functional.layer_norm(layer(expected)[0], (WIDTH,))  # gain 1 and bias 0, as at the beginning
    torch.testing.assert_close(stack(sequences, LENGTHS), expected)


def test_backward_direction_reads_the_future_and_the_forward_one_does_not(sequences):
    changed = sequences.clone()
    changed[0, -1] += 1
    for bidirectional in (True, False):
        stack = RecurrentStack("gru", INPUTS, WIDTH, 1, bidirectional)
        difference = (stack(changed, LENGTHS) - stack(sequences, LENGTHS))[0, 0]
        assert difference.any() == bidirectional


def test_dropout_lies_between_layers_and_not_after_the_last(sequences):
    lone = RecurrentStack("gru", INPUTS, WIDTH, 1, dropout=0.5).train()
    torch.testing.assert_close(lone(sequences, LENGTHS), lone.eval()(sequences, LENGTHS))
    two = RecurrentStack("gru", INPUTS, WIDTH, 2, dropout=0.5).train()
    assert not torch.equal(two(sequences, LENGTHS), two(sequences, LENGTHS))
    assert torch.equal(two.eval()(sequences, LENGTHS), two(sequences, LENGTHS))


def test_lstm_begins_with_open_forget_gates():
    stack = RecurrentStack("lstm", INPUTS, WIDTH, 2)
    for layer in [*stack.forwards, *stack.backwards]:
        assert (layer.bias_ih_l0[WIDTH : 2 * WIDTH] == 1).all()


def test_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="elman"):
        RecurrentStack("elman", INPUTS, WIDTH, 1)


def test_reversal_stays_within_the_length():
    sequences = torch.arange(10.0).reshape(2, 5, 1)
    reversed_ = reverse_within(sequences, torch.tensor([3, 5]))[:, :, 0]
    assert reversed_.tolist() == [[2, 1, 0, 3, 4], [9, 8, 7, 6, 5]]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 3))
def test_reversing_twice_changes_nothing(lengths, spare):
    sequences = torch.randn(len(lengths), max(lengths) + spare, 3)
    once = reverse_within(sequences, torch.tensor(lengths))
    assert torch.equal(reverse_within(once, torch.tensor(lengths)), sequences)
