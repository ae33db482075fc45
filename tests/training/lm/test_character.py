"""Truncated backpropagation through time: what is read, what is carried on, and that a language is learned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from oyez.data.alphabet import encode
from oyez.models.language.character import BOUNDARY, CharacterLanguageModel, LanguageConfig, State
from oyez.training.errors import RunInterruptedError, RunMismatchError, StateError
from oyez.training.lm.character import LanguageTrainer, LanguageTraining, bits_per_character
from oyez.training.lm.tbptt import IGNORED, Piece, piece_loss, pieces

SMALL = LanguageConfig(embedding=8, width=24)


def train_language_model(
    texts: Sequence[str], config: LanguageConfig, training: LanguageTraining, out: Path | None = None
) -> tuple[CharacterLanguageModel, float]:
    """Return a trained model, and its cross-entropy on the held-out texts in bits a character."""
    trainer = LanguageTrainer(texts, config, training, out)
    trainer.train()
    return trainer.model.eval(), trainer.progress.bits


@pytest.mark.parametrize("window", [1, 3, 64])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_every_sentence_is_read_once_from_boundary_to_boundary(batch, window):
    sentences = [encode(text) for text in ["a", "stop", "", "turn on the light", "no", "six"]]
    order = [3, 0, 5, 2, 1, 4]
    read: list[list[int]] = []
    open_rows: dict[int, list[int]] = defaultdict(list)
    for piece in pieces(sentences, batch, window, order):
        assert piece.inputs.shape == piece.targets.shape == (batch, window)
        for row in range(batch):
            inside = piece.targets[row] != IGNORED
            if piece.fresh[row]:
                assert piece.inputs[row, 0] == BOUNDARY
                open_rows[row] = []
            inputs, targets = piece.inputs[row][inside].tolist(), piece.targets[row][inside].tolist()
            assert inputs[1:] == targets[:-1]  # a target is the next input
            if inputs and open_rows[row]:
                assert inputs[0] == open_rows[row][-1]  # across the border of pieces too
            open_rows[row] += targets
            if targets and targets[-1] == BOUNDARY:
                read.append(open_rows[row][:-1])
    assert sorted(read) == sorted(sentences)


def two_pieces() -> tuple[Piece, Piece]:
    first, second = pieces([encode("go on")], batch=1, window=3, order=[0])
    return first, second


def test_the_state_is_carried_and_the_gradient_is_not():
    torch.manual_seed(0)
    model = CharacterLanguageModel(SMALL)
    first, second = two_pieces()
    _, state = piece_loss(model, first, model.initial_state(1))
    assert state.hidden.requires_grad
    loss, _ = piece_loss(model, second, state)

    # the state is carried: the loss is that of the whole sentence's second half, and not that of a fresh start
    whole, _ = model(torch.cat([first.inputs, second.inputs], dim=1))
    expected = torch.nn.functional.nll_loss(whole[0, 3:], second.targets[0])
    torch.testing.assert_close(loss, expected)
    fresh, _ = piece_loss(model, second, model.initial_state(1))
    assert not torch.isclose(loss, fresh)

    # the gradient is not: none reaches the state, and the letter that only the first piece reads gets none
    state.hidden.retain_grad()
    loss.backward()
    assert state.hidden.grad is None
    gradients = model.embedding.weight.grad.norm(dim=1)
    only_first = set(first.inputs[0].tolist()) - set(second.inputs[0].tolist())
    assert only_first
    assert all(gradients[label] == 0 for label in only_first)
    assert all(gradients[label] > 0 for label in second.inputs[0].tolist())


def test_a_new_sentence_begins_without_memory_of_the_last_one():
    model = CharacterLanguageModel(SMALL)
    first, _ = two_pieces()
    stranger = State(torch.full((1, 1, 24), 0.9), torch.full((1, 1, 24), 3.0))
    after_another, _ = piece_loss(model, first, stranger)
    at_first, _ = piece_loss(model, first, model.initial_state(1))
    assert torch.equal(after_another, at_first)


def test_a_simple_language_is_learned_and_the_same_seed_gives_the_same_weights():
    texts = ["turn on the light", "turn off the light"] * 40
    training = LanguageTraining(epochs=6, batch_size=4, window=8, learning_rate=0.01)
    model, bits = train_language_model(texts, SMALL, training)
    assert bits == pytest.approx(bits_per_character(model, texts[-2:]))
    assert bits < 0.25  # one bit of choice in eighteen letters is 0.06
    again, _ = train_language_model(texts, SMALL, training)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), again.parameters(), strict=True))


TEXTS = ["turn on the light", "stop", "turn off the light and the heating", "no"] * 5
RUN = LanguageTraining(epochs=3, batch_size=3, window=8, save_every_seconds=0)
WITH_DROPOUT = SMALL.model_copy(update={"dropout": 0.3})


def test_a_run_stopped_at_any_step_ends_with_the_same_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stop_after: Callable[[int], Callable[[], int]]
):
    whole = LanguageTrainer(TEXTS, WITH_DROPOUT, RUN)
    whole.train()
    for steps in (1, 4, 30):  # within a sentence, and in another epoch
        with pytest.raises(RunInterruptedError):
            LanguageTrainer(TEXTS, WITH_DROPOUT, RUN, tmp_path).train(stop_after(steps))
    cut = LanguageTrainer(TEXTS, WITH_DROPOUT, RUN, tmp_path)
    cut.train()
    assert (cut.progress.step, cut.progress.bits) == (whole.progress.step, whole.progress.bits)
    for (name, one), two in zip(whole.model.state_dict().items(), cut.model.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
    held_out = [line[line.index("held out") :] for line in capsys.readouterr().err.splitlines() if "held out" in line]
    assert held_out[:3] == held_out[3:]
    _, bits = train_language_model(TEXTS, WITH_DROPOUT, RUN, tmp_path)  # it is finished
    assert bits == whole.progress.bits


def test_what_another_run_left_while_this_one_waited_for_the_folder_is_taken_up(tmp_path: Path):
    waiting = LanguageTrainer(TEXTS, SMALL, RUN, tmp_path)
    first = LanguageTrainer(TEXTS, SMALL, RUN, tmp_path)
    first.train()
    waiting.train(stop=lambda: pytest.fail("nothing was left to do"))
    assert waiting.progress == first.progress


def test_a_run_of_other_texts_or_settings_is_not_gone_on_with(
    tmp_path: Path, stop_after: Callable[[int], Callable[[], int]]
):
    with pytest.raises(RunInterruptedError):
        LanguageTrainer(TEXTS, SMALL, RUN, tmp_path).train(stop_after(1))
    with pytest.raises(RunMismatchError, match="sha256 of the sentences"):
        LanguageTrainer([*TEXTS, "go"], SMALL, RUN, tmp_path).train()
    with pytest.raises(RunMismatchError, match=r"model\.dropout was 0\.0, is 0\.3"):
        LanguageTrainer(TEXTS, WITH_DROPOUT, RUN, tmp_path).train()
    (tmp_path / "state.pt").write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(StateError, match=r"state\.pt: damaged"):
        LanguageTrainer(TEXTS, SMALL, RUN, tmp_path).train()


def test_one_sentence_is_too_little():
    with pytest.raises(ValueError, match="1 sentence"):
        train_language_model(["stop"], SMALL, LanguageTraining())
