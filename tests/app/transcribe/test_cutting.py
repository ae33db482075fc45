"""Recordings to pieces and back: what the pieces say together is what the recording says, whoever heard them when."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.app.transcribe.cutting import Assembly, End, Heard, Numbered, Portion, portions
from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.transcription import transcribe
from oyez.app.transcribe.worker import Settings
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.recognizer import Recognizer
from oyez.models.types import Transcript, Word

SETTINGS = Settings("", "beam", "float32", 60.0)


def numbered(*inputs: Input) -> list[Numbered]:
    return [Numbered(number, each) for number, each in enumerate(inputs)]


@pytest.fixture
def recording(tmp_path: Path) -> Callable[[str, Waveform], Input]:
    def write(name: str, samples: Waveform, rate: int = SAMPLE_RATE) -> Input:
        soundfile.write(tmp_path / name, samples, rate, subtype="FLOAT")
        return Input(tmp_path / name, Path(name))

    return write


@pytest.fixture
def talk(spoken: Path) -> Waveform:
    """Some 50 s of words between pauses."""
    clips = [read_audio(spoken / name) for name in ("left_right_stop.flac", "seven.flac", "yes.flac", "right.flac")]
    silence = np.zeros(SAMPLE_RATE, np.float32)
    return np.concatenate([part for clip in clips * 5 for part in (clip, silence)])


def test_a_short_recording_is_one_piece(recording: Callable[..., Input], tone: Waveform) -> None:
    [portion] = portions(numbered(recording("a.wav", tone)), 60)
    [piece] = portion.pieces
    assert (piece.number, piece.start) == (0, 0.0)
    assert np.array_equal(piece.waveform, tone)
    assert portion.ends == [End(0, 1, 0.5)]


def test_a_long_recording_is_cut_at_its_pauses(recording: Callable[..., Input], talk: Waveform) -> None:
    found = list(portions(numbered(recording("a.wav", talk)), 10))
    pieces = [piece for portion in found for piece in portion.pieces]
    assert len(found) > 1
    assert all(portion.seconds <= 10 or len(portion.pieces) == 1 for portion in found)
    assert all(len(piece.waveform) <= 20 * SAMPLE_RATE for piece in pieces)
    starts = [piece.start for piece in pieces]
    assert starts == sorted(starts)
    for piece in pieces:
        first = round(piece.start * SAMPLE_RATE)
        assert np.array_equal(piece.waveform, talk[first : first + len(piece.waveform)])
    assert found[-1].ends == [End(0, len(pieces), len(talk) / SAMPLE_RATE)]


def test_what_cannot_be_read_ends_with_its_reason_and_without_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    inputs = [Input(tmp_path / "a.wav", Path()), Input(tmp_path, Path(), error="cannot be searched")]
    [portion] = portions(numbered(*inputs), 60)
    assert [end.error.split(" (")[0] for end in portion.ends] == ["not readable as audio", "cannot be searched"]


def test_a_recording_that_ends_early_is_cut_as_far_as_it_goes_and_says_so(
    recording: Callable[..., Input], talk: Waveform
) -> None:
    whole = recording("a.wav", talk)
    whole.path.write_bytes(whole.path.read_bytes()[: 40 * 4 * SAMPLE_RATE])
    found = list(portions(numbered(whole), 10))
    [end] = found[-1].ends
    assert end.is_incomplete
    assert end.warnings == ("ends early, at 40.0 s: its header announces more",)
    assert end.seconds == pytest.approx(40, abs=0.1)
    assert sum(portion.seconds_read for portion in found) == end.seconds


def test_a_portion_holds_no_more_pieces_than_fit(
    recording: Callable[..., Input], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oyez.app.transcribe.cutting.PORTION_PIECES", 3)
    inputs = [recording(f"{n}.wav", np.ones(160, np.float32)) for n in range(7)]
    assert [len(portion.pieces) for portion in portions(numbered(*inputs), 60)] == [3, 3, 1]


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 44100])
def test_memory_does_not_grow_with_the_length_of_a_recording(
    tmp_path: Path, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oyez.data.audio.reading.BLOCK_SECONDS", 5.0)
    monkeypatch.setattr("oyez.data.audio.libsndfile.BLOCK", 5 * rate)

    def peak(seconds: int) -> int:
        path = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(path, "w", rate, 1) as file:
            for second in range(seconds):
                file.write(0.1 * np.sin(np.arange(rate) * (0.01 + second % 7 / 100)))
        tracemalloc.start()
        for portion in portions(numbered(Input(path, Path(path.name))), 10):
            assert isinstance(portion, Portion)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(30)  # what is loaded once is not counted
    assert peak(240) < 1.3 * peak(60)


def test_a_file_says_what_its_waveform_says(recording: Callable[..., Input], talk: Waveform) -> None:
    recognizer = Recognizer.load()
    [outcome] = transcribe([recording("a.wav", talk)], recognizer, SETTINGS, workers=1)
    [expected] = recognizer.transcribe([talk])
    assert outcome.transcript == expected
    assert expected.text.split().count("seven") == 5


@pytest.mark.parametrize("batch_seconds", [1.0, 7.0, 60.0])
def test_the_text_does_not_depend_on_the_batches(
    recording: Callable[..., Input], talk: Waveform, batch_seconds: float
) -> None:
    inputs = [recording("a.wav", talk), recording("b.wav", talk[: 3 * SAMPLE_RATE])]
    expected = [each.text for each in Recognizer.load().transcribe([talk, talk[: 3 * SAMPLE_RATE]])]
    settings = Settings("commands", "beam", "float32", batch_seconds)
    outcomes = transcribe(inputs, settings.recognizer(), settings, workers=1)
    assert [outcome.transcript.text for outcome in outcomes if outcome.transcript] == expected


def test_outcomes_come_in_order_and_equal_those_of_each_file_alone(
    recording: Callable[..., Input], tone: Waveform, untrained_model: Path, tmp_path: Path
) -> None:
    recognizer = Recognizer.load(untrained_model)
    inputs = [recording(f"{n}.wav", tone[: 4000 + 500 * n]) for n in range(6)]
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    inputs.insert(2, Input(tmp_path / "broken.wav", Path("broken.wav")))
    outcomes = list(transcribe(inputs, recognizer, SETTINGS, workers=1))
    assert [outcome.input for outcome in outcomes] == inputs
    for outcome in outcomes:
        if outcome.transcript is None:
            assert outcome.input.path.name == "broken.wav"
            continue
        [alone] = recognizer.transcribe([read_audio(outcome.input.path)])
        assert outcome.transcript.text == alone.text


def said(number: int, start: float) -> Heard:
    word = Word(f"{number}.{start:g}", 0.0, 0.5, 1.0)
    return Heard(number, start, Transcript(word.text, (word,), 1.0, 1.0, "m"))


def joined(parts: list[tuple[Transcript, float]], duration: float) -> Transcript:
    words = tuple(word.shifted(start) for transcript, start in parts for word in transcript.words)
    return Transcript(" ".join(word.text for word in words), words, 1.0, duration, "m")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_an_assembly_gives_the_same_outcomes_in_whatever_order_things_come(counts: list[int], random: object) -> None:
    events: list[Heard | End] = [End(n, count, float(count)) for n, count in enumerate(counts)]
    events += [said(n, float(start)) for n, count in enumerate(counts) for start in range(count)]
    events += [event for event in events if random.random() < 0.3]  # type: ignore[attr-defined]  # some come twice
    random.shuffle(events)  # type: ignore[attr-defined]
    inputs = [Input(Path(f"{n}.wav"), Path()) for n in range(len(counts))]
    assembly = Assembly(inputs, joined)
    outcomes = []
    for event in events:
        assembly.add([event] if isinstance(event, Heard) else [], [event] if isinstance(event, End) else [])
        outcomes += list(assembly.outcomes())
    assert [outcome.input for outcome in outcomes] == inputs
    for number, (count, outcome) in enumerate(zip(counts, outcomes, strict=True)):
        assert outcome.transcript is not None
        assert outcome.transcript.text == " ".join(f"{number}.{start}" for start in range(count))
        assert all(one.end <= other.start for one, other in itertools.pairwise(outcome.transcript.words))


def test_what_was_given_up_stays_so_though_who_read_it_comes_to_its_end() -> None:
    inputs = [Input(Path(f"{n}.wav"), Path()) for n in range(2)]
    assembly = Assembly(inputs, joined)
    assembly.add(ends=[End(1, 0, error="kills who hears it")])
    assembly.add(ends=[End(1, 2, 2.0)])
    assembly.add([said(0, 0.0)], [End(0, 1, 1.0)])
    assert [outcome.error for outcome in assembly.outcomes()] == ["", "kills who hears it"]
