"""What every decoder is: log-probabilities of one utterance in, labels out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

LogProbs = npt.NDArray[np.float32]  # shape (steps, labels): natural logarithms, each row sums to 1 in probability


class Decoder(Protocol):
    """Finds a text in what the network says.

    A decoder is made once for a model and does not change: it holds no state of a recording.
    """

    @property
    def name(self) -> str:
        """What options call it: greedy, beam, word, ngram, lstm."""
        ...

    def decode(self, log_probs: LogProbs) -> list[int]:
        """Return the labels of the text, without blanks, given the log-probabilities of one utterance.

        Args:
            log_probs: shape (steps, labels), float32; zero steps give no labels.
        """
        ...
