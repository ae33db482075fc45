"""What every runtime is: waveforms in, CTC log-probabilities out; and how recordings are grouped into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from oyez.data.audio import SAMPLE_RATE, Waveform
from oyez.models.config import ModelConfig
from oyez.models.decoding.decoder import LogProbs

BATCH_SECONDS = 160.0  # of padded audio that goes through the network at once: eight of the longest pieces
_MOST_ROWS = 64  # in a batch: with eight the network is fast, and with more than these it leaves the cache


class Runtime(Protocol):
    """A model that is ready to compute."""

    @property
    def config(self) -> ModelConfig:
        """Everything of the model but its weights."""
        ...

    @property
    def device(self) -> str:
        """Where it computes: "cpu" or "cuda"."""
        ...

    @property
    def batch_seconds(self) -> float:
        """Padded audio that the network reads at once."""
        ...

    def features(self, waveform: Waveform) -> npt.NDArray[np.float32]:
        """Return what the network is given of a recording: the front end's features, shape (frames, features)."""
        ...

    def with_config(self, config: ModelConfig) -> Runtime:
        """Return the same network with another configuration of what follows it: confidences, label prior."""
        ...

    def log_probs(self, waveforms: Sequence[Waveform]) -> list[LogProbs]:
        """Return the log-probabilities of short recordings, float32 of shape (steps, labels) each, in their order.

        A classifier of words gives shape (1, classes). How the recordings are grouped has no influence.
        """
        ...


def padded_batches(
    waveforms: Sequence[Waveform], batch_seconds: float
) -> Iterator[tuple[list[int], npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Group recordings of similar length, so that little is padded and no batch of several exceeds `batch_seconds`.

    Yields:
        the recordings' indices, their samples with zeros behind, shape (batch, samples), and their lengths (batch,).
    """
    lengths = [len(waveform) for waveform in waveforms]
    for indices in _groups(lengths, batch_seconds):
        padded = np.zeros((len(indices), max(lengths[index] for index in indices)), np.float32)
        for row, index in enumerate(indices):
            padded[row, : lengths[index]] = waveforms[index]
        yield indices, padded, np.array([lengths[index] for index in indices], np.int64)


def _groups(lengths: Sequence[int], seconds: float) -> Iterator[list[int]]:
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if len(batch) == _MOST_ROWS or (batch and (len(batch) + 1) * lengths[index] > seconds * SAMPLE_RATE):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
