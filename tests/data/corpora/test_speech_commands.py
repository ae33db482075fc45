import hashlib
import random
from collections import Counter
from pathlib import Path

import pytest

from oyez.data.corpora.speech_commands import SPLITS, WORDS, hashed_split, utterances
from oyez.data.manifest import Utterance

# From the lists that Google publishes with the corpus (v0.01): the rule must agree with them.
PUBLISHED = {
    "validation": (
        "fde2dee7", "099d52ad", "66cff190", "541120c7", "364c0853", "0ab3b47d", "4abefdf5", "65ec06e5", "1657c9fa",
    ),
    "testing": (
        "0c40e715", "0ea0e2f4", "42beb5eb", "44260689", "44715c1c", "022cd682", "096456f9", "283d7a53", "105a0eea",
    ),
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    """Two words, three speakers, noise, and what else lies in such a folder. No audio: a listing opens no file."""
    names = [f"{word}/{speaker}_nohash_{take}.wav" for word in ("no", "yes") for speaker in "abc" for take in (0, 1)]
    for name in [*names, "_background_noise_/hum.wav", "_background_noise_/README.md", ".cache/x_nohash_0.wav"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "LICENSE").touch()
    return tmp_path


def names(root: Path, split: str) -> list[str]:
    return [utterance.path.relative_to(root).as_posix() for utterance in utterances(root, split)]


def rule_of_the_readme(name: str) -> str:
    """The rule of the README put in other words: SHA-1 of the speaker, its last 27 bits, in per cent."""
    speaker = name.split("_nohash_")[0]
    last_27_bits = int.from_bytes(hashlib.sha1(speaker.encode()).digest()[-4:], "big") & 0x7FFFFFF
    percentage = last_27_bits * 100.0 / 0x7FFFFFF
    return "validation" if percentage < 10 else "testing" if percentage < 20 else "training"


def test_the_lists_of_the_corpus_decide(corpus):
    (corpus / "validation_list.txt").write_text("yes/a_nohash_0.wav\nno/a_nohash_1.wav\n")
    (corpus / "testing_list.txt").write_text("no/b_nohash_0.wav\r\nyes/gone_nohash_0.wav\r\n")

    assert names(corpus, "validation") == ["no/a_nohash_1.wav", "yes/a_nohash_0.wav"]
    assert names(corpus, "testing") == ["no/b_nohash_0.wav"]
    assert len(names(corpus, "training")) == 12 - 3


def test_every_clip_is_in_exactly_one_split(corpus):
    (corpus / "validation_list.txt").write_text("yes/a_nohash_0.wav\n")
    for listed in (True, False):
        if not listed:
            (corpus / "validation_list.txt").unlink()
        found = [name for split in SPLITS for name in names(corpus, split)]
        assert len(found) == len(set(found)) == 12


def test_an_empty_list_means_that_nothing_is_in_that_split(corpus):
    (corpus / "validation_list.txt").write_text("yes/a_nohash_0.wav\n")
    (corpus / "testing_list.txt").write_text("")

    assert names(corpus, "testing") == []
    assert len(names(corpus, "training")) == 11


def test_without_lists_the_rule_decides(tmp_path):
    for split, speakers in PUBLISHED.items():
        for speaker in speakers:
            path = tmp_path / "bed" / f"{speaker}_nohash_0.wav"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        assert {u.speaker for u in utterances(tmp_path, split)} == set(speakers)
    assert utterances(tmp_path, "training") == []


def test_a_clip_carries_its_word_and_its_speaker(corpus):
    (corpus / "validation_list.txt").write_text("yes/a_nohash_1.wav\n")

    assert utterances(corpus, "validation") == [Utterance(corpus / "yes/a_nohash_1.wav", "yes", speaker="a")]


def test_the_rule_agrees_with_the_published_lists():
    for split, speakers in PUBLISHED.items():
        assert {hashed_split(f"{speaker}_nohash_0.wav") for speaker in speakers} == {split}


def test_the_rule_agrees_with_its_statement_and_its_shares():
    rng = random.Random(0)
    speakers = [f"{rng.getrandbits(32):08x}" for _ in range(5000)]

    splits = {speaker: hashed_split(f"{speaker}_nohash_0.wav") for speaker in speakers}

    assert all(split == rule_of_the_readme(f"{speaker}_nohash_0.wav") for speaker, split in splits.items())
    shares = Counter(splits.values())
    assert shares["training"] / 5000 == pytest.approx(0.8, abs=0.02)
    assert shares["validation"] / 5000 == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("speaker", ["0c40e715", "099d52ad", "0137b3f4"])
def test_all_takes_of_a_speaker_fall_into_one_split(speaker):
    assert len({hashed_split(f"{speaker}_nohash_{take}.wav") for take in [*range(50), "0_v02", "3_b"]}) == 1


def test_background_noise_is_no_word(corpus):
    assert {u.text for split in SPLITS for u in utterances(corpus, split)} == {"no", "yes"}


def test_the_folder_of_a_download_is_accepted_and_its_newest_version_taken(tmp_path):
    for version in ("v0.01", "v0.02"):
        folder = tmp_path / f"speech_commands_{version}" / "yes"
        folder.mkdir(parents=True)
        (folder / "0137b3f4_nohash_0.wav").touch()

    assert [u.path.parent.parent.name for u in utterances(tmp_path, "training")] == ["speech_commands_v0.02"]


@pytest.mark.parametrize("folder", ["missing", "."])
def test_a_folder_without_the_corpus_is_named(tmp_path, folder):
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes/my own recording.wav").touch()

    with pytest.raises(FileNotFoundError, match=str(tmp_path / folder)):
        utterances(tmp_path / folder, "training")


def test_an_unknown_split_is_refused_with_the_known_ones(corpus):
    with pytest.raises(ValueError, match=r"'train'.*training, validation, testing"):
        utterances(corpus, "train")


def test_real_validation_clips_are_where_google_put_them(sample):
    root = sample / "SpeechCommands"

    found = utterances(root, "validation")

    assert found
    assert {u.text for u in found} <= set(WORDS)
    assert {hashed_split(u.path.name) for u in found} == {"validation"}
