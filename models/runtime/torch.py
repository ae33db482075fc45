"""The torch runtime: CPU or GPU, float32 or bfloat16. It is what training measures with."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from oyez.data.audio import Waveform
from oyez.models.config import ModelConfig, Precision
from oyez.models.decoding.decoder import LogProbs
from oyez.models.network import Model, load_checkpoint
from oyez.models.precision import resolve_precision
from oyez.models.runtime.runtime import BATCH_SECONDS, padded_batches


class TorchRuntime:
    """A network in torch, ready to compute."""

    def __init__(
        self,
        model: Model,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        """Take a network.

        Args:
            model: front end and acoustic model.
            device: where it computes: "cpu", "cuda".
            precision: what the acoustic model computes in. "bfloat16" takes half the time on processors that are made
                for it; "auto" is that on those, and "float32" elsewhere.
            batch_seconds: of padded audio in a batch; of influence on time and memory only.
        """
        self._device = torch.device(device)
        self.model = model.to(self._device).eval()
        self.batch_seconds = batch_seconds
        self.dtype = resolve_precision(precision, self._device)
        self._config = model.config

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        batch_seconds: float = BATCH_SECONDS,
    ) -> TorchRuntime:
        """Load a model folder. Raises oyez.models.checkpoint.CheckpointError if there is none, or it is damaged."""
        return cls(load_checkpoint(name_or_folder), device, precision, batch_seconds)

    @property
    def config(self) -> ModelConfig:
        """Everything of the model but its weights."""
        return self._config

    @property
    def device(self) -> str:
        """Where it computes: "cpu" or "cuda"."""
        return self._device.type

    def features(self, waveform: Waveform) -> npt.NDArray[np.float32]:
        """Return what the network is given of a recording: the front end's features, shape (frames, features)."""
        samples = torch.from_numpy(waveform)[None].to(self._device)
        with torch.inference_mode():
            features, _ = self.model.front_end(samples, torch.tensor([len(waveform)], device=self._device))
        return features[0].cpu().numpy()

    def with_config(self, config: ModelConfig) -> TorchRuntime:
        """Return the same network with another configuration of what follows it."""
        runtime = copy.copy(self)
        runtime._config = config
        return runtime

    def log_probs(self, waveforms: Sequence[Waveform]) -> list[LogProbs]:
        """Return the log-probabilities of short recordings, float32 of shape (steps, labels) each, in their order."""
        results: list[LogProbs] = [np.zeros((0, 0), np.float32)] * len(waveforms)
        for indices, padded, lengths in padded_batches(waveforms, self.batch_seconds):
            samples = torch.from_numpy(padded).to(self._device)
            with torch.inference_mode():
                features, frames = self.model.front_end(samples, torch.from_numpy(lengths).to(self._device))
                with torch.autocast(self._device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
                    log_probs, steps = self.model.acoustic(features, frames)
            rows = log_probs.float().cpu().numpy()
            for row, index in enumerate(indices):
                results[index] = rows[row, : int(steps[row])]
        return results
