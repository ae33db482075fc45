"""Batches to learn from: which clips of an epoch go together, and the padded audio of them.

All randomness is derived from (seed, epoch, number of the example) alone, so an epoch can be entered at any batch and
gives the very batches that it would have given from the start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset

from oyez.data.audio import HOP, SAMPLE_RATE, AudioError, Waveform
from oyez.data.augmentation import Augmentation, sound_mask, trim_silence
from oyez.data.configuration import Configuration
from oyez.data.manifest import Utterance
from oyez.data.reading import read_utterance


class BatchingConfig(Configuration, frozen=True):
    """How an epoch is put together."""

    batch_seconds: float = Field(default=120.0, gt=0, description="of padded clips in a batch, over all processes")
    max_seconds: float = Field(default=16.0, gt=0, description="longer utterances are skipped")
    concat_probability: float = Field(
        default=0.0, ge=0, le=1, description="of joining a short clip with one to three others, trimmed, in a row"
    )
    concat_max_seconds: float = Field(default=2.5, gt=0, description="clips up to this length are joined")
    concat_max_gap_seconds: float = Field(default=0.3, ge=0, description="most silence between two joined clips")
    noise_only_share: float = Field(
        default=0.0, ge=0, le=1, description="examples of noise with nothing said, as a share of the others"
    )
    min_per_text: int = Field(
        default=0, ge=0, description="clips of rarer texts are taken several times an epoch, up to this number"
    )
    max_repeats: int = Field(default=20, ge=1, description="but on average no clip more often than this")


@dataclass(frozen=True)
class ExampleSpec:
    """One example of an epoch: the clips that it is made of (none: noise) and the seed of its augmentation."""

    members: tuple[int, ...]
    seed: tuple[int, ...]
    epoch: int = 0


@dataclass(frozen=True)
class Example:
    """An example as it is learned from."""

    waveform: Waveform
    text: str
    sound: npt.NDArray[np.bool_]  # for each HOP samples, whether the clip sounded there before noise was added


@dataclass(frozen=True)
class Batch:
    """Padded examples, shortest first."""

    waveforms: Tensor  # (batch, samples), float32, zero in the padding
    lengths: Tensor  # (batch,), samples
    texts: list[str]
    sound: Tensor  # (batch, samples / HOP), bool; see Example
    broken: list[str]  # files that could not be read; noise stands in for them


def plan_epoch(
    utterances: Sequence[Utterance], config: BatchingConfig, seed: int, epoch: int, processes: int = 1
) -> list[list[list[ExampleSpec]]]:
    """Draw the steps of an epoch, each a batch for every process: examples of similar length, steps in random order."""
    rng = np.random.default_rng([seed, epoch])
    seconds = np.array([utterance.duration or 0.0 for utterance in utterances])
    usable = [index for index in range(len(utterances)) if seconds[index] <= config.max_seconds]
    singles = usable + _repeats_of_rare_texts(utterances, usable, config, rng)
    short = [index for index in singles if seconds[index] <= config.concat_max_seconds]
    members: list[tuple[int, ...]] = []
    for index in singles:
        others: tuple[int, ...] = ()
        if seconds[index] <= config.concat_max_seconds and rng.random() < config.concat_probability:
            others = tuple(int(short[n]) for n in rng.integers(len(short), size=rng.integers(1, 4)))
        members.append((index, *others))
    members += [()] * round(config.noise_only_share * len(singles))
    specs = [ExampleSpec(clips, (seed, epoch, number), epoch) for number, clips in enumerate(members)]
    lengths = np.array([max(seconds[list(spec.members)].sum(), 1.0) for spec in specs])
    # jitter keeps examples of equal length from meeting the same neighbours in every epoch
    jitter = [rng.uniform(0.9, 1.1) for _ in specs]
    batches: list[list[ExampleSpec]] = []
    longest = 0.0  # of the last batch
    for position in np.argsort(lengths * jitter):
        longest = max(longest, lengths[position])
        if not batches or (len(batches[-1]) + 1) * longest > config.batch_seconds / processes:
            batches.append([])
            longest = lengths[position]
        batches[-1].append(specs[position])
    # so that no process is left without a batch in the last step
    batches += [batches[n % len(batches)] for n in range(-len(batches) % processes)]
    steps = [batches[first : first + processes] for first in range(0, len(batches), processes)]
    return [steps[n] for n in rng.permutation(len(steps))]


def _repeats_of_rare_texts(
    utterances: Sequence[Utterance], usable: Sequence[int], config: BatchingConfig, rng: np.random.Generator
) -> list[int]:
    by_text: defaultdict[str, list[int]] = defaultdict(list)
    for index in usable:
        by_text[utterances[index].text].append(index)
    return [
        int(indices[n])
        for _, indices in sorted(by_text.items())
        for n in rng.integers(len(indices), size=_repeats(len(indices), config))
    ]


def _repeats(clips: int, config: BatchingConfig) -> int:
    """Return how often the clips of one text are drawn besides once each."""
    return min(max(0, config.min_per_text - clips), clips * (config.max_repeats - 1))


class TrainingBatches(Dataset[Batch]):
    """The batches of one epoch by number, augmented: reads, changes, joins and pads."""

    def __init__(
        self,
        utterances: Sequence[Utterance],
        plan: Sequence[Sequence[ExampleSpec]],
        config: BatchingConfig,
        augmentation: Augmentation,
    ) -> None:
        self.utterances = utterances
        self.plan = plan
        self.config = config
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number: int) -> Batch:
        broken: list[str] = []
        examples = [self._example(spec, broken) for spec in self.plan[number]]
        return pad(examples, broken)

    def _example(self, spec: ExampleSpec, broken: list[str]) -> Example:
        rng = np.random.default_rng(spec.seed)
        pieces: list[Waveform] = []
        texts: list[str] = []
        for index in spec.members:
            utterance = self.utterances[index]
            try:
                waveform = read_utterance(utterance)
            except AudioError as error:
                broken.append(str(error))
                continue
            if len(spec.members) > 1:  # words that follow each other closely, as people say them
                waveform = trim_silence(waveform)
            if pieces:
                pieces.append(
                    np.zeros(int(rng.uniform(0, self.config.concat_max_gap_seconds) * SAMPLE_RATE), np.float32)
                )
            pieces.append(self.augmentation.perturb_speaker(waveform, rng))
            texts.append(utterance.text)
        if not pieces:
            pieces.append(self.augmentation.noise(int(rng.uniform(0.5, 2.0) * SAMPLE_RATE), rng))
        waveform = self.augmentation.pad_silence(np.concatenate(pieces), rng)
        sound = sound_mask(waveform, HOP)
        waveform = self.augmentation.acoustic_scene(waveform, rng, self.augmentation.strength(spec.epoch))
        return Example(waveform, " ".join(text for text in texts if text), sound)


def pad(examples: Sequence[Example], broken: list[str] | None = None) -> Batch:
    """Put examples of different lengths together."""
    ordered = sorted(examples, key=lambda example: len(example.waveform))

    def padded(arrays: list[npt.NDArray[Any]]) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(array) for array in arrays], batch_first=True)

    return Batch(
        waveforms=padded([example.waveform for example in ordered]),
        lengths=torch.tensor([len(example.waveform) for example in ordered]),
        texts=[example.text for example in ordered],
        sound=padded([example.sound for example in ordered]),
        broken=broken or [],
    )
