"""Phrases for synthetic voices: of every kind, spellable, repeatable."""

from __future__ import annotations

import gzip
import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from oyez.training.curation.phrases import commands, phrases, pieces, words

SENTENCES = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG\nSHE SELLS SEA SHELLS BY THE SEA SHORE\n"


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    path = tmp_path / "sentences.txt"
    path.write_text(SENTENCES)
    return path


def test_phrases_can_be_spelled_and_repeated(sentences: Path) -> None:
    some = list(phrases(500, sentences))
    assert len(some) == 500
    assert all(re.fullmatch(r"[a-z']+( [a-z']+)*", phrase) for phrase in some)
    assert some == list(phrases(500, sentences))
    assert some != list(phrases(500, sentences, seed=2))
    assert len(set(some)) > 300


def test_every_slot_of_the_templates_is_filled() -> None:
    some = list(islice(commands(Random(1)), 5000))
    assert not [phrase for phrase in some if "{" in phrase or "  " in phrase]
    assert {"stop", "left"} <= {word for phrase in some for word in phrase.split()}


def test_pieces_are_of_one_sentence_and_keep_its_order(sentences: Path, tmp_path: Path) -> None:
    packed = tmp_path / "sentences.txt.gz"
    packed.write_bytes(gzip.compress(SENTENCES.encode()))
    some = list(islice(pieces(sentences, Random(1)), 200))
    assert some == list(islice(pieces(packed, Random(1)), 200))
    assert all(any(piece in line.lower() for line in SENTENCES.splitlines()) for piece in some)
    assert "the quick brown fox jumps over the lazy dog" in some


def test_words_come_in_no_order() -> None:
    some = list(islice(words(Random(1)), 1000))
    assert {len(phrase.split()) for phrase in some} == {1, 2, 3, 4, 5}
    assert len(set(some)) > 950
