"""The speech that a model is adapted with: nothing that is measured on is trained on, and all voices are real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import soundfile

from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.data.manifest import Utterance, write_manifest
from oyez.data.synthesis.synthesis import SynthesisError
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.reading import parse_commands
from oyez.training.adaptation import speech as adaptation_speech
from oyez.training.adaptation.speech import (
    choose_voices,
    draw_general,
    draw_sentences,
    replay_of_folder,
    replay_of_recipe,
)
from oyez.training.config import load_recipe
from oyez.training.errors import DataError

MANY = """
intents:
  Set: {data: [{sentences: ["set [the] {room} light to {0..100} percent"]}]}
  Add: {data: [{sentences: ["add {item} to the list"]}]}
lists:
  room: {values: [kitchen, garden]}
  item: {wildcard: true}
"""


def written(text: str, is_yaml: bool = True) -> CommandsFile:
    return parse_commands(text, is_yaml)[0]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Engines' names -> only these can be had, without one being loaded."""

    def have(*engines: str) -> None:
        def check(voice: str) -> None:
            engine = voice.partition(":")[0]
            if engine not in engines:
                raise SynthesisError(f"{engine} is not installed")

        monkeypatch.setattr(adaptation_speech, "check_voice", check)

    return have


def test_no_voice_is_trained_with_and_measured_with(installed: Callable[..., None]) -> None:
    installed("hibari-us", "hibari-gb", "piper-joe", "flite", "espeak", "piper")
    voices = choose_voices(["piper:mine.onnx"])
    assert voices.training.keys().isdisjoint(voices.held_out)
    assert "piper:mine.onnx" in voices.training
    assert {voice.partition(":")[0] for voice in voices.held_out} == {"piper-joe", "flite", "espeak"}
    assert voices.missing == []


def test_engines_that_are_not_there_are_told_once(installed: Callable[..., None]) -> None:
    installed("hibari-us", "hibari-gb", "piper-joe")
    voices = choose_voices()
    assert voices.training.keys() == {"hibari-us", "hibari-gb"}
    assert voices.held_out.keys() == {"piper-joe"}
    assert voices.missing == ["flite is not installed", "espeak is not installed"]


@pytest.mark.parametrize(
    ("engines", "further", "message"),
    [
        (["espeak", "flite"], [], "hibari-us is not installed"),
        (["hibari-us", "hibari-gb"], [], "no voice is left to measure with: piper-joe is not installed"),
        (["hibari-us", "hibari-gb", "flite"], ["flite:slt"], "'flite:slt' is held out"),
        (["hibari-us", "hibari-gb", "flite"], ["piper:x.onnx"], "piper is not installed"),
    ],
)
def test_voices_that_cannot_be_had_are_named(
    installed: Callable[..., None], engines: list[str], further: list[str], message: str
) -> None:
    installed(*engines)
    with pytest.raises(SynthesisError, match=message):
        choose_voices(further)


def test_of_many_sentences_some_are_held_out_and_free_text_is_filled_in() -> None:
    drawn = draw_sentences(written(MANY))
    assert drawn.apart
    assert set(drawn.training).isdisjoint(drawn.held_out)
    assert len(drawn.held_out) == (len(drawn.training) + len(drawn.held_out)) // 5
    assert any(text.startswith("add ") for text in drawn.held_out)
    assert not any("{" in text for text in drawn.training + drawn.held_out)
    assert drawn == draw_sentences(written(MANY))


def test_of_few_sentences_none_can_be_spared() -> None:
    drawn = draw_sentences(written("Good night!\nlights off\n", is_yaml=False))
    assert not drawn.apart
    assert drawn.training == drawn.held_out == ["good night", "lights off"]


def test_the_wake_phrase_is_said_before_each_sentence() -> None:
    drawn = draw_sentences(written("intents: {Stop: {data: [{sentences: [stop]}]}}\noyez: {wake: Hey Computer}\n"))
    assert drawn.training == ["hey computer stop"]


def test_general_phrases_come_once_and_are_none_of_the_sentences() -> None:
    drawn = draw_general(300, 100, (), never=[], seed=3)
    assert (len(drawn.training), len(drawn.held_out)) == (300, 100)
    assert len({*drawn.training, *drawn.held_out}) == 400
    without = draw_general(300, 100, (), never=drawn.training[:50], seed=3)
    assert {*without.training, *without.held_out}.isdisjoint(drawn.training[:50])


def test_every_second_phrase_is_of_the_vocabulary_where_there_is_one() -> None:
    vocabulary = ("one", "two", "three", "four", "five", "six", "seven", "yes", "no", "stop", "left", "right")
    drawn = draw_general(100, 20, vocabulary, never=[], seed=1)
    inside = [text for text in drawn.training if set(text.split()) <= set(vocabulary)]
    assert 40 <= len(inside) <= 60


def test_speakers_of_a_folder_are_parted(corpus: Path) -> None:
    replay = replay_of_folder(corpus / "recordings", ())
    trained, held_out = ({each.speaker for each in part} for part in (replay.training, replay.held_out))
    assert trained
    assert held_out
    assert trained.isdisjoint(held_out)
    assert trained | held_out == {f"speaker{number}" for number in range(4)}
    assert len(replay.training) + len(replay.held_out) == 12


@pytest.fixture
def listed(tone: Waveform, tmp_path: Path) -> Callable[[Sequence[tuple[str, str, float]]], Path]:
    """(file, speaker, offset) for each utterance of a tenth of a second -> a folder with these recordings."""

    def write(utterances: Sequence[tuple[str, str, float]]) -> Path:
        for name, _, _ in utterances:
            soundfile.write(tmp_path / name, tone, SAMPLE_RATE)
        said = [Utterance(tmp_path / name, "a", speaker, offset, 0.1) for name, speaker, offset in utterances]
        write_manifest(tmp_path / "manifest.jsonl", said)
        return tmp_path

    return write


def test_of_a_single_speaker_a_fifth_of_the_recordings_is_held_out_and_whole(
    listed: Callable[[Sequence[tuple[str, str, float]]], Path],
) -> None:
    replay = replay_of_folder(listed([(f"{n // 2}.wav", "", (n % 2) / 5) for n in range(200)]), ())
    trained, held_out = ({each.path for each in part} for part in (replay.training, replay.held_out))
    assert trained.isdisjoint(held_out)
    assert (len(trained) + len(held_out), len(replay.training) + len(replay.held_out)) == (100, 200)
    assert 10 < len(held_out) < 30


@pytest.mark.parametrize("speakers", [1, 60])
def test_who_is_held_out_hangs_on_no_others_in_the_list(
    listed: Callable[[Sequence[tuple[str, str, float]]], Path], speakers: int
) -> None:
    said = [(f"{number}.wav", f"speaker{number % speakers}", 0.0) for number in range(60)]
    whole, shorter = (replay_of_folder(listed(some), ()).held_out for some in (said, said[7:]))
    kept = {name for name, _, _ in said[7:]}
    assert {each.path.name for each in shorter} == {each.path.name for each in whole} & kept


def test_what_would_be_measured_on_what_was_learned_is_refused_at_once(
    listed: Callable[[Sequence[tuple[str, str, float]]], Path],
) -> None:
    with pytest.raises(DataError, match="one recording is too few"):
        replay_of_folder(listed([("a.wav", "", 0.0), ("a.wav", "", 0.2)]), ())
    with pytest.raises(DataError, match=r"1 recordings are in training and in validation .*a\.wav"):
        replay_of_folder(listed([("a.wav", "one", 0.0), ("a.wav", "another", 0.2)]), ())


def test_a_model_with_a_vocabulary_is_given_its_words_only(corpus: Path) -> None:
    replay = replay_of_folder(corpus / "recordings", ("low",))
    assert {each.text for each in replay.training + replay.held_out} == {"low"}


def test_a_recipe_gives_its_own_parts_no_more_than_is_needed(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "tones.toml"
    part = '[[data.{}]]\ncorpus = "recordings"\nroot = "recordings"\n{}speakers = ["speaker3"]\n'
    recipe.write_text('name = "tones"\n' + part.format("train", "without_") + part.format("validation", ""))
    monkeypatch.setattr(adaptation_speech, "REPLAY_SECONDS", 2.0)
    monkeypatch.setattr(adaptation_speech, "HELD_OUT_SECONDS", 1.0)
    replay = replay_of_recipe(load_recipe(recipe), corpus, ())
    assert len(replay.training) == 4  # of half a second each
    assert {each.speaker for each in replay.training} == {"speaker0", "speaker1", "speaker2"}
    assert [each.speaker for each in replay.held_out] == ["speaker3"] * 2


def test_a_recipe_that_measures_on_voices_it_knows_is_refused(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tones.toml"
    part = '[[data.{}]]\ncorpus = "recordings"\nroot = "recordings"\n'
    recipe.write_text('name = "tones"\n' + part.format("train") + part.format("validation"))
    with pytest.raises(DataError, match=r"4 speakers are in training and in validation \(speaker0"):
        replay_of_recipe(load_recipe(recipe), corpus, ())
