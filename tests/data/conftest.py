from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

SAMPLE = Path(__file__).resolve().parents[3] / "shared/audio/sample"


@pytest.fixture(scope="session")
def write_tone() -> Callable[..., Path]:
    """Write a sine of amplitude 0.5 to a file, the same in every channel, and return its path."""

    def write(path, seconds=1.0, hertz=440.0, rate=16_000, channels=1, **options) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
        soundfile.write(path, np.repeat(wave[:, None], channels, axis=1), rate, **options)
        return path

    return write


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of real clips in the layouts of Speech Commands and LibriSpeech."""
    if not SAMPLE.is_dir():
        pytest.skip(f"no real audio at {SAMPLE}")
    return SAMPLE
