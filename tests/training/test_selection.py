"""What a recipe names is what is learned from."""

from __future__ import annotations

from pathlib import Path

import pytest

from oyez.data.corpora.presence import find_corpus
from oyez.data.manifest import Utterance
from oyez.training.config import CorpusConfig, DataConfig
from oyez.training.errors import DataError, MissingDataError, MissingNoiseError, RecipeError
from oyez.training.selection import noises, other_speech, refuse_missing_data, select, select_by_corpus, voices


def recordings(**settings: object) -> CorpusConfig:
    return CorpusConfig(corpus="recordings", root=Path("recordings"), **settings)


def test_speakers_are_chosen_and_left_out_whole(corpus: Path) -> None:
    only = select([recordings(speakers=["speaker1"])], corpus, []).utterances
    without = select([recordings(without_speakers=["speaker1"])], corpus, []).utterances
    assert {u.speaker for u in only} == {"speaker1"}
    assert {u.speaker for u in without} == {"speaker0", "speaker2", "speaker3"}
    assert len(only) + len(without) == 12


def test_a_share_is_spread_over_the_corpus(corpus: Path) -> None:
    chosen = select([recordings(share=0.5)], corpus, []).utterances
    assert len(chosen) == 6
    assert len({u.speaker for u in chosen}) == 4


def test_each_corpus_has_a_title_and_parts_of_one_are_together(corpus: Path) -> None:
    parts = [recordings(speakers=["speaker1"]), recordings(other_speech=True), recordings(speakers=["speaker2"])]
    chosen = select_by_corpus(parts, corpus, ["low"])
    assert list(chosen) == ["recordings", "recordings, other speech"]
    speakers = {title: {u.speaker for u in selection.utterances} for title, selection in chosen.items()}
    assert speakers["recordings"] == {"recordings/speaker1", "recordings/speaker2"}
    assert {u.text for u in chosen["recordings, other speech"].utterances} == {""}


def test_other_speech_has_no_word_of_the_vocabulary_and_no_text() -> None:
    long = Utterance(Path("a.wav"), "a man went home", duration=4.0)
    said = Utterance(Path("b.wav"), "he said yes", duration=2.0)
    pieces = other_speech([long, said], ["yes", "no"])
    assert {piece.path for piece in pieces} == {Path("a.wav")}
    assert {piece.text for piece in pieces} == {""}
    assert [(piece.offset, piece.duration) for piece in pieces] == [(0.0, 1.5), (1.5, 1.5)]


def test_only_what_is_within_the_vocabulary_is_taken(corpus: Path) -> None:
    chosen = select([recordings(only_vocabulary=True)], corpus, ["low", "middle"]).utterances
    assert [u.text for u in chosen] == ["low"] * 6


def test_words_are_left_out_with_all_that_holds_them(corpus: Path) -> None:
    everything = select([recordings()], corpus, []).utterances
    chosen = select([recordings(without_words=["low", "lo"])], corpus, []).utterances
    assert chosen == [u for u in everything if u.text != "low"]
    assert 0 < len(chosen) < len(everything)
    with pytest.raises(DataError, match="no utterance is left"):
        select([recordings(without_words=sorted({u.text for u in everything}))], corpus, [])


@pytest.mark.parametrize("setting", ["other_speech", "only_vocabulary"])
def test_inside_and_outside_need_a_vocabulary(corpus: Path, setting: str) -> None:
    with pytest.raises(RecipeError, match="without a vocabulary"):
        select([recordings(**{setting: True})], corpus, [])


def test_a_corpus_that_is_not_there_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"Is .* the folder that holds recordings\?"):
        select([recordings()], tmp_path, [])


def test_a_selection_of_nobody_is_told(corpus: Path) -> None:
    with pytest.raises(DataError, match="no utterance is left"):
        select([recordings(speakers=["nobody"])], corpus, [])


def test_noises_come_from_files_and_folders(corpus: Path) -> None:
    assert [len(kind) for kind in noises([Path("recordings"), Path("recordings/low0.wav")], corpus)] == [12, 1]
    with pytest.raises(MissingNoiseError, match="no recording of noise"):
        noises([Path("nowhere")], corpus)


def test_voices_are_those_of_the_utterances_that_can_be_read(corpus: Path) -> None:
    chosen = select([recordings()], corpus, []).utterances
    (corpus / "recordings" / "low0.wav").write_bytes(b"RIFF")
    assert [len(voice) for voice in voices(chosen)] == [8_000] * 11
    assert voices([]) == []


def test_an_optional_corpus_that_is_missing_is_skipped_with_a_line(corpus: Path) -> None:
    lost = CorpusConfig(corpus="recordings", root=Path("lost"), optional=True)
    chosen = select([lost, recordings()], corpus, [])
    assert len(chosen.utterances) == 12
    [reason] = chosen.left_out
    assert "lost" in reason
    assert "(optional)" in reason
    by_corpus = select_by_corpus([lost, recordings()], corpus, [])
    assert list(by_corpus) == ["recordings"]
    assert by_corpus["recordings"].left_out == [reason]
    for choose in (select, select_by_corpus):
        with pytest.raises(MissingDataError, match="lost"):
            choose([lost], corpus, [])


def data_config(*train: CorpusConfig, **settings: object) -> DataConfig:
    return DataConfig(train=train, validation=(recordings(),), **settings)


def test_missing_data_is_named_at_once_with_the_command_that_fetches_it(corpus: Path) -> None:
    lost = CorpusConfig(corpus="recordings", root=Path("lost"))
    words = CorpusConfig(corpus="speech-commands", root=Path("SpeechCommands"), split="training")
    books = CorpusConfig(corpus="librispeech", root=Path(), split="dev-clean")
    with pytest.raises(MissingDataError) as error:
        refuse_missing_data(data_config(recordings(), lost, words, books), corpus)
    for part in ("lost: no manifest", "oyez data download speech-commands", "librispeech --subset dev-clean"):
        assert part in str(error.value)
    optional = lost.model_copy(update={"optional": True})
    refuse_missing_data(data_config(recordings(), optional), corpus)
    with pytest.raises(MissingDataError, match="lost"):
        refuse_missing_data(data_config(optional), corpus)
    with pytest.raises(MissingNoiseError, match="nowhere"):
        refuse_missing_data(data_config(recordings(), noise=(Path("nowhere"),)), corpus)


def test_corpora_that_are_there_are_found(corpus: Path, tmp_path: Path) -> None:
    clip, transcript = tmp_path / "words/yes/0a_nohash_0.wav", tmp_path / "dev-clean/1/2/1-2.trans.txt"
    for path in (clip, transcript):
        path.parent.mkdir(parents=True)
        path.touch()
    assert find_corpus("speech-commands", tmp_path / "words", "training") == clip
    assert find_corpus("librispeech", tmp_path, "dev-clean") == transcript
    assert find_corpus("recordings", corpus / "recordings").name == "manifest.tsv"
    for kind in ("speech-commands", "librispeech", "recordings"):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            find_corpus(kind, tmp_path / "nowhere", "dev-clean")
