"""The intent classifier: its size, its one bias a gate, its independence of padding, its folder."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from oyez.models.activations import lstm_activations
from oyez.models.checkpoint import CheckpointError
from oyez.models.confidence import Calibration
from oyez.models.grammar.intents import (
    UNKNOWN,
    Guess,
    IntentClassifier,
    IntentConfig,
    load_intent_classifier,
    log_odds,
    pad,
    save_intent_classifier,
)

WORDS = ("turn", "on", "off", "the", "light", "stop")
TEN = tuple(f"intent {number}" for number in range(10))


@pytest.fixture
def model():
    torch.manual_seed(4)
    return IntentClassifier(IntentConfig(words=WORDS, intents=TEN, confidence=Calibration(slope=2.0))).eval()


def test_it_has_the_parameters_of_the_keras_model(model):
    trainable = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {
        "embedding.weight": 1000 * 64,
        "lstm.weight_ih_l0": 4 * 128 * 64,
        "lstm.weight_hh_l0": 4 * 128 * 128,
        "lstm.bias_ih_l0": 4 * 128,  # one vector a gate
        "output.weight": 10 * 128,
        "output.bias": 10,
    }
    assert sum(trainable.values()) == 164_106


def test_the_second_bias_is_zero_and_never_learns(model):
    words, lengths = pad([[2, 3], [4, 5, 6]])
    model.train()(words, lengths)[:, 0].sum().backward()
    second = model.lstm.bias_hh_l0
    assert not second.any()
    assert second.grad is None
    assert model.lstm.bias_ih_l0.grad.any()


def test_it_reads_with_one_lstm_and_judges_the_last_state(model):
    words, lengths = pad([[2, 3, 5, 6]])
    states = lstm_activations(model.lstm, model.embedding(words)).hidden
    expected = model.output(states[:, -1]).log_softmax(-1)
    torch.testing.assert_close(model(words, lengths), expected)


def test_padding_has_no_influence(model):
    sentences = [[2, 3, 5, 6], [7], [4, 4]]
    together = model(*pad(sentences))
    for row, sentence in enumerate(sentences):
        torch.testing.assert_close(model(*pad([sentence]))[0], together[row])


def test_words_have_ids_and_the_rest_is_unknown(model):
    assert model.encode("turn on the lamp") == [2, 3, 5, UNKNOWN]


def test_confidence_is_calibrated_and_can_refuse(model):
    words, lengths = pad([model.encode("turn on")])
    best = model(words, lengths)[0].exp().max().item()
    guess = model.classify("turn on")
    assert guess.confidence == pytest.approx(1 / (1 + math.exp(-2 * math.log(best / (1 - best)))), abs=1e-4)
    assert model.understand("turn on", threshold=guess.confidence) == guess
    assert model.understand("turn on", threshold=guess.confidence + 1e-3) is None


@pytest.mark.parametrize("sentence", ["", "nobody knows this"])
def test_a_sentence_without_a_known_word_is_refused(model, sentence):
    assert model.classify(sentence).confidence == 0
    assert model.understand(sentence) is None


def test_log_odds_stay_finite():
    probabilities = torch.tensor([1.0, 0.5, 0.9])
    odds = log_odds(probabilities.log())
    assert odds[0] > 20
    assert odds[1:].tolist() == pytest.approx([0.0, math.log(9)], abs=1e-5)
    assert odds.isfinite().all()


def test_loaded_model_guesses_as_the_saved_one(model, tmp_path):
    save_intent_classifier(tmp_path / "intents", model, "# intents\n")
    loaded = load_intent_classifier(tmp_path / "intents")
    assert loaded.config == model.config
    saved, read = model.classify("turn off the light"), loaded.classify("turn off the light")
    assert isinstance(read, Guess)
    assert read.intent == saved.intent
    assert read.confidence == pytest.approx(saved.confidence, abs=0.01)
    with pytest.raises(CheckpointError):
        load_intent_classifier(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"words": ("a", "a")}, "twice"),
        ({"intents": ("a", "b", "a")}, "twice"),
        ({"intents": ("a",)}, "at least 2"),
        ({"vocabulary": 7}, "too many"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        IntentConfig(**{"words": WORDS, "intents": TEN, **wrong})
