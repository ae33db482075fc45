"""Which models a visitor may use."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from oyez.app.events import warm_up
from oyez.models.checkpoint import CheckpointError, shipped_models
from oyez.models.recognizer import Recognizer


@functools.lru_cache(maxsize=4)  # a recognizer holds no state of a visitor, so that all of them share it
def _loaded(name: str) -> Recognizer:
    recognizer = Recognizer.load(name)
    warm_up(recognizer)
    return recognizer


@dataclass(frozen=True)
class Choice:
    """The shipped models and the one that the page was started with; any folder, if the page is its owner's alone."""

    first: str
    any_folder: bool

    @property
    def names(self) -> list[str]:
        """What there is to choose from."""
        return list(dict.fromkeys([*shipped_models(), self.first]))

    def recognizer(self, name: str) -> Recognizer:
        """Return a model, loaded once for all. Raises CheckpointError if it is damaged or not for this visitor."""
        if not self.any_folder and name not in self.names:
            raise CheckpointError(f"no model {name!r} here; there are {', '.join(self.names)}")
        return _loaded(name)
