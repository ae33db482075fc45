"""Intents are learned from sentences, paraphrases of known words are found, and what means nothing is refused."""

from __future__ import annotations

import itertools

import pytest
import torch

from oyez.models.grammar.intents import IntentClassifier
from oyez.training.intents import IntentTraining, train_intent_classifier

ROOMS = ("kitchen", "bedroom", "hall", "garden")
TEMPLATES = {
    "light on": (
        "turn on the {} light",
        "switch on the light in the {}",
        "light in the {} please",
        "it is too dark in the {}",
    ),
    "light off": ("turn off the {} light", "switch off the light in the {}", "darkness in the {} please"),
    "heating up": ("make the {} warmer", "turn up the heating in the {}", "it is too cold in the {}"),
    "heating down": ("make the {} cooler", "turn down the heating in the {}", "it is too hot in the {}"),
    "blinds": ("open the blinds in the {}", "raise the {} blinds"),
    "music": ("play some music in the {}", "start the {} radio"),
    "silence": ("stop the music in the {}", "be quiet in the {}"),
    "temperature": ("how warm is it in the {}", "what is the temperature in the {}"),
    "lock": ("lock the {} door", "is the {} door locked"),
    "clean": ("clean the {}", "vacuum the {} floor"),
}
OTHERS = ("the train was late again this morning", "she wrote a letter to her brother", "we had soup for dinner")


@pytest.fixture(scope="module")
def sampled() -> tuple[list[str], list[str]]:
    pairs = [
        (template.format(room), intent)
        for intent, templates in TEMPLATES.items()
        for template, room in itertools.product(templates, ROOMS)
    ]
    return [sentence for sentence, _ in pairs], [intent for _, intent in pairs]


@pytest.fixture(scope="module")
def model(sampled: tuple[list[str], list[str]]) -> IntentClassifier:
    return train_intent_classifier(*sampled, OTHERS, training=IntentTraining(steps=400))


def test_sentences_of_the_templates_are_understood(model: IntentClassifier, sampled) -> None:
    understood = [model.understand(sentence) for sentence in sampled[0]]
    right = [guess is not None and guess.intent == intent for guess, intent in zip(understood, sampled[1], strict=True)]
    assert sum(right) > 0.97 * len(right)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 164_106  # ten intents


@pytest.mark.parametrize(
    ("sentence", "intent"),
    [
        ("could you please switch on the kitchen light", "light on"),
        ("the heating in the bedroom up please", "heating up"),
        ("it is really much too cold here in the hall", "heating up"),
        ("i want to know what the temperature is", "temperature"),
        ("open the garden blinds", "blinds"),
        ("it is too dark in here", "light on"),
    ],
)
def test_a_paraphrase_outside_the_templates_finds_its_intent(
    model: IntentClassifier, sentence: str, intent: str
) -> None:
    guess = model.understand(sentence)
    assert guess is not None
    assert guess.intent == intent


@pytest.mark.parametrize(
    "sentence",
    ["my brother is a carpenter", "the weather was fine and the birds sang", "the garden of my brother", "seven"],
)
def test_what_means_none_of_them_is_refused(model: IntentClassifier, sentence: str) -> None:
    assert model.understand(sentence) is None


def test_the_same_seed_gives_the_same_model(sampled) -> None:
    few = IntentTraining(steps=5)
    one, two = (train_intent_classifier(*sampled, training=few) for _ in range(2))
    assert one.config == two.config
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_intents_of_one_sentence_each_are_learned_and_not_all_refused() -> None:
    sentences = ["lights on please", "open the door", "play some music", "stop", "what time is it", "call my mother"]
    model = train_intent_classifier(sentences, sentences, training=IntentTraining(steps=150))
    understood = [model.understand(sentence) for sentence in sentences]
    assert [guess and guess.intent for guess in understood] == sentences


@pytest.mark.parametrize(
    ("sentences", "intents", "message"),
    [
        (["a", "b"], ["x"], "2 sentences and 1 intents"),
        (["a", " "], ["x", "y"], "empty sentence"),
        (["a", "b"], ["x", "x"], "1 intent"),
    ],
)
def test_what_cannot_be_learned_is_refused(sentences, intents, message) -> None:
    with pytest.raises(ValueError, match=message):
        train_intent_classifier(sentences, intents)
