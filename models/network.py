"""The whole network, front end and acoustic model, as one torch module: the weights of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from oyez.models import checkpoint
from oyez.models.checkpoint import (
    CONFIG,
    WEIGHTS,
    CheckpointError,
    find_checkpoint,
    read_config,
    read_weights,
    without_weights,
)
from oyez.models.classifier import acoustic_model
from oyez.models.config import ModelConfig, Weights
from oyez.models.frontend import MfccFrontEnd


class Model(nn.Module):
    """Front end and acoustic model; what its configuration says of decoding and confidence travels with it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.front_end = MfccFrontEnd(config.features)
        self.acoustic = acoustic_model(config.acoustic, config.features.size, config.vocabulary)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map padded waveforms (batch, samples) to log-probabilities (batch, steps, labels) and lengths in steps.

        A classifier gives (batch, 1, classes) and lengths of 1.
        """
        features, frames = self.front_end(waveforms, lengths)
        log_probs, steps = self.acoustic(features, frames)
        return log_probs, steps


def save_checkpoint(
    folder: Path, model: Model, card: str, dtype: torch.dtype = torch.float16, config: ModelConfig | None = None
) -> None:
    """Write a model as a folder. Weights are stored as `dtype`; normalisation statistics stay in float32.

    `config` stands in the folder instead of the model's own, with other confidences or another name.
    """
    write_folder(folder, model, config or model.config, card, dtype)


def load_checkpoint(name_or_folder: str | Path) -> Model:
    """Rebuild a model, ready for inference on the CPU in float32.

    Args:
        name_or_folder: the name of a shipped model (see `shipped_models`) or a folder.

    Raises:
        CheckpointError: there is no such model, or the folder is damaged or foreign.
    """
    folder = find_checkpoint(name_or_folder)
    config = read_config(folder)
    model = Model(ModelConfig(**without_weights(config)))
    load_weights(model, folder, config)
    return model.eval()


def write_folder(folder: Path, model: nn.Module, config: BaseModel, card: str, dtype: torch.dtype) -> None:
    """Write any network and its configuration. Parameters are stored as `dtype`, buffers as they are.

    How the files are put in place: see `checkpoint.write_folder`.
    """
    parameters = {name for name, _ in model.named_parameters()}
    tensors = {
        name: tensor.detach().cpu().to(dtype if name in parameters else tensor.dtype).contiguous()
        for name, tensor in model.state_dict().items()
    }
    checkpoint.write_folder(folder, config, save(tensors), card)


def load_weights(model: nn.Module, folder: Path, config: Weights) -> None:
    """Put a folder's weights into a network of the shape that its configuration gives. Raises CheckpointError."""
    weights = read_weights(folder, config)
    try:
        tensors = load(weights)
        model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{folder / WEIGHTS}: does not fit {CONFIG} ({error})") from error
