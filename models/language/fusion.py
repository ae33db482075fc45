"""How much the character language model counts in the beam search."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FusionConfig(BaseModel, frozen=True, extra="forbid"):
    """How much the language model counts against the acoustic one."""

    weight: float = Field(default=0.5, ge=0)  # of its log-probabilities
    letter_score: float = 0.0  # added for every letter: a language model alone prefers short texts
