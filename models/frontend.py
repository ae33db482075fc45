"""MFCC front end: waveforms in, mel-frequency cepstral coefficients out (Davis and Mermelstein 1980)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchaudio
from torch import Tensor, nn

from oyez.data.audio import HOP, SAMPLE_RATE
from oyez.models.config import FeatureConfig

WINDOW = SAMPLE_RATE // 40  # samples in a frame: 25 ms
FFT = 512  # samples; the smallest power of two that holds a window
DELTA_WINDOW = 5  # frames that a slope is taken over
DYNAMIC_RANGE = 80.0  # dB below the loudest point of the utterance; what is fainter counts as silence
SMALLEST_DEVIATION = 1e-5  # keeps the normalisation of a constant coefficient finite


def frames_of(samples: Tensor) -> Tensor:
    """Return how many frames waveforms of these lengths give: one every 10 ms, the first around sample 0."""
    return samples // HOP + 1


def valid_frames(lengths: Tensor, frames: int) -> Tensor:
    """Return a mask, shape (batch, frames): true within each sequence's length, false in its padding."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]


class MfccFrontEnd(nn.Module):
    """Turns padded waveforms into padded features that do not depend on the padding.

    Beyond either end of a recording there is silence (zeros), for a clip alone and in a batch alike; the dynamic range
    is each recording's own; slopes at the end are taken as if the last frame went on. The values are librosa's
    `mfcc(..., htk=True, mel_norm=None, pad_mode="constant")`.
    """

    mean: Tensor
    deviation: Tensor
    dct: Tensor

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self.config = config
        self.mel_spectrogram = torchaudio.transforms.MelSpectrogram(
            sample_rate=SAMPLE_RATE,
            n_fft=FFT,
            win_length=WINDOW,
            hop_length=HOP,
            f_min=config.low_hz,
            f_max=config.high_hz,
            n_mels=config.mel_bands,
            pad_mode="constant",
        )
        self.to_decibel = torchaudio.transforms.AmplitudeToDB("power", top_db=DYNAMIC_RANGE)
        dct = torchaudio.functional.create_dct(config.coefficients, config.mel_bands, norm="ortho")
        self.register_buffer("dct", dct, persistent=False)
        self.register_buffer("mean", torch.zeros(config.size))
        self.register_buffer("deviation", torch.ones(config.size))

    def forward(
        self, waveforms: Tensor, lengths: Tensor, mask: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the features of a batch.

        Args:
            waveforms: float32, shape (batch, samples), 16 kHz; what lies beyond `lengths` has no influence.
            lengths: samples of each waveform, shape (batch,).
            mask: applied to the log-mel spectrogram (batch, mel bands, frames), with each example's number of frames:
                SpecAugment, in training.

        Returns:
            features, shape (batch, frames, config.size), zero in the padding, and their lengths in frames.
        """
        features, lengths = self._unnormalised(waveforms, lengths, mask)
        inside = valid_frames(lengths, features.shape[1])[:, :, None]
        if self.config.normalisation == "global":
            features = (features - self.mean) / self.deviation
        elif self.config.normalisation == "utterance":
            features = _normalised_within(features, lengths, inside)
        return features * inside, lengths

    def fit(self, batches: list[tuple[Tensor, Tensor]]) -> None:
        """Estimate the global mean and deviation from batches of (waveforms, lengths)."""
        frames = []
        for waveforms, lengths in batches:
            features, frame_lengths = self._unnormalised(waveforms, lengths, None)
            frames.append(features[valid_frames(frame_lengths, features.shape[1])])
        together = torch.cat(frames)
        self.mean.copy_(together.mean(0))
        self.deviation.copy_(together.std(0, correction=0).clamp(min=SMALLEST_DEVIATION))

    def _unnormalised(
        self, waveforms: Tensor, lengths: Tensor, mask: Callable[[Tensor, Tensor], Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        if not waveforms.shape[1]:  # torch transforms one sample of silence, and not none
            waveforms = waveforms.new_zeros(len(waveforms), 1)
        waveforms = waveforms.masked_fill(~valid_frames(lengths, waveforms.shape[1]), 0.0)
        frames = frames_of(lengths)
        mel = self.mel_spectrogram(waveforms)  # (batch, samples) -> (batch, mel bands, frames)
        # the first frames of the padding still see the last samples, and must not be the loudest point
        mel = mel * valid_frames(frames, mel.shape[2])[:, None]
        # torchaudio takes the loudest point of all channels of a recording, so each recording gets one channel
        log_mel = self.to_decibel(mel[:, None])[:, 0]
        if mask is not None:
            log_mel = mask(log_mel, frames)
        mfcc = log_mel.transpose(1, 2) @ self.dct  # (batch, mel bands, frames) -> (batch, frames, coefficients)
        if not self.config.deltas:
            return mfcc, frames
        # in place of the padding the last frame is repeated, as torchaudio does at the end of a lone recording
        index = torch.arange(mfcc.shape[1], device=mfcc.device).expand(len(mfcc), -1)
        index = index.minimum(frames[:, None] - 1)[:, :, None].expand_as(mfcc)
        orders = [mfcc.gather(1, index).transpose(1, 2)]
        for _ in range(self.config.deltas):
            slope = torchaudio.functional.compute_deltas(orders[-1], DELTA_WINDOW)
            orders.append(slope.gather(2, index.transpose(1, 2)))
        return torch.cat(orders, dim=1).transpose(1, 2), frames


def _normalised_within(features: Tensor, lengths: Tensor, inside: Tensor) -> Tensor:
    count = lengths[:, None, None]
    mean = (features * inside).sum(1, keepdim=True) / count
    variance = ((features - mean).square() * inside).sum(1, keepdim=True) / count
    return (features - mean) / (variance.sqrt() + SMALLEST_DEVIATION)
