"""What tests of several folders need: sample speech, a small model, and clips that were made for the repository."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; see training/processes.py

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.models.config import AcousticConfig, FeatureConfig, ModelConfig
from oyez.models.network import Model, save_checkpoint

REPOSITORY = Path(__file__).parents[1]
SPOKEN = Path(__file__).parent / "audio"  # synthetic speech; see its README
SAMPLE = REPOSITORY.parent / "shared" / "audio" / "sample"  # real speech, where somebody has put it


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def spoken() -> Path:
    """A folder of short clips of synthetic speech with a manifest."""
    return SPOKEN


@pytest.fixture
def real_speech() -> Path:
    """A folder with SpeechCommands/ and LibriSpeech/, a few hundred real clips."""
    if not SAMPLE.is_dir():
        pytest.skip(f"no sample of real speech at {SAMPLE}")
    return SAMPLE


@pytest.fixture
def tone() -> Waveform:
    """Half a second of 440 Hz."""
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE)).astype(np.float32)


@pytest.fixture(scope="session")
def untrained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model with random weights: it writes nonsense, but always the same."""
    torch.manual_seed(7)
    config = ModelConfig(
        name="untrained",
        features=FeatureConfig(coefficients=13, normalisation="utterance"),
        acoustic=AcousticConfig(channels=16, width=16, layers=1),
    )
    folder = tmp_path_factory.mktemp("models") / "untrained"
    save_checkpoint(folder, Model(config), card="# untrained\n")
    return folder


@pytest.fixture(scope="session")
def untrained_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small classifier of two words with random weights."""
    config = ModelConfig(
        name="classifier",
        features=FeatureConfig(coefficients=13, normalisation="utterance"),
        acoustic=AcousticConfig(width=8, pooling="features"),
        vocabulary=("yes", "no"),
    )
    folder = tmp_path_factory.mktemp("models") / "classifier"
    save_checkpoint(folder, Model(config), card="# classifier\n")
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A data folder with recordings/: twelve half-second tones, named after their pitch, by four speakers."""
    folder = tmp_path / "speech" / "recordings"
    folder.mkdir(parents=True)
    times = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    lines = ["path\ttext\tspeaker"]
    for number in range(12):
        text, pitch = [("low", 200), ("high", 2500)][number % 2]
        path = folder / f"{text}{number}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (pitch + 10 * number) * times), SAMPLE_RATE)
        lines.append(f"{path.name}\t{text}\tspeaker{number // 3}")
    (folder / "manifest.tsv").write_text("\n".join(lines) + "\n")
    return folder.parent
