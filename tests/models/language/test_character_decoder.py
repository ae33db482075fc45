"""The character language model in the search: its scores are those of whole texts, and its weight counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, decode, encode
from oyez.models.decoding.beam import BeamDecoder, Lexicon
from oyez.models.language.character import CharacterLanguageModel, LanguageConfig, load_language_model
from oyez.models.language.character_decoder import CharacterFusion, CharacterLmDecoder
from oyez.models.language.fusion import FusionConfig


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
    log_probs = np.full((2 * len(text), LABELS), -20.0, np.float32)
    for place, character in enumerate(text):
        for label in encode("xu" if character == "?" else character):
            log_probs[2 * place, label] = 0.0 if character != "?" else math.log(0.5)
        log_probs[2 * place + 1, BLANK] = 0.0
    log_probs[2 * text.index("?"), encode("x")] += 0.1
    assert decode(BeamDecoder().decode(log_probs)) == "the qxeen of england"
    decoder = CharacterLmDecoder(load_language_model("books"), FusionConfig(weight=0.5))
    assert decode(decoder.decode(log_probs)) == "the queen of england"
    assert decode(decoder.with_weights(FusionConfig(weight=0.0)).decode(log_probs)) == "the qxeen of england"
    assert decode(decoder.decode(log_probs)) == "the queen of england"  # which remains as it was made
    misspelled = Lexicon.of(["the", "qxeen", "of", "england"])
    within = CharacterLmDecoder(decoder.model, decoder.config, misspelled)
    assert decode(within.decode(log_probs)) == "the qxeen of england"
