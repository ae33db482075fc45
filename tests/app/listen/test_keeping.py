"""What is kept of live listening is what was heard, in a form that training and evaluation read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from oyez.app.listen.keeping import Keeper, KeepingError
from oyez.app.listen.listening import Heard
from oyez.data.audio import Waveform, read_audio
from oyez.data.corpora.recordings import utterances
from oyez.models.types import Command, Final, Rejection, RejectionCode, SpeechStarted, Transcript

STARTED = datetime(2026, 1, 2, 3, 4, 5, 6)


def final(text: str, start: float, waveform: Waveform) -> Final:
    return Final(Transcript(text, (), 0.9, len(waveform) / 16_000, "m"), start, start + 1, waveform)


def test_kept_results_are_a_corpus_of_recordings(tmp_path: Path, tone: Waveform) -> None:
    keeper = Keeper(tmp_path / "heard", STARTED)
    keeper.keep(final("left right", 1.5, tone))
    keeper.keep(final("stop", 3723.25, -tone))
    kept = utterances(tmp_path / "heard")
    assert [each.text for each in kept] == ["left right", "stop"]
    session = "20260102-030405.000006"
    assert [each.path.name for each in kept] == [f"{session}-000001.50.flac", f"{session}-003723.25.flac"]
    assert np.abs(read_audio(kept[1].path) + tone).max() < 1e-4
    assert sorted(path.suffix for path in (tmp_path / "heard").iterdir()) == [".flac", ".flac", ".jsonl"]


def test_what_is_kept_of_text_after_a_wake_phrase_has_the_phrase_in_it_as_its_sound_has(
    tmp_path: Path, tone: Waveform
) -> None:
    called = final("go home", 1.0, tone)
    Keeper(tmp_path, STARTED).keep(replace(called, transcript=replace(called.transcript, wake_phrase="hey computer")))
    assert [each.text for each in utterances(tmp_path)] == ["hey computer go home"]


def test_a_second_session_adds_to_the_first(tmp_path: Path, tone: Waveform) -> None:
    for year in (2026, 2027):
        Keeper(tmp_path, STARTED.replace(year=year)).keep(final("yes", 0.0, tone))
    assert len({each.path for each in utterances(tmp_path)}) == 2


def test_a_line_that_was_cut_off_takes_no_other_along(tmp_path: Path, tone: Waveform) -> None:
    Keeper(tmp_path, STARTED).keep(final("yes", 0.0, tone))
    with (tmp_path / "manifest.jsonl").open("a") as manifest:
        manifest.write('{"path": "cut')
    Keeper(tmp_path, STARTED).keep(final("no", 1.0, tone))
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert ["yes" in lines[0], lines[1], "no" in lines[2]] == [True, '{"path": "cut', True]


def test_only_results_that_count_are_kept_and_all_is_handed_on(tmp_path: Path, tone: Waveform) -> None:
    refused = final("never mind", 4.0, tone)
    refused = replace(refused, transcript=replace(refused.transcript, rejection=Rejection(RejectionCode.NO_MATCH)))
    command = final("yes", 6.0, tone)
    command = replace(command, transcript=replace(command.transcript, command=Command("Yes", {}, "yes", 0.9)))
    heard = [
        Heard(-20.0, 1.0, [SpeechStarted(0.5)]),
        Heard(-20.0, 2.0, [final("", 0.5, tone), final("no", 2.0, tone)]),
        Heard(-20.0, 7.0, [refused, command]),
    ]
    assert list(Keeper(tmp_path, STARTED).keep_all(iter(heard))) == heard
    assert [each.text for each in utterances(tmp_path)] == ["no", "yes"]


def test_a_folder_that_cannot_be_is_told_before_anybody_speaks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeepingError, match=r"file.*cannot be written"):
        Keeper(tmp_path / "file")


def test_a_folder_that_goes_away_is_told_and_leaves_nothing_half_written(tmp_path: Path, tone: Waveform) -> None:
    keeper = Keeper(tmp_path / "heard", STARTED)
    (tmp_path / "heard" / "manifest.jsonl").unlink()
    (tmp_path / "heard").rmdir()
    with pytest.raises(KeepingError, match=r"000001\.00\.flac: cannot be written"):
        keeper.keep(final("yes", 1.0, tone))
    assert list(tmp_path.iterdir()) == []
