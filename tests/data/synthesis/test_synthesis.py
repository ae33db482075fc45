"""Synthetic speech: every engine speaks, the corpus is whole and repeatable, mistakes are named."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from oyez.data.audio import SAMPLE_RATE, read_audio
from oyez.data.corpora.recordings import utterances
from oyez.data.synthesis.synthesis import (
    DEFAULT_VOICES,
    PEAK,
    Manner,
    SynthesisError,
    check_voice,
    plan,
    read_phrases,
    speak,
    synthesise,
)

PHRASES = ["turn on the light", "stop", "twenty one degrees"]


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


ENGINES = [
    "hibari-us",
    "hibari-gb",
    pytest.param("piper-joe", marks=pytest.mark.slow),
    pytest.param("flite:slt", marks=needs("flite")),
    pytest.param("espeak:en-gb+Max", marks=needs("espeak-ng")),
]


@pytest.mark.parametrize("voice", ENGINES)
def test_every_engine_says_more_for_a_longer_phrase(voice: str) -> None:
    check_voice(voice)
    short, long = (speak(text, Manner(voice, 1.0, 1.0)) for text in ("stop", "stop at the next street on the left"))
    assert short.dtype == np.float32
    assert short.ndim == 1
    assert 0.3 * SAMPLE_RATE < len(short) < len(long)
    assert np.abs(long).max() == pytest.approx(PEAK, abs=0.01)


@pytest.mark.parametrize("voice", ENGINES)
def test_a_faster_tempo_shortens_and_pitch_alone_hardly_does(voice: str) -> None:
    phrase = "the weather will be fine on saturday and on sunday"
    usual, fast, high = (len(speak(phrase, Manner(voice, *manner))) for manner in ((1, 1), (1.4, 1), (1, 1.2)))
    assert fast < 0.85 * usual
    assert high == pytest.approx(usual, rel=0.12)


@needs("espeak-ng")
def test_pitch_moves_the_voice() -> None:
    def fundamental(pitch: float) -> float:
        waveform = speak("oh", Manner("espeak:en-us", 0.6, pitch))
        middle = waveform[len(waveform) // 3 : 2 * len(waveform) // 3]
        correlation = np.correlate(middle, middle, "full")[len(middle) :]
        lags = slice(SAMPLE_RATE // 400, SAMPLE_RATE // 60)
        return SAMPLE_RATE / (lags.start + 1 + int(np.argmax(correlation[lags])))

    assert fundamental(1.2) / fundamental(0.9) == pytest.approx(1.2 / 0.9, rel=0.1)


def test_a_corpus_is_what_the_reader_of_recordings_reads(tmp_path: Path) -> None:
    readings = plan(PHRASES, tmp_path, {"hibari-us": 1, "hibari-gb": 1}, takes=2)
    assert synthesise(readings, tmp_path) == 6
    listed = utterances(tmp_path)
    assert Counter(utterance.text for utterance in listed) == dict.fromkeys(PHRASES, 2)
    for utterance in listed:
        assert utterance.speaker in {"hibari-us", "hibari-gb"}
        assert len(read_audio(utterance.path)) / SAMPLE_RATE == pytest.approx(utterance.duration, abs=0.001)
    assert not list(tmp_path.rglob("*.part"))


def test_a_stopped_run_goes_on_and_gives_what_an_unbroken_one_gives(tmp_path: Path) -> None:
    voices = {"hibari-us": 1.0}
    whole = plan(PHRASES, tmp_path / "whole", voices)
    synthesise(whole, tmp_path / "whole")
    broken = plan(PHRASES, tmp_path / "broken", voices)
    synthesise(broken, tmp_path / "broken")
    broken[1].path.unlink()
    kept = broken[0].path.stat().st_mtime_ns
    told: list[int] = []
    synthesise(broken, tmp_path / "broken", progress=told.append)
    assert told == [2, 1]  # two were there, one was made
    assert broken[0].path.stat().st_mtime_ns == kept
    for ours, theirs in zip(broken, whole, strict=True):
        assert ours.path.relative_to(tmp_path / "broken") == theirs.path.relative_to(tmp_path / "whole")
    durations = [[utterance.duration for utterance in utterances(tmp_path / name)] for name in ("whole", "broken")]
    assert durations[0] == pytest.approx(durations[1], rel=0.2)  # hibari draws a little at random


@pytest.mark.parametrize(
    "interrupted", ["oyez.data.synthesis.synthesis.soundfile.write", "oyez.data.synthesis.synthesis.soundfile.info"]
)
def test_an_interrupted_run_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    """While a clip is written, or the manifest."""

    def interrupt(path: Path, *_: object, **__: object) -> None:
        Path(path).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupted, interrupt)
    with pytest.raises(KeyboardInterrupt):
        synthesise(plan(["stop"], tmp_path, {"hibari-us": 1.0}), tmp_path)
    assert {path.suffix for path in tmp_path.rglob("[!.]*") if path.is_file()} <= {".flac"}
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.slow
@needs("espeak-ng")
def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    readings = plan(["stop"], tmp_path, {"hibari-us": 1.0})
    with FileLock(tmp_path / ".lock"), pytest.raises(SynthesisError, match="another run writes"):
        synthesise(readings, tmp_path)
    assert not (tmp_path / "manifest.jsonl").exists()
    assert synthesise(readings, tmp_path) == 1


def test_workers_make_the_same_files(tmp_path: Path) -> None:
    voice = {"espeak:en-us": 1.0}  # it draws nothing at random
    sounds = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert synthesise(plan(PHRASES * 8, out, voice), out, workers=workers) == 24
        assert [utterance.text for utterance in utterances(out)] == PHRASES * 8
        sounds.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*.flac")})
    assert len(sounds[0]) == 24
    assert sounds[0] == sounds[1]


@pytest.mark.slow
@needs("espeak-ng")
def test_another_plan_in_the_same_folder_takes_no_clip_for_another(tmp_path: Path) -> None:
    for phrases in (["open the door", "stop"], ["go", "open the door"]):
        synthesise(plan(phrases, tmp_path, {"espeak:en-us": 1.0}, tempo=(1, 1), pitch=(1, 1)), tmp_path)
    short, long = utterances(tmp_path)
    assert (short.text, long.text) == ("go", "open the door")
    assert long.duration > 1.5 * short.duration


@needs("flite")
def test_a_voice_that_flite_does_not_have_is_told() -> None:
    with pytest.raises(SynthesisError, match=r"flite:nosuch.*slt"):
        check_voice("flite:nosuch")
    check_voice("flite:slt")


def test_a_plan_hangs_on_seed_and_number_alone(tmp_path: Path) -> None:
    assert plan(PHRASES, tmp_path)[:2] == plan(PHRASES[:2], tmp_path)
    assert plan(PHRASES, tmp_path, seed=2) != plan(PHRASES, tmp_path)
    many = plan(["stop"] * 3000, tmp_path, tempo=(0.9, 1.1), pitch=(1, 1))
    shares = Counter(reading.manner.voice for reading in many)
    assert shares["hibari-us"] / 3000 == pytest.approx(DEFAULT_VOICES["hibari-us"], abs=0.04)
    assert all(0.9 <= reading.manner.tempo <= 1.1 and reading.manner.pitch == 1 for reading in many)
    assert len({reading.path for reading in many}) == 3000


def test_phrases_are_normalised_and_comments_left_out(tmp_path: Path) -> None:
    (tmp_path / "phrases.txt").write_text("# home\nSet it to 21°!\n\n  Stop.  \n...\n", encoding="utf-8")
    assert read_phrases(tmp_path / "phrases.txt") == ["set it to twenty one degrees", "stop"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"stop\n\xf0\x9f\x98\x80\n", "line 2: unsupported character"),
        (b"\xff\xfe", "not UTF-8"),
        (b"# nothing\n\n", "no phrase in it"),
        (b"a " * 400, "line 1: 799 characters"),
    ],
)
def test_bad_phrases_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "phrases.txt").write_bytes(content)
    with pytest.raises(SynthesisError, match=message):
        read_phrases(tmp_path / "phrases.txt")


def test_a_missing_file_of_phrases_is_named(tmp_path: Path) -> None:
    with pytest.raises(SynthesisError, match=r"nowhere\.txt: cannot be read \(No such file"):
        read_phrases(tmp_path / "nowhere.txt")


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("harpo", "no voice is called 'harpo'; there are hibari-us"),
        ("espeak", "no voice is called 'espeak'"),
        ("piper:nowhere.onnx", r"'piper:nowhere\.onnx' cannot be loaded"),
    ],
)
def test_an_unknown_voice_is_named(voice: str, message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        check_voice(voice)


def test_a_damaged_voice_is_named(tmp_path: Path) -> None:
    pytest.importorskip("piper")
    voice = tmp_path / "voice.onnx"
    voice.write_bytes(b"no model at all")
    Path(f"{voice}.json").write_text("{}")
    with pytest.raises(SynthesisError, match=r"voice\.onnx' cannot be loaded \(KeyError"):
        check_voice(f"piper:{voice}")


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SynthesisError, match="needs espeak-ng: install"):
        check_voice("espeak:en-us")


@needs("espeak-ng")
def test_what_the_engine_complains_of_is_said_and_no_manifest_is_left(tmp_path: Path) -> None:
    readings = plan(PHRASES, tmp_path, {"espeak:xx-nowhere": 1})
    with pytest.raises(SynthesisError, match="voice does not exist"):
        synthesise(readings, tmp_path)
    assert [path for path in tmp_path.rglob("[!.]*") if path.is_file()] == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    out = tmp_path / "out"
    with pytest.raises(SynthesisError, match="out: cannot be written"):
        synthesise(plan(PHRASES, out, {"hibari-us": 1}), out)
