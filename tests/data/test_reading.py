"""Utterances to learn from and to measure on are read whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from oyez.data.audio import AudioError, read_audio
from oyez.data.manifest import Utterance
from oyez.data.reading import read_batches, read_utterance


@pytest.fixture
def broken(tmp_path: Path, spoken: Path) -> Utterance:
    path = tmp_path / "broken.flac"
    path.write_bytes((spoken / "yes.flac").read_bytes()[:900])
    return Utterance(path, "yes")


def test_a_whole_recording_is_read_as_it_is(spoken: Path) -> None:
    waveform = read_utterance(Utterance(spoken / "yes.flac", "yes"))
    assert waveform.tolist() == read_audio(spoken / "yes.flac").tolist()


def test_a_recording_that_ends_early_is_no_utterance(broken: Utterance) -> None:
    with pytest.raises(AudioError, match=r"broken\.flac: "):
        read_utterance(broken)


def test_what_cannot_be_read_is_skipped_by_name(broken: Utterance, spoken: Path) -> None:
    skipped: list[str] = []
    [(asked, readable)] = read_batches([broken, Utterance(spoken / "yes.flac", "yes")], skipped)
    assert (asked, [utterance.path.name for utterance, _ in readable]) == (2, ["yes.flac"])
    assert [str(broken.path) in line for line in skipped] == [True]
