"""Recordings that are held out: whole speakers, or whole recordings of one, and always some on either side."""

from __future__ import annotations

from pathlib import Path

import pytest

from oyez.data.manifest import Utterance
from oyez.training.errors import DataError
from oyez.training.holding_out import hold_out


def spoken(count: int, speakers: int) -> list[Utterance]:
    return [Utterance(Path(f"{n}.wav"), "yes", f"speaker{n % speakers}", duration=1.0) for n in range(count)]


@pytest.mark.parametrize("speakers", [2, 3, 40])
def test_whole_speakers_are_held_out(speakers: int, tmp_path: Path) -> None:
    training, held_out = hold_out(spoken(120, speakers), tmp_path)
    names = [{utterance.speaker for utterance in part} for part in (training, held_out)]
    assert names[0].isdisjoint(names[1])
    assert min(map(len, names)) > 0
    assert len(training) + len(held_out) == 120
    assert len(held_out) < len(training) or speakers == 2


def test_of_one_speaker_whole_recordings_are_held_out(tmp_path: Path) -> None:
    utterances = [Utterance(tmp_path / f"{n // 2}.wav", "yes", offset=n % 2, duration=1.0) for n in range(100)]
    training, held_out = hold_out(utterances, tmp_path)
    files = [{utterance.path for utterance in part} for part in (training, held_out)]
    assert files[0].isdisjoint(files[1])
    assert 3 < len(files[1]) < 20


def test_one_recording_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one recording is too few"):
        hold_out(spoken(1, 1), tmp_path)
