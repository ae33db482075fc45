"""Words cut out of sentences: where they are said, whole, no more of one than wanted."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.data.alphabet import decode, encode
from oyez.data.audio import HOP, SAMPLE_RATE, read_audio
from oyez.data.augmentation import sound_mask
from oyez.data.manifest import Utterance
from oyez.data.synthesis.synthesis import Manner, speak
from oyez.models.decoding.single_word import score_candidates
from oyez.models.recognizer import Recognizer
from oyez.training.curation.cut_words import at_most, cut_words


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
    pause = np.flatnonzero(sound_mask(halves[1], HOP))[0] * HOP / SAMPLE_RATE
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
    heard = [decode(score_candidates(log_probs, spelled)[0].labels) for log_probs in english.log_probs(clips)]
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
