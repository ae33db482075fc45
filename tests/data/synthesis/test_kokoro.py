"""Voices that are mixed: all of a folder and every pair; what is missing is named. A stand-in speaks for the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oyez.data.synthesis import kokoro
from oyez.data.synthesis.kokoro import KokoroError, Speaker, voices_of
from oyez.data.synthesis.synthesis import Manner, SynthesisError, check_voice, plan, speak


class Engine:
    """Says a tone as loud as the first number of the style, a tenth of a second a letter."""

    said: list[dict[str, Any]]

    def __init__(self) -> None:
        self.said = []

    def create(self, text: str, voice: Any, speed: float, lang: str) -> tuple[Any, int]:
        self.said.append({"text": text, "level": float(voice[0, 0, 0]), "speed": speed, "lang": lang})
        return np.full(int(2400 * len(text) / speed), float(voice[0, 0, 0]), np.float32), 24_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with (tmp_path / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **{name: np.full((4, 1, 8), level, np.float32) for name, level in STYLES.items()})
    return tmp_path


STYLES = {"af_one": 0.2, "am_two": 0.4, "bf_three": 0.8}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(kokoro, "_engine", lambda _: engine)
    return engine


def test_a_folder_has_its_voices_and_the_mixtures_of_two(folder: Path) -> None:
    names = [voice.removeprefix(f"kokoro:{folder}:") for voice in voices_of(folder)]
    assert names == ["af_one", "am_two", "bf_three", "af_one+am_two", "af_one+bf_three", "am_two+bf_three"]


def test_a_mixture_is_the_mean_of_its_voices_and_speaks_the_first_one_s_english(folder: Path, engine: Engine) -> None:
    for names in ("af_one", "af_one+am_two", "bf_three+am_two"):
        Speaker(f"kokoro:{folder}:{names}")("stop", 1.5)
    assert [said["level"] for said in engine.said] == pytest.approx([0.2, 0.3, 0.6])
    assert [said["lang"] for said in engine.said] == ["en-us", "en-us", "en-gb"]
    assert {(said["text"], said["speed"]) for said in engine.said} == {("stop.", 1.5)}


def test_a_plan_shares_a_folder_out_among_its_voices(folder: Path, engine: Engine) -> None:
    readings = plan(["stop"] * 300, Path("out"), {f"kokoro:{folder}": 0.5, "hibari-us": 0.5})
    voices = [reading.manner.voice for reading in readings]
    assert set(voices) == {*voices_of(folder), "hibari-us"}
    assert 110 < voices.count("hibari-us") < 190
    assert len(speak("stop", Manner(voices_of(folder)[3], 1.0, 1.0))) == pytest.approx(0.5 * 16_000, abs=50)


def test_what_is_missing_is_named(folder: Path, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SynthesisError, match="has the voices af_one, am_two, bf_three"):
        check_voice(f"kokoro:{folder}:harpo")
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(SynthesisError, match=r"empty: no voices\*\.bin here"):
        plan(["stop"], tmp_path, {f"kokoro:{empty}": 1.0})
    with pytest.raises(SynthesisError, match="nowhere"):
        check_voice("kokoro:nowhere:af_one")
    with pytest.raises(SynthesisError, match=r"^/nope: no voices"):
        check_voice("kokoro:/nope")
    with pytest.raises(SynthesisError, match=f"{folder} has the voices af_one"):
        check_voice(f"kokoro:{folder}")


@pytest.mark.parametrize("content", [b"", b"PK damaged", b"no archive at all"])
def test_damaged_voices_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "voices.bin").write_bytes(content)
    with pytest.raises(KokoroError, match=r"voices\.bin: no voices can be read"):
        voices_of(tmp_path)


def test_a_folder_without_a_model_is_named(folder: Path) -> None:
    with pytest.raises(KokoroError, match=r"no \*\.onnx here"):
        Speaker(f"kokoro:{folder}:af_one")


def test_a_damaged_model_is_named(folder: Path) -> None:
    pytest.importorskip("kokoro_onnx")
    (folder / "model.onnx").write_bytes(b"no model at all")
    with pytest.raises(KokoroError, match=r"model\.onnx: cannot be loaded"):
        Speaker(f"kokoro:{folder}:af_one")
