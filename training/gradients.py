"""Gradients while a network learns: their norm in every layer, and at every time step that they flow back through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def norms_by_layer(network: nn.Module) -> dict[str, float]:
    """Return the gradient norm of each module that has parameters of its own, after `backward`."""
    norms = {}
    for name, module in network.named_modules():
        gradients = [p.grad.float().norm() for p in module.parameters(recurse=False) if p.grad is not None]
        if gradients:
            norms[name] = float(torch.stack(gradients).norm())
    return norms


@contextmanager
def norms_by_step(network: nn.Module, enabled: bool = True) -> Iterator[dict[str, Tensor]]:
    """Watch the gradients of the recurrent layers' inputs through one forward and backward pass.

    The gradient of the loss with respect to what a layer reads at a step has come back through all later steps of that
    layer, which PyTorch's fused kernels otherwise hide. Where it is far smaller at early steps than at late ones, the
    gradient vanishes on its way; a backward direction reads the last step first, so there it is the other way round.

    Yields:
        a dictionary that `backward` fills: layer -> norm of each step in the order of reading, shape (steps,), over the
        whole batch. It stays empty if this is not enabled.
    """
    norms: dict[str, Tensor] = {}
    hooks = []

    def watch(name: str, inputs: tuple[Tensor, ...]) -> None:
        sequences = inputs[0]  # (batch, steps, features)
        if sequences.requires_grad:
            sequences.register_hook(lambda gradient: keep(name, gradient))  # type: ignore[no-untyped-call]  # torch's own

    def keep(name: str, gradient: Tensor) -> None:
        norms[name] = gradient.detach().float().square().sum((0, 2)).sqrt().cpu()

    for name, module in network.named_modules():
        if enabled and isinstance(module, nn.RNNBase):
            hooks.append(module.register_forward_pre_hook(lambda _, inputs, name=name: watch(name, inputs)))
    try:
        yield norms
    finally:
        for hook in hooks:
            hook.remove()
