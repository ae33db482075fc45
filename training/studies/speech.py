"""Small networks on a small corpus of spoken words: what the studies of cells, direction and arrangement share.

Ten words of Speech Commands; the training clips and the validation clips are of different speakers. Features are
computed once, without augmentation, so that a network is trained in a minute.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from data.audio import HOP, SAMPLE_RATE, Waveform, read_audio
from data.augmentation import sounding
from data.speech_commands import utterances
from models.acoustic import AcousticConfig
from models.alphabet import encode
from models.decoding.closed import rank
from models.features import FeatureConfig, MfccFrontEnd
from models.recurrent import RecurrentStack
from training.studies.problems import adam_step
from training.studies.report import tell
from training.train import one_cycle

WORDS = ("cat", "five", "four", "happy", "left", "one", "right", "three", "two", "zero")
CHANNELS = 48
SUBSAMPLING = 3
STEP_SECONDS = HOP * SUBSAMPLING / SAMPLE_RATE
_AT_ONCE = 200  # clips, where nothing is learned


@dataclass(frozen=True)
class Settings:
    """The size of a study on speech."""

    training_clips: int = 200  # of each word
    validation_clips: int = 100
    epochs: int = 15
    batch: int = 32
    learning_rate: float = 4e-3  # at its highest
    warm_up: float = 0.1
    gradient_norm: float = 1.0
    dropout: float = 0.1
    parameters: int = 60_000  # of the recurrent stack
    seed: int = 1


SMALL = replace(Settings(), training_clips=2, validation_clips=1, epochs=2, parameters=4_000)


@dataclass(frozen=True)
class Clips:
    """Clips with their features."""

    features: Tensor  # (clips, frames, coefficients)
    lengths: Tensor  # (clips,), frames
    texts: list[str]
    sound: Tensor  # (clips, hops), bool: where there is sound
    seconds: float  # of all clips

    def some(self, indices: Sequence[int]) -> Clips:
        """Return the clips of these numbers."""
        lengths = self.lengths[list(indices)]
        frames = int(lengths.max())
        rows = torch.tensor(list(indices))
        return Clips(
            self.features[rows, :frames],
            lengths,
            [self.texts[index] for index in indices],
            self.sound[rows, :frames],
            float(lengths.sum()) * HOP / SAMPLE_RATE,
        )


def load_clips(data: Path, settings: Settings) -> tuple[Clips, Clips]:
    """Return training and validation clips, evenly spread over each word's speakers, with normalised features.

    Raises FileNotFoundError if the data folder holds no Speech Commands.
    """
    front_end = MfccFrontEnd(FeatureConfig())
    chosen = {}
    for split, count in (("training", settings.training_clips), ("validation", settings.validation_clips)):
        listed = utterances(data / "SpeechCommands", split)
        paths = []
        for word in WORDS:
            of_word = [utterance.path for utterance in listed if utterance.text == word]
            taken = min(count, len(of_word))
            paths += [(word, of_word[n * len(of_word) // taken]) for n in range(taken)]
        chosen[split] = [(word, read_audio(path)) for word, path in paths]
        if not chosen[split]:
            raise FileNotFoundError(f"{data / 'SpeechCommands'}: no clips of {', '.join(WORDS)} for {split}")
    front_end.fit([_padded(waveforms) for waveforms in _in_batches([waveform for _, waveform in chosen["training"]])])
    training, validation = (_clips(front_end, chosen[split]) for split in ("training", "validation"))
    tell(f"{len(training.texts)} clips to learn from, {len(validation.texts)} to measure on")
    return training, validation


def acoustic_config(settings: Settings, **changes: object) -> AcousticConfig:
    """Return the configuration of a network of the studies, its width such that it has the wanted parameters."""
    config = AcousticConfig.model_validate(
        {"channels": CHANNELS, "subsampling": SUBSAMPLING, "layers": 1, "dropout": settings.dropout, **changes}
    )
    if "width" in changes:
        return config
    widths = range(4, 400)
    return config.model_copy(
        update={"width": min(widths, key=lambda width: abs(_parameters(config, width) - settings.parameters))}
    )


def recurrent_parameters(config: AcousticConfig) -> int:
    """Return the trainable parameters of a configuration's recurrent layers."""
    return _parameters(config, config.width)


@dataclass(frozen=True)
class Trained:
    """What a training gave."""

    losses: list[float]  # mean of each epoch
    seconds_an_epoch: float  # of one core's time


Loss = Callable[[nn.Module, Clips], Tensor]


def train(network: nn.Module, clips: Clips, loss_of: Loss, settings: Settings) -> Trained:
    """Train a network, in float32 on one core; every network of a study sees the same batches."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    started = time.process_time()
    losses = []
    steps_an_epoch = math.ceil(len(clips.texts) / settings.batch)
    for epoch in range(settings.epochs):
        generator = torch.Generator().manual_seed(settings.seed + epoch)
        order = torch.randperm(len(clips.texts), generator=generator).tolist()
        total = 0.0
        network.train()
        for step in range(steps_an_epoch):
            progress = (epoch + step / steps_an_epoch) / settings.epochs
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * one_cycle(progress, settings.warm_up)
            indices = order[step * settings.batch : (step + 1) * settings.batch]
            loss = loss_of(network, clips.some(indices))
            adam_step(network, optimiser, loss, settings.gradient_norm)
            total += loss.item() * len(indices)
        losses.append(total / len(clips.texts))
    network.eval()
    return Trained(losses, (time.process_time() - started) / settings.epochs)


@dataclass(frozen=True)
class Heard:
    """What a network makes of clips."""

    log_probs: list[Tensor]  # (steps, labels) of each
    real_time_factor: float  # one core's time for the network, by the length of the audio


@torch.inference_mode()
def hear(network: nn.Module, clips: Clips) -> Heard:
    """Run a network over clips."""
    log_probs: list[Tensor] = []
    started = time.process_time()
    for first in range(0, len(clips.texts), _AT_ONCE):
        some = clips.some(range(first, min(first + _AT_ONCE, len(clips.texts))))
        rows, steps = network(some.features, some.lengths)
        log_probs += [row[:length] for row, length in zip(rows, steps.tolist(), strict=True)]
    return Heard(log_probs, (time.process_time() - started) / clips.seconds)


def word_accuracy(heard: Heard, clips: Clips) -> float:
    """Return the share of clips whose word is the likeliest of the ten by CTC."""
    candidates = [encode(word) for word in WORDS]
    right = [
        rank(log_probs, candidates)[0].labels == tuple(encode(text))
        for log_probs, text in zip(heard.log_probs, clips.texts, strict=True)
    ]
    return sum(right) / len(right)


def percent(share: float, count: int) -> str:
    """Write a share with its standard error."""
    return f"{share:.1%} ± {math.sqrt(share * (1 - share) / count):.1%}"


def _parameters(config: AcousticConfig, width: int) -> int:
    stack = RecurrentStack(
        config.cell, config.channels, width, config.layers, config.bidirectional, layer_norm=config.layer_norm
    )
    return sum(parameter.numel() for parameter in stack.parameters())


def _in_batches(waveforms: Sequence[Waveform]) -> list[Sequence[Waveform]]:
    return [waveforms[first : first + _AT_ONCE] for first in range(0, len(waveforms), _AT_ONCE)]


def _padded(waveforms: Sequence[Waveform]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    rows = [torch.from_numpy(waveform) for waveform in waveforms]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths


@torch.no_grad()
def _clips(front_end: MfccFrontEnd, spoken: Sequence[tuple[str, Waveform]]) -> Clips:
    waveforms = [waveform for _, waveform in spoken]
    parts = [front_end(*_padded(some)) for some in _in_batches(waveforms)]
    features = [row for rows, _ in parts for row in rows]
    sound = [torch.from_numpy(sounding(waveform, HOP)) for waveform in waveforms]
    padded = nn.utils.rnn.pad_sequence(features, batch_first=True)
    sound.append(torch.zeros(padded.shape[1], dtype=torch.bool))  # so that the hops are padded to the frames
    return Clips(
        padded,
        torch.cat([lengths for _, lengths in parts]),
        [word for word, _ in spoken],
        nn.utils.rnn.pad_sequence(sound, batch_first=True)[:-1],
        sum(map(len, waveforms)) / SAMPLE_RATE,
    )
