"""The character language model as the beam search asks it: shallow fusion letter by letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from oyez.models.config import FusionConfig

if TYPE_CHECKING:
    from oyez.models.language.character import CharacterLanguageModel, State


class CharacterFusion:
    """What a character language model adds to each next label of a labelling. For the search of one utterance.

    The state after each labelling is kept, so that the network reads only the last label of a new one.
    """

    def __init__(self, model: CharacterLanguageModel, config: FusionConfig) -> None:
        self.model = model
        self.config = config
        self._states: dict[tuple[int, ...], State] = {}

    @torch.inference_mode()
    def __call__(self, prefixes: Sequence[tuple[int, ...]]) -> list[Sequence[float]]:
        """Return what each next label adds, at BLANK what the end of the text adds.

        Args:
            prefixes: labellings, each empty or longer by one label than one that was asked for before.
        """
        from oyez.models.language.character import BOUNDARY, State

        start = self.model.initial_state(1)
        before = [self._states[prefix[:-1]] if prefix else start for prefix in prefixes]
        # (layers, 1, width) of each -> (layers, prefixes, width)
        state = State(
            torch.cat([each.hidden for each in before], dim=1), torch.cat([each.cell for each in before], dim=1)
        )
        last = torch.tensor([[prefix[-1] if prefix else BOUNDARY] for prefix in prefixes])
        log_probs, state = self.model(last, state)
        for number, prefix in enumerate(prefixes):
            self._states[prefix] = state.select([number])
        scores = self.config.weight * log_probs[:, -1]  # (prefixes, labels)
        scores[:, 1:] += self.config.letter_score
        return scores.tolist()
