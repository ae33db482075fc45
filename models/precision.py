"""What the network computes in: float32, or bfloat16 where the processor is faster in it."""

from __future__ import annotations

import torch

from oyez.models.config import Precision


def resolve_precision(wanted: Precision, device: torch.device) -> torch.dtype:
    """Return the type to compute in: the one that is wanted, or what is fast on the device if that is "auto"."""
    if wanted != "auto":
        return torch.float32 if wanted == "float32" else torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capabilities = torch.cpu.get_capabilities()
    fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32
