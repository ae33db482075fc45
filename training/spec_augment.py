"""Augmentation of features: stripes of the log-mel spectrogram are blanked out (Park et al. 2019, arXiv:1904.08779)."""

from __future__ import annotations

import torch
import torchaudio.transforms
from pydantic import Field
from torch import Tensor, nn

from oyez.data.configuration import Configuration
from oyez.models.frontend import valid_frames


class SpecAugmentConfig(Configuration, frozen=True):
    """How many stripes, and how wide at most."""

    frequency_masks: int = Field(default=2, ge=0, description="stripes of mel bands in an example")
    frequency_bands: int = Field(default=8, ge=1, description="the widest, in mel bands")
    time_masks: int = Field(default=2, ge=0, description="stripes of time in an example")
    time_frames: int = Field(default=20, ge=1, description="the longest, in frames of 10 ms")
    time_share: float = Field(
        default=0.2, gt=0, le=1, description="the longest, as a share of the longest example of the batch"
    )


class SpecAugment(nn.Module):
    """Blanks out stripes, in each example its own."""

    def __init__(self, config: SpecAugmentConfig) -> None:
        super().__init__()
        self.frequency = [
            torchaudio.transforms.FrequencyMasking(config.frequency_bands, iid_masks=True)
            for _ in range(config.frequency_masks)
        ]
        self.time = [
            torchaudio.transforms.TimeMasking(config.time_frames, iid_masks=True, p=config.time_share)
            for _ in range(config.time_masks)
        ]

    def forward(self, log_mel: Tensor, frames: Tensor) -> Tensor:
        """Mask (batch, mel bands, frames), each example with the mean of its own frames."""
        inside = valid_frames(frames, log_mel.shape[2])[:, None]
        mean = (log_mel * inside).sum((1, 2)) / (frames * log_mel.shape[1])
        kept = torch.ones_like(log_mel)[:, None]  # torchaudio masks (batch, channel, bands, frames) with one value
        for mask in [*self.frequency, *self.time]:
            kept = mask(kept, 0.0)
        return torch.where(kept[:, 0] > 0, log_mel, mean[:, None, None])
