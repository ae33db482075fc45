"""What can go wrong in training, as classes: each message names the value and the way out."""

from __future__ import annotations

import signal


class TrainingError(Exception):
    """A training that cannot be done as it was asked for."""


class RecipeError(TrainingError):
    """A recipe that cannot be used: a setting that is unknown, out of range or does not fit the others."""


class DataError(TrainingError):
    """Speech that cannot be learned from as the recipe asks."""


class MissingDataError(DataError):
    """Corpora that are not in the data folder."""


class MissingNoiseError(DataError):
    """Recordings of noise or measured rooms that are missing or cannot be used."""


class RunLockedError(TrainingError):
    """A folder that another run is writing."""


class StateError(TrainingError):
    """A saved state that is damaged."""


class RunMismatchError(TrainingError):
    """A folder that holds the run of another recipe, other speech, another start or another number of processes."""


class ModelMismatchError(TrainingError):
    """A model to start from that has another shape or is of another kind than what is trained."""


class ProcessError(TrainingError):
    """Processes or a device that are unavailable, or a process that was killed."""


class MissingPackageError(TrainingError):
    """A Python package of an extra that is not installed."""


class RunInterruptedError(Exception):
    """The work was asked to stop and did so in good order. `signal` is the number of the signal.

    It is no TrainingError: nothing is wrong, and the same command resumes.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signal).name}; run again to resume"
