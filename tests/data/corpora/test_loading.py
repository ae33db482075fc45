import pytest

from oyez.data.corpora.loading import CORPORA, load_corpus, of_speakers
from oyez.data.manifest import Utterance, write_manifest


@pytest.fixture
def recorded(tmp_path, write_tone):
    """Make a folder of recordings of (name, text, offset, duration); those called good hold a second of sound."""

    def record(*rows):
        for name, *_ in rows:
            if name.startswith("good"):
                write_tone(tmp_path / name)
        write_manifest(tmp_path / "manifest.jsonl", [Utterance(tmp_path / n, t, "kim", o, d) for n, t, o, d in rows])
        return tmp_path

    return record


def test_texts_are_normalised_and_lengths_measured(recorded):
    corpus = load_corpus("recordings", recorded(("good.wav", "It’s 21 °C!", 0.25, None)))

    assert [(u.text, u.speaker, u.offset, u.duration) for u in corpus.utterances] == [
        ("it's twenty one degrees c", "kim", 0.25, 0.75)
    ]
    assert corpus.left_out == []


@pytest.mark.parametrize(("offset", "listed", "seconds"), [(0.0, 0.5, 0.5), (0.25, 0.5, 0.5), (0.25, 9.0, 0.75)])
def test_a_listed_length_counts_as_far_as_the_file_goes(recorded, offset, listed, seconds):
    corpus = load_corpus("recordings", recorded(("good.wav", "yes", offset, listed)))

    assert corpus.utterances[0].duration == seconds
    assert corpus.hours == pytest.approx(seconds / 3600)


@pytest.mark.parametrize("duration", [None, 1.0])
def test_broken_and_missing_files_are_left_out_and_named(recorded, duration):
    root = recorded(
        ("good1.wav", "yes", 0, duration), ("broken.wav", "no", 0, duration), ("missing.wav", "no", 0, duration),
        ("good2.wav", "yes", 0, duration),
    )  # fmt: skip
    (root / "broken.wav").write_bytes(b"RIFF no wave")

    corpus = load_corpus("recordings", root)

    assert [u.path.name for u in corpus.utterances] == ["good1.wav", "good2.wav"]
    assert len(corpus.left_out) == 2
    assert "broken.wav" in corpus.left_out[0]
    assert "missing.wav: no such file" in corpus.left_out[1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("good.wav", "да", 0, None), "CYRILLIC SMALL LETTER DE"),
        (("good.wav", "yes", 1.0, None), "nothing to read at 1 s"),
        (("good.wav", "yes", 7.5, 1.0), "nothing to read at 7.5 s"),
        (("good.wav", "yes", 0.0, 0.0), "nothing to read at 0 s"),
    ],
)
def test_what_cannot_be_learned_from_is_left_out_with_the_reason(recorded, row, reason):
    corpus = load_corpus("recordings", recorded(row))

    assert corpus.utterances == []
    assert corpus.hours == 0
    assert len(corpus.left_out) == 1
    assert "good.wav" in corpus.left_out[0]
    assert reason in corpus.left_out[0]


def test_order_is_the_order_of_the_list(recorded):
    rows = [(f"good{n}.wav", "yes", 0, None) for n in range(30)]

    assert [u.path.name for u in load_corpus("recordings", recorded(*rows)).utterances] == [row[0] for row in rows]


def test_speech_commands_are_loaded_by_split(tmp_path, write_tone):
    for word in ("yes", "no"):
        write_tone(tmp_path / word / "0137b3f4_nohash_0.wav", seconds=0.5)  # a training speaker by the rule
        write_tone(tmp_path / word / "099d52ad_nohash_0.wav", seconds=0.5)  # and one of validation

    corpus = load_corpus("speech-commands", tmp_path, "validation")

    assert [(u.text, u.speaker, u.duration) for u in corpus.utterances] == [
        ("no", "099d52ad", 0.5), ("yes", "099d52ad", 0.5)
    ]  # fmt: skip


def test_librispeech_is_loaded_by_subset_in_lower_case(tmp_path, write_tone):
    chapter = tmp_path / "dev-clean/84/121123"
    write_tone(chapter / "84-121123-0000.flac")
    (chapter / "84-121123.trans.txt").write_text("84-121123-0000 GO DO YOU HEAR\n")

    corpus = load_corpus("librispeech", tmp_path, "dev-clean")

    assert [(u.text, u.duration) for u in corpus.utterances] == [("go do you hear", 1.0)]


@pytest.mark.parametrize("split", [None, "training"])
def test_an_unknown_corpus_is_refused_with_the_known_ones(tmp_path, split):
    with pytest.raises(ValueError, match="'timit'.*" + ", ".join(CORPORA)):
        load_corpus("timit", tmp_path, split)


@pytest.mark.parametrize("kind", ["speech-commands", "librispeech"])
def test_a_corpus_with_splits_asks_for_one(tmp_path, kind):
    with pytest.raises(ValueError, match=f"{kind}.*split"):
        load_corpus(kind, tmp_path)


@pytest.mark.parametrize(
    ("kind", "split"), [("recordings", None), ("speech-commands", "training"), ("librispeech", "x")]
)
def test_a_folder_without_the_corpus_is_named(tmp_path, kind, split):
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        load_corpus(kind, tmp_path, split)


@pytest.mark.parametrize(
    ("only", "never", "left"),
    [
        ([], [], "aabc"),
        (["a", "c"], [], "aac"),
        ([], ["a"], "bc"),
        (["a", "b"], ["b"], "aa"),
        (["nobody"], [], ""),
    ],
)
def test_whole_speakers_are_chosen(tmp_path, only, never, left):
    utterances = [Utterance(tmp_path / f"{n}.wav", "yes", speaker) for n, speaker in enumerate("aabc")]

    assert "".join(u.speaker for u in of_speakers(utterances, only, never)) == left


def test_real_clips_are_all_usable(sample):
    words = load_corpus("speech-commands", sample / "SpeechCommands", "validation")
    sentences = load_corpus("librispeech", sample, "dev-clean")

    assert words.left_out == sentences.left_out == []
    assert all(0 < u.duration <= 1.01 for u in words.utterances)
    assert sentences.hours > 0
