"""The language model: one network whether it reads at once or in pieces, alone or in a batch; what it writes."""

from __future__ import annotations

import json
import math

import pytest
import torch

from oyez.data.alphabet import LABELS, encode
from oyez.models.checkpoint import CONFIG, CheckpointError, shipped_language_models
from oyez.models.language.character import (
    BOUNDARY,
    CharacterLanguageModel,
    LanguageConfig,
    choose,
    load_language_model,
    save_language_model,
)
from oyez.models.network import load_checkpoint, save_checkpoint


@pytest.fixture(params=[1, 2])
def model(request):
    torch.manual_seed(3)
    model = CharacterLanguageModel(LanguageConfig(name="tiny", embedding=6, width=10, layers=request.param))
    model.output.weight.data.mul_(8)  # opinionated
    return model.eval()


@pytest.fixture
def labels():
    return torch.randint(0, LABELS, (3, 12), generator=torch.Generator().manual_seed(1))


def test_every_row_is_a_distribution_over_the_labels(model, labels):
    log_probs, _ = model(labels)
    assert log_probs.shape == (3, 12, LABELS)
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(3, 12))


def test_reading_in_pieces_with_the_state_is_reading_at_once(model, labels):
    whole, last = model(labels)
    state, parts = None, []
    for first, end in [(0, 5), (5, 6), (6, 12)]:
        log_probs, state = model(labels[:, first:end], state)
        parts.append(log_probs)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    torch.testing.assert_close(state.hidden, last.hidden)
    torch.testing.assert_close(state.cell, last.cell)
    forgetful, _ = model(labels[:, 5:6])
    assert not torch.allclose(forgetful, whole[:, 5:6])  # the state matters


def test_states_are_selected_by_index_and_may_be_repeated(model, labels):
    _, state = model(labels)
    chosen = state.select([2, 0, 2])
    following = torch.tensor([[4], [4], [5]])
    log_probs, _ = model(following, chosen)
    for row, (before, after) in enumerate([(2, 4), (0, 4), (2, 5)]):
        alone, _ = model(torch.cat([labels[before], torch.tensor([after])])[None])
        torch.testing.assert_close(log_probs[row, -1], alone[0, -1])


def test_later_labels_have_no_influence(model, labels):
    changed = labels.clone()
    changed[:, 7:] = BOUNDARY
    torch.testing.assert_close(model(changed)[0][:, :7], model(labels)[0][:, :7])


@torch.no_grad()
def test_score_is_the_sum_over_the_letters_and_the_end_alone_and_in_a_batch(model):
    texts = ["stop", "", "it's over there"]
    expected = []
    for text in texts:
        state, total, before = None, 0.0, BOUNDARY
        for label in [*encode(text), BOUNDARY]:
            log_probs, state = model(torch.tensor([[before]]), state)
            total += float(log_probs[0, 0, label])
            before = label
        expected.append(total)
    assert model.score(texts) == pytest.approx(expected, abs=1e-4)
    assert [model.score([text])[0] for text in texts] == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ValueError, match="not in the alphabet"):
        model.score(["Capital"])


def test_the_same_seed_writes_the_same_and_another_one_something_else(model):
    def written(seed):
        return "".join(model.generate("turn on", generator=torch.Generator().manual_seed(seed), longest=60))

    assert written(1) == written(1)
    assert len({written(seed) for seed in range(5)}) > 1
    assert all(len(written(seed)) <= 60 for seed in range(5))


@pytest.mark.parametrize("safest", [{"temperature": 0.0}, {"top_k": 1}, {"temperature": 1e-4}, {"temperature": 1e-45}])
def test_without_freedom_the_likeliest_letters_are_written(model, safest):
    text = "turn "
    written = "".join(model.generate(text, longest=20, **safest))
    for number in range(len(written)):
        log_probs, _ = model(torch.tensor([[BOUNDARY, *encode(text + written[:number])]]))
        assert encode(written[number]) == [int(log_probs[0, -1].argmax())]


def test_writing_ends_with_the_sentence(model):
    model.output.weight.data.zero_()
    model.output.bias.data.zero_()[BOUNDARY] = 100.0
    assert list(model.generate("turn on")) == []


def test_temperature_and_top_k_shape_the_choice():
    log_probs = torch.tensor([0.5, 0.3, 0.2]).log()
    generator = torch.Generator().manual_seed(0)

    def shares(temperature, top_k):
        drawn = [choose(log_probs, temperature, top_k, generator) for _ in range(4000)]
        return [drawn.count(label) / len(drawn) for label in range(3)]

    assert shares(1.0, None) == pytest.approx([0.5, 0.3, 0.2], abs=0.04)
    assert shares(0.5, None) == pytest.approx([0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38], abs=0.04)
    assert shares(1.0, 2) == pytest.approx([0.625, 0.375, 0.0], abs=0.04)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -0.5}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"beginning": "é"}, "é"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(model, wrong, message):
    with pytest.raises(ValueError, match=message):
        model.generate(**{"beginning": "a", **wrong})


def test_loaded_model_is_the_saved_one(model, labels, tmp_path):
    save_language_model(tmp_path / "lm", model, "# tiny\n", torch.float32)
    loaded = load_language_model(tmp_path / "lm")
    assert loaded.config == model.config
    assert torch.equal(loaded(labels)[0], model(labels)[0])


def test_models_of_different_kinds_are_not_taken_for_each_other(model, tiny_model, tmp_path):
    save_language_model(tmp_path / "language", model, "")
    save_checkpoint(tmp_path / "acoustic", tiny_model(), "")
    with pytest.raises(CheckpointError, match="kind: Input should be 'acoustic'"):
        load_checkpoint(tmp_path / "language")
    with pytest.raises(CheckpointError, match="kind: Input should be 'language'"):
        load_language_model(tmp_path / "acoustic")


def test_damaged_weights_and_absurd_shapes_are_refused(model, tmp_path):
    save_language_model(tmp_path, model, "")
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(config | {"width": 11}))
    with pytest.raises(CheckpointError, match="does not fit"):
        load_language_model(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps(config | {"weights_sha256": "0"}))
    with pytest.raises(CheckpointError, match="damaged or was swapped"):
        load_language_model(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps(config | {"width": 10**6}))
    with pytest.raises(CheckpointError, match="width"):
        load_language_model(tmp_path)


@pytest.mark.parametrize("name", shipped_language_models())
def test_shipped_model_prefers_english(name):
    model = load_language_model(name)
    english, scrambled = model.score(["turn on the light in the kitchen", "kthce inhn ti en ghtth li eno rut"])
    assert english > scrambled + 20
