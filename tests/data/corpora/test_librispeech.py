import pytest
import soundfile

from oyez.data.audio import SAMPLE_RATE
from oyez.data.corpora.librispeech import utterances
from oyez.data.manifest import Utterance


@pytest.fixture
def root(tmp_path):
    chapter = tmp_path / "LibriSpeech/dev-clean/84/121123"
    chapter.mkdir(parents=True)
    (chapter / "84-121123.trans.txt").write_text(
        "84-121123-0000 GO DO YOU HEAR\n84-121123-0001 BUT IN LESS THAN FIVE MINUTES\n84-121123-0002 IT'S GONE\n"
    )
    for number in (0, 2):  # 1 is not there
        (chapter / f"84-121123-000{number}.flac").touch()
    return tmp_path


def test_clips_carry_their_words_and_their_speaker_and_missing_ones_are_left_out(root):
    chapter = root / "LibriSpeech/dev-clean/84/121123"

    assert utterances(root, "dev-clean") == [
        Utterance(chapter / "84-121123-0000.flac", "GO DO YOU HEAR", speaker="84"),
        Utterance(chapter / "84-121123-0002.flac", "IT'S GONE", speaker="84"),
    ]


def test_the_folder_itself_or_the_one_above_it_is_accepted(root):
    assert utterances(root / "LibriSpeech", "dev-clean") == utterances(root, "dev-clean")


def test_chapters_and_speakers_come_in_the_same_order_everywhere(root):
    for speaker in ("9", "10"):
        chapter = root / "LibriSpeech/dev-clean" / speaker / "1"
        chapter.mkdir(parents=True)
        (chapter / f"{speaker}-1.trans.txt").write_text(f"{speaker}-1-0000 YES\n")
        (chapter / f"{speaker}-1-0000.flac").touch()

    assert [u.speaker for u in utterances(root, "dev-clean")] == ["10", "84", "84", "9"]


@pytest.mark.parametrize("subset", ["test-clean", "dev"])
def test_a_subset_that_is_not_there_is_named(root, subset):
    with pytest.raises(FileNotFoundError, match=subset):
        utterances(root, subset)


def test_real_sentences_have_their_words_and_sound(sample):
    found = utterances(sample, "dev-clean")

    assert found
    assert all(u.text and u.speaker == u.path.parent.parent.name for u in found)
    assert all(soundfile.info(u.path).samplerate == SAMPLE_RATE for u in found)
