"""Beam search with the character language model: shallow fusion letter by letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from oyez.models.decoding.beam import Lexicon, beam_search
from oyez.models.decoding.decoder import LogProbs
from oyez.models.language.character import BOUNDARY, CharacterLanguageModel, State
from oyez.models.language.fusion import FusionConfig


@dataclass(frozen=True)
class CharacterLmDecoder:
    """Finds the likeliest letters by the acoustic model and the character language model together."""

    model: CharacterLanguageModel  # on the CPU
    config: FusionConfig
    lexicon: Lexicon | None = None  # the words that may be said; None: any
    width: int = 16  # labellings kept at each step

    def with_weights(self, config: FusionConfig) -> CharacterLmDecoder:
        """Return a decoder with the same language model and other weights."""
        return replace(self, config=config)

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the likeliest text, given log-probabilities of shape (steps, labels)."""
        fusion = CharacterFusion(self.model, self.config)
        return list(beam_search(log_probs, self.width, self.lexicon, language=fusion)[0].labels)


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
        start = self.model.initial_state(1)
        states = [self._states[prefix[:-1]] if prefix else start for prefix in prefixes]
        # (layers, 1, width) of each -> (layers, prefixes, width)
        state = State(
            torch.cat([before.hidden for before in states], dim=1), torch.cat([before.cell for before in states], dim=1)
        )
        last = torch.tensor([[prefix[-1] if prefix else BOUNDARY] for prefix in prefixes])
        log_probs, state = self.model(last, state)
        for number, prefix in enumerate(prefixes):
            self._states[prefix] = state.select([number])
        scores = self.config.weight * log_probs[:, -1]  # (prefixes, labels)
        scores[:, 1:] += self.config.letter_score
        return scores.tolist()
