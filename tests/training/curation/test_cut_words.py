"""Words cut out of sentences: where they are said, whole, no more of one than wanted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from oyez.models.decoding.single_word import score_candidates

from oyez.data.alphabet import decode, encode
from oyez.data.audio import HOP, SAMPLE_RATE, read_audio
from oyez.data.augmentation import sounding
from oyez.data.manifest import Utterance, read_manifest, write_manifest
from oyez.data.synthesis.synthesis import Manner, speak
from oyez.models.recognizer import Recognizer
from oyez.training.curation.cut_words import at_most, cut_words
from oyez.training.curation.cut_words import main as command

Run = Callable[..., tuple[int, str]]  # exit code and what was said


@pytest.fixture(scope="module")
def english() -> Recognizer:
    return Recognizer.load("english", decoding="greedy")


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Utterance, float]:
    """Two halves, each read by itself, one after the other; and the second at which the second begins to sound."""
    halves = [speak(text, Manner("hibari-us", 1.0, 1.0)) for text in ("open the window", "stop the music")]
    path = tmp_path_factory.mktemp("sentence") / "sentence.wav"
    soundfile.write(path, np.concatenate(halves), SAMPLE_RATE)
    seconds = [len(half) / SAMPLE_RATE for half in halves]
    pause = np.flatnonzero(sounding(halves[1], HOP))[0] * HOP / SAMPLE_RATE
    return Utterance(path, "open the window stop the music", "someone", 0.0, sum(seconds)), seconds[0] + pause


def test_words_are_cut_in_order_and_where_they_are_said(english: Recognizer, sentence: tuple[Utterance, float]) -> None:
    utterance, second_half = sentence
    words = list(cut_words(english, [utterance]))
    assert [word.text for word in words if word.text != "the"] == ["open", "window", "stop", "music"]
    assert all(word.speaker == "someone" for word in words)
    for word, following in itertools.pairwise(words):
        assert word.duration
        assert word.offset + word.duration <= following.offset + 0.002
    by_text = {word.text: word for word in words if word.text != "the"}
    assert by_text["stop"].offset == pytest.approx(second_half, abs=0.15)
    # what was cut out sounds like the word that it is, more than like the others
    clips = [np.pad(read_audio(word.path, word.offset, word.duration), 3200) for word in by_text.values()]
    spelled = [encode(text) for text in by_text]
    heard = [decode(score_candidates(log_probs.numpy(), spelled)[0].labels) for log_probs in english.log_probs(clips)]
    assert heard == list(by_text)


def test_only_wanted_words_are_cut_and_none_of_a_single_word(
    english: Recognizer, sentence: tuple[Utterance, float]
) -> None:
    utterance, _ = sentence
    assert [word.text for word in cut_words(english, [utterance], lambda text: text == "stop")] == ["stop"]
    assert not list(cut_words(english, [Utterance(utterance.path, "open", duration=1.0)]))


def test_words_in_a_row_stay_together(english: Recognizer, sentence: tuple[Utterance, float]) -> None:
    utterance, second_half = sentence
    halves = list(cut_words(english, [utterance], words=(3, 3)))
    assert [half.text for half in halves] == ["open the window", "stop the music"]
    assert halves[1].offset == pytest.approx(second_half, abs=0.15)
    # four and a rest of two, which is too few; and where one of the words is not wanted, another may be
    assert [each.text for each in cut_words(english, [utterance], words=(4, 4))] == ["open the window stop"]
    music = cut_words(english, [utterance], lambda text: text == "music", (2, 2))
    assert [each.text for each in music] == ["the music"]
    drawn = [list(cut_words(english, [utterance] * 20, words=(1, 3), seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert {len(each.text.split()) for each in drawn[0]} == {1, 2, 3}


def test_a_text_that_is_not_said_gives_no_word(english: Recognizer, sentence: tuple[Utterance, float]) -> None:
    utterance, _ = sentence
    wrong = Utterance(utterance.path, "zebra jumps quickly", duration=utterance.duration)
    too_long = Utterance(utterance.path, "every " * 40 + "word", duration=utterance.duration)
    gone = Utterance(utterance.path.with_name("gone.wav"), "open the window", duration=1.0)
    assert not list(cut_words(english, [wrong, too_long, gone]))


def test_no_word_is_kept_more_often_than_wanted() -> None:
    listed = [Utterance(Path(f"{number}.wav"), ["on", "off"][number % 10 == 0]) for number in range(100)]
    kept = at_most(listed, 20)
    assert sorted({each.text: 0 for each in kept}) == ["off", "on"]
    assert sum(each.text == "on" for each in kept) == 20
    assert sum(each.text == "off" for each in kept) == 10
    assert kept == at_most(listed, 20)


@pytest.fixture
def recipe(tmp_path: Path, sentence: tuple[Utterance, float]) -> Path:
    (tmp_path / "said").mkdir()
    write_manifest(tmp_path / "said" / "manifest.jsonl", [sentence[0]])
    path = tmp_path / "recipe.toml"
    corpus = 'corpus = "recordings"\nroot = "said"\n'
    path.write_text(f'name = "said"\n[[data.train]]\n{corpus}[[data.validation]]\n{corpus}')
    return path


@pytest.fixture
def run(invoke: Run) -> Run:
    return partial(invoke, command)


def test_the_command_writes_a_manifest_beside_the_corpora(run: Run, tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "words.jsonl"
    code, said = run(recipe, "--data", tmp_path, "--out", out, "--word", "stop", "--word", "open")
    assert code == 0
    assert "2 of 2 pieces, 2 different" in said
    assert {word.text for word in read_manifest(out)} == {"stop", "open"}


def test_what_the_recipe_validates_on_is_cut_when_asked_for(
    run: Run, tmp_path: Path, recipe: Path, sentence: tuple[Utterance, float]
) -> None:
    (tmp_path / "one_word").mkdir()
    write_manifest(tmp_path / "one_word" / "manifest.jsonl", [replace(sentence[0], text="stop")])
    recipe.write_text(recipe.read_text().replace('root = "said"', 'root = "one_word"', 1))
    arguments = (str(recipe), "--data", tmp_path, "--out", str(tmp_path / "words.jsonl"))
    assert "no such word was found" in run(*arguments)[1]
    code, said = run(*arguments, "--validation")
    assert code == 0
    assert "pieces" in said


def test_the_command_says_what_is_wrong(run: Run, tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "words.jsonl"
    for arguments, message in {
        (str(recipe), "--data", tmp_path, "--word", "zebra"): "no such word was found in the 1 utterances",
        ("nowhere", "--data", tmp_path): "nowhere",
        (str(recipe), "--data", str(tmp_path / "gone")): "gone",
        (str(recipe), "--data", tmp_path, "--fewest-words", "2"): "--fewest-words 2 is more than --most-words 1",
    }.items():
        code, said = run(*arguments, "--out", out)
        assert code == 2
        assert message in said
    for unfit in (tmp_path / "gone" / "words.jsonl", tmp_path / "words.json"):
        code, said = run(recipe, "--data", tmp_path, "--model", "no model is loaded yet", "--out", unfit)
        assert code == 2
        assert "must be a .jsonl file in a folder that is there" in said
    assert not out.exists()
