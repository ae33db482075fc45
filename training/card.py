"""Model cards: what a checkpoint folder says about its model in words."""

from __future__ import annotations

from oyez.training.config import Recipe
from oyez.training.evaluation.metrics import Accuracy


def training_card(recipe: Recipe, validation: Accuracy, init: str | None = None) -> str:
    """Return the model card of a run, as far as the run knows: shape, data, the model it began with, validation."""
    corpora = "\n".join(
        f"- {c.corpus}, {c.root}{f', {c.split}' if c.split else ''}"
        f"{', as other speech that gives no text' if c.other_speech else ''}"
        for c in recipe.data.train
    )
    acoustic = recipe.acoustic
    direction = "bidirectional " if acoustic.bidirectional else ""
    network = (
        f"{acoustic.layers} layers of {direction}{acoustic.cell.upper()}, width {acoustic.width}, "
        f"one step every {10 * acoustic.subsampling} ms"
    )
    if acoustic.pooling == "features":
        network = f"no recurrence; two linear layers, width {acoustic.width}"
    task = f"classifier of words, pooling {acoustic.pooling}" if acoustic.pooling else "CTC over characters"
    start = f", starting from the model `{init}`" if init is not None else ""
    return f"""# {recipe.name}

{recipe.description}

- Features: {recipe.features.size} MFCC every 10 ms, normalisation {recipe.features.normalisation}
- Network: {network}, {task}
- Validation: {validation}

Trained on{start}:

{corpora}
"""
