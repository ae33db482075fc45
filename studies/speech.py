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
from statistics import fmean

import torch
from torch import Tensor, nn

from oyez.data.alphabet import encode
from oyez.data.audio import HOP, SAMPLE_RATE, Waveform, read_audio
from oyez.data.augmentation import sound_mask
from oyez.data.corpora.speech_commands import utterances
from oyez.models.config import AcousticConfig
from oyez.models.decoding.single_word import score_candidates
from oyez.models.frontend import FeatureConfig, MfccFrontEnd
from oyez.models.recurrent import RecurrentStack
from oyez.training.losses import ctc_loss
from oyez.training.schedule import one_cycle
from studies.problems import adam_step
from studies.report import progress

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
    epochs: int = 20
    batch: int = 32
    learning_rate: float = 4e-3  # at its highest
    warm_up: float = 0.1
    max_grad_norm: float = 1.0
    dropout: float = 0.1
    parameters: int = 60_000  # of the recurrent stack
    seeds: tuple[int, ...] = (1, 2, 3)  # each network is trained so often


SMALL = replace(Settings(), training_clips=2, validation_clips=1, epochs=2, parameters=4_000, seeds=(1,))


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
    progress(f"{len(training.texts)} clips to learn from, {len(validation.texts)} to measure on")
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


LossOf = Callable[[nn.Module, Clips], Tensor]
AccuracyOf = Callable[[Sequence[Tensor], Clips], float]  # given the log-probabilities of each clip


@dataclass(frozen=True)
class Result:
    """What became of one network, trained once with each seed."""

    name: str
    accuracies: tuple[float, ...]  # on the validation clips, one of each seed
    losses: list[float]  # mean of each epoch, with the first seed
    seconds_an_epoch: float  # of one core's time
    real_time_factor: float  # one core's time for the network, by the length of the audio
    parameters: int  # of the whole network, trainable
    log_probs: list[Tensor]  # of each validation clip, shape (steps, labels), with the first seed

    @property
    def accuracy(self) -> float:
        """The mean over the seeds."""
        return fmean(self.accuracies)

    @property
    def accuracy_written(self) -> str:
        """The mean over the seeds, and the lowest and the highest."""
        lowest, highest = min(self.accuracies), max(self.accuracies)
        return f"{self.accuracy:.1%} ({lowest:.1%} to {highest:.1%})"


def measure(
    name: str,
    build: Callable[[], nn.Module],
    clips: tuple[Clips, Clips],
    settings: Settings,
    loss_of: LossOf,
    accuracy_of: AccuracyOf,
) -> Result:
    """Train a network on the first of `clips`, once with each seed, and measure it on the second."""
    training, validation = clips
    runs = []
    for seed in settings.seeds:
        torch.manual_seed(seed)
        network = build()
        started = time.process_time()
        losses = train(network, training, loss_of, settings, seed)
        learned = time.process_time()
        log_probs = network_log_probs(network, validation)
        recognised = time.process_time()
        runs.append((accuracy_of(log_probs, validation), learned - started, recognised - learned, losses, log_probs))
    accuracies, learning, hearing, losses_of, log_probs_of = zip(*runs, strict=True)
    result = Result(
        name,
        accuracies,
        losses_of[0],
        fmean(learning) / settings.epochs,
        fmean(hearing) / validation.seconds,
        sum(parameter.numel() for parameter in network.parameters()),
        log_probs_of[0],
    )
    progress(f"{name}: {result.accuracy_written}, {result.seconds_an_epoch:.1f} s an epoch")
    return result


def train(network: nn.Module, clips: Clips, loss_of: LossOf, settings: Settings, seed: int) -> list[float]:
    """Train a network and return the mean loss of each epoch. A seed gives all networks the same batches."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    losses = []
    steps_an_epoch = math.ceil(len(clips.texts) / settings.batch)
    network.train()
    for epoch in range(settings.epochs):
        order = torch.randperm(len(clips.texts), generator=torch.Generator().manual_seed(1000 * seed + epoch)).tolist()
        total = 0.0
        for step in range(steps_an_epoch):
            progress = (epoch + step / steps_an_epoch) / settings.epochs
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * one_cycle(progress, settings.warm_up)
            indices = order[step * settings.batch : (step + 1) * settings.batch]
            loss = loss_of(network, clips.some(indices))
            adam_step(network, optimiser, loss, settings.max_grad_norm)
            total += loss.item() * len(indices)
        losses.append(total / len(clips.texts))
    return losses


@torch.inference_mode()
def network_log_probs(network: nn.Module, clips: Clips) -> list[Tensor]:
    """Return the log-probabilities of each clip, shape (steps, labels)."""
    network.eval()
    log_probs: list[Tensor] = []
    for first in range(0, len(clips.texts), _AT_ONCE):
        some = clips.some(range(first, min(first + _AT_ONCE, len(clips.texts))))
        rows, steps = network(some.features, some.lengths)
        log_probs += [row[:length] for row, length in zip(rows, steps.tolist(), strict=True)]
    return log_probs


def product_loss(network: nn.Module, clips: Clips) -> Tensor:
    """Return the loss that the product's acoustic model is trained with: CTC, letters where there is sound."""
    log_probs, steps = network(clips.features, clips.lengths)
    return ctc_loss(log_probs, steps, clips.texts, clips.sound)


def word_accuracy(log_probs: Sequence[Tensor], clips: Clips) -> float:
    """Return the share of clips whose word is the likeliest of the ten by CTC."""
    candidates = [encode(word) for word in WORDS]
    right = [
        score_candidates(rows.numpy(), candidates)[0].labels == tuple(encode(text))
        for rows, text in zip(log_probs, clips.texts, strict=True)
    ]
    return sum(right) / len(right)


def described(settings: Settings, clips: tuple[Clips, Clips]) -> str:
    """Return how the networks are trained and measured, in a paragraph."""
    training, validation = clips
    error = math.sqrt(0.09 / len(validation.texts))  # of a share of 0.9
    return (
        f"{len(WORDS)} words of Speech Commands ({', '.join(WORDS)}): {len(training.texts)} training clips and "
        f"{len(validation.texts)} validation clips of other speakers, without augmentation. {settings.epochs} epochs "
        f"in batches of {settings.batch}, AdamW at {settings.learning_rate:g} at most, gradients clipped to "
        f"{settings.max_grad_norm:g}. Two convolutions come before the recurrent layers, which take a step every "
        f"{1000 * STEP_SECONDS:.0f} ms. Every network is trained with the seeds {', '.join(map(str, settings.seeds))}; "
        "what is given is the mean, and the lowest and the highest. Beyond chance between seeds, so many clips tell a "
        f"share of 90% to ± {error:.1%} (standard error)."
    )


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
    sound = [torch.from_numpy(sound_mask(waveform, HOP)) for waveform in waveforms]
    padded = nn.utils.rnn.pad_sequence(features, batch_first=True)
    sound.append(torch.zeros(padded.shape[1], dtype=torch.bool))  # so that the hops are padded to the frames
    return Clips(
        padded,
        torch.cat([lengths for _, lengths in parts]),
        [word for word, _ in spoken],
        nn.utils.rnn.pad_sequence(sound, batch_first=True)[:-1],
        sum(map(len, waveforms)) / SAMPLE_RATE,
    )
