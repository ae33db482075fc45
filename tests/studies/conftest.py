"""A stand-in for Speech Commands: a few tones for each of the words that the studies are about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.data.audio import SAMPLE_RATE
from studies.speech import WORDS


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: three clips a word, each of another speaker, the third one for validation."""
    data = tmp_path_factory.mktemp("speech")
    root = data / "SpeechCommands" / "speech_commands_v0.02"
    times = np.arange(SAMPLE_RATE * 6 // 10) / SAMPLE_RATE
    rng = np.random.default_rng(0)
    for number, word in enumerate(WORDS):
        (root / word).mkdir(parents=True)
        for take in range(3):
            tone = 0.3 * np.sin(2 * np.pi * (200 + 150 * number + 10 * take) * times) * (times > 0.1) * (times < 0.5)
            noise = 1e-4 * rng.standard_normal(len(times))
            soundfile.write(root / word / f"{take}abc_nohash_0.wav", tone + noise, SAMPLE_RATE)
    (root / "validation_list.txt").write_text("".join(f"{word}/2abc_nohash_0.wav\n" for word in WORDS))
    (root / "testing_list.txt").write_text("")
    return data
