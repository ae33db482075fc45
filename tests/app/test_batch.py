"""Batch transcription: which files, in which order, to which places, whatever is wrong with some of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from app.batch import Input, InputError, gather, output_places, transcribe, write_whole
from data.audio import SAMPLE_RATE, Waveform, read_audio
from models.recognizer import Recognizer


@pytest.fixture
def folder(tmp_path: Path, tone: Waveform) -> Path:
    root = tmp_path / "recordings"
    for name in ("b.wav", "a.flac", "deep/er/c.ogg", "deep/D.WAV"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone, SAMPLE_RATE)
    (root / "notes.txt").write_text("not audio")
    return root


def names(inputs: list[Input]) -> list[str]:
    return [each.place.as_posix() for each in inputs]


def test_a_folder_is_searched_for_audio_of_any_depth(folder: Path) -> None:
    assert names(gather([folder])) == ["a.flac", "b.wav", "deep/D.WAV", "deep/er/c.ogg"]


def test_a_file_named_twice_is_transcribed_once(folder: Path) -> None:
    inputs = gather([folder / "b.wav", folder, folder / "deep" / ".." / "b.wav"])
    assert names(inputs) == ["b.wav", "a.flac", "deep/D.WAV", "deep/er/c.ogg"]


def test_a_file_of_any_name_is_taken_when_it_is_named(folder: Path) -> None:
    assert names(gather([folder / "notes.txt"])) == ["notes.txt"]


def test_a_link_to_itself_and_an_endless_name_fail_like_other_files(folder: Path, untrained_model: Path) -> None:
    (folder / "loop.wav").symlink_to("loop.wav")
    inputs = gather([folder, Path("x" * 300 + ".wav")])
    outcomes = list(transcribe(Recognizer.load(untrained_model), inputs))
    assert [o.input.path.name[:8] for o in outcomes if o.transcript is None] == ["loop.wav", "xxxxxxxx"]
    assert len(outcomes) == 6


def test_a_folder_without_audio_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        gather([tmp_path])


def test_outcomes_come_in_order_and_equal_those_of_each_file_alone(folder: Path, untrained_model: Path) -> None:
    recognizer = Recognizer.load(untrained_model)
    inputs = gather([folder])
    outcomes = list(transcribe(recognizer, inputs))
    assert [outcome.input for outcome in outcomes] == inputs
    for outcome in outcomes:
        [alone] = recognizer.transcribe([read_audio(outcome.input.path)])
        assert outcome.transcript is not None
        assert outcome.transcript.text == alone.text


def test_a_damaged_file_has_its_reason_and_stops_nothing(folder: Path, untrained_model: Path) -> None:
    (folder / "aa.wav").write_bytes(b"RIFF")
    done: list[int] = []
    inputs = [*gather([folder]), Input(folder / "gone.wav", Path("gone.wav"))]
    outcomes = list(transcribe(Recognizer.load(untrained_model), inputs, done.append))
    failed = {outcome.input.path.name: outcome.error for outcome in outcomes if outcome.transcript is None}
    assert failed.keys() == {"aa.wav", "gone.wav"}
    assert "no such file" in failed["gone.wav"]
    assert sum(done) == len(inputs) == 6


@pytest.mark.parametrize(
    ("paths", "places"),
    [
        (["x/a.wav"], ["a.txt"]),
        (["x/a.wav", "x/b.wav"], ["a.txt", "b.txt"]),
        (["x/a.wav", "x/a.mp3"], ["a.wav.txt", "a.mp3.txt"]),
        (["x/a.wav", "y/a.wav"], ["x/a.wav.txt", "y/a.wav.txt"]),
        (["x/talk.wav", "x/talk.flac", "x/talk.wav.mp3"], ["talk.wav.txt", "talk.flac.txt", "talk.wav.mp3.txt"]),
        (["x/A.wav", "x/a.wav"], ["x/A.wav.txt", "x/a.wav.txt"]),
    ],
)
def test_equal_names_do_not_overwrite_each_other(tmp_path: Path, paths: list[str], places: list[str]) -> None:
    inputs = [Input(tmp_path / path, Path(Path(path).name)) for path in paths]
    if paths[0] == "x/A.wav":  # names that some file systems take for one: any two different places will do
        assert len({place.as_posix() for place in output_places(inputs, ".txt")}) == 2
    else:
        assert [place.as_posix() for place in output_places(inputs, ".txt")] == places


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    write_whole(target, "before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(target, "after")
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]
