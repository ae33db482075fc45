"""The character language model in the search: its scores are those of whole texts, and its weight counts."""

from __future__ import annotations

import math

import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, decode, encode
from oyez.models.decoding.beam import beam_search
from oyez.models.language.character import CharacterLanguageModel, LanguageConfig, load_language_model
from oyez.models.language.fusion import CharacterFusion, FusionConfig


@pytest.fixture
def language() -> CharacterLanguageModel:
    torch.manual_seed(3)
    return CharacterLanguageModel(LanguageConfig(width=16, layers=2)).eval()


@pytest.mark.parametrize("text", ["", "a", "turn on the light"])
def test_scores_add_up_to_the_models_score_of_the_text(language: CharacterLanguageModel, text: str) -> None:
    fusion = CharacterFusion(language, FusionConfig(weight=1.0))
    labels = tuple(encode(text))
    added = 0.0
    for position, label in enumerate([*labels, BLANK]):
        [scores] = fusion([labels[:position]])
        added += scores[label]
    assert added == pytest.approx(language.score([text])[0], abs=1e-4)


def test_labellings_asked_together_score_as_those_asked_alone(language: CharacterLanguageModel) -> None:
    together = CharacterFusion(language, FusionConfig(weight=0.7, letter_score=0.3))
    alone = CharacterFusion(language, FusionConfig(weight=0.7, letter_score=0.3))
    for prefixes in ([()], [(3,), (4,)], [(3, 4), (4, 5), (3, 3)]):
        for ours, prefix in zip(together(prefixes), prefixes, strict=True):
            [theirs] = alone([prefix])
            assert ours == pytest.approx(theirs, abs=1e-5)


def test_the_shipped_language_model_decides_what_the_ear_cannot() -> None:
    text = "the q?een of england"  # u or x: as likely by ear
    log_probs = torch.full((2 * len(text), LABELS), -20.0)
    for place, character in enumerate(text):
        for label in encode("xu" if character == "?" else character):
            log_probs[2 * place, label] = 0.0 if character != "?" else math.log(0.5)
        log_probs[2 * place + 1, BLANK] = 0.0
    log_probs[2 * text.index("?"), encode("x")] += 0.1
    assert decode(beam_search(log_probs)[0].labels) == "the qxeen of england"
    fusion = CharacterFusion(load_language_model("books"), FusionConfig(weight=0.5))
    assert decode(beam_search(log_probs, language=fusion)[0].labels) == "the queen of england"
