"""The state of a run between two steps, in a file: what is needed to resume as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from pydantic import ValidationError
from torch import nn

from oyez.data.files import whole_file
from oyez.data.manifest import Utterance
from oyez.models.checkpoint import CheckpointError, find_checkpoint, read_config
from oyez.models.config import ModelConfig
from oyez.training.config import Recipe
from oyez.training.errors import RunLockedError, RunMismatchError, StateError

STATE = "state.pt"
LOCK = ".lock"
MISSING = "missing"
_PATIENCE = 30.0  # seconds that the processes of a run that was killed have to notice it
_LENGTHS = ("epochs", "steps")  # settings of the optimisation that say how long a run is; it may become longer
_NOT_COMPARED: Any = {  # whether a corpus may be missing: what is learned from is compared by itself
    "data": {part: {"__all__": {"optional"}} for part in ("train", "validation")}
}


@dataclass(frozen=True)
class RunFingerprint:
    """What a run is made from. A run resumes only from the same."""

    recipe: Recipe
    processes: int
    init: str | None  # hash of the weights that it starts from; MISSING if they are unavailable
    speech: str  # hash of what is learned from and validated on

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        processes: int,
        init: str | None,
        training: Sequence[Utterance],
        validation: Sequence[Utterance],
    ) -> RunFingerprint:
        """Return the fingerprint of a run that starts from the model `init`, which may be missing."""
        return cls(recipe, processes, _weights_of(init), _digest(training, validation))


def _weights_of(init: str | None) -> str | None:
    """Return the hash of the weights that a run starts from; MISSING if they are unavailable."""
    if init is None:
        return None
    try:
        return read_config(find_checkpoint(init)).weights_sha256
    except CheckpointError:
        return MISSING


def _digest(*lists: Sequence[Utterance]) -> str:
    """Return a hash of what is said in which stretches of recordings, wherever the data folder is."""
    hashed = hashlib.sha256()
    for utterances in lists:
        for utterance in utterances:
            hashed.update(f"{utterance.path.name} {utterance.offset} {utterance.duration} {utterance.text}\n".encode())
        hashed.update(b"\n")
    return hashed.hexdigest()


@dataclass
class TrainingState:
    """How far a run is. All randomness is derived from these numbers, so no generator's state is needed."""

    fingerprint: RunFingerprint  # as it was when the run began, but for its length
    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best: float | None = None  # lowest validation WER so far
    tensors: dict[str, Any] | None = None  # as read from the file, until `restore` has put them to use

    def restore(self, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Put the saved weights and moments back."""
        assert self.tensors is not None
        model.load_state_dict(self.tensors["model"])
        average.load_state_dict(self.tensors["average"])
        optimiser.load_state_dict(self.tensors["optimiser"])
        self.tensors = None


@contextmanager
def run_lock(out: Path, stop: Callable[[], int] = lambda: 0, patience: float = _PATIENCE) -> Iterator[None]:
    """Keep other runs out of a run's folder; the system releases it when this process ends, however it ends.

    Args:
        out: the folder; made if it is missing.
        stop: ends the wait when it gives other than 0.
        patience: seconds to wait for another run to leave.

    Raises:
        RunLockedError: another run stays in it.
    """
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / LOCK)
    deadline = time.monotonic() + patience
    while not lock.is_locked:
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            if stop() or time.monotonic() >= deadline:
                raise RunLockedError(f"{out} is locked by another process: stop it, or choose another --out") from None
    try:
        yield
    finally:
        lock.release()


def save_state(
    out: Path, state: TrainingState, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state; a run killed while it writes keeps the one before."""
    write_state(
        out,
        {
            "counters": {name: getattr(state, name) for name in ("epoch", "step_in_epoch", "step", "best")},
            "recipe": state.fingerprint.recipe.model_dump_json(),
            "processes": state.fingerprint.processes,
            "init": state.fingerprint.init,
            "speech": state.fingerprint.speech,
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
        },
    )


def load_state(out: Path, fingerprint: RunFingerprint) -> TrainingState | None:
    """Read the state of a run; None if there is none yet.

    The run may have been shorter, by its epochs or steps: it is then as long as `fingerprint` says from here on.

    Raises:
        StateError: the state is damaged.
        RunMismatchError: it is of a run with another fingerprint.
    """
    saved = read_state(out)
    if saved is None:
        return None
    try:
        before = RunFingerprint(
            Recipe.model_validate_json(saved["recipe"]), saved["processes"], saved["init"], saved["speech"]
        )
    except (KeyError, ValidationError) as error:
        raise _damaged(out, error) from error
    longer = _as_long(before.recipe, fingerprint.recipe)
    different = differences(
        longer.model_dump(exclude=_NOT_COMPARED), fingerprint.recipe.model_dump(exclude=_NOT_COMPARED)
    )
    if different:
        raise RunMismatchError(f"{out} holds a run with another recipe ({'; '.join(different)}). Choose another --out")
    if before.processes != fingerprint.processes:
        raise RunMismatchError(
            f"{out} holds a run of {before.processes} processes, not {fingerprint.processes}: use as many"
        )
    if before.speech != fingerprint.speech:
        raise RunMismatchError(f"{out} holds a run on other speech: the corpora have changed. Choose another --out")
    if fingerprint.init != before.init and not (before.init and fingerprint.init == MISSING):
        raise RunMismatchError(f"{out} holds a run that started from another model (--init). Choose another --out")
    return TrainingState(replace(before, recipe=longer), **saved["counters"], tensors=saved)


def saved_shape(out: Path) -> ModelConfig | None:
    """Return features, network and vocabulary of the model that a folder's run trains; None if it holds no run."""
    saved = read_state(out)
    if saved is None:
        return None
    try:
        recipe = Recipe.model_validate_json(saved["recipe"])
    except (KeyError, ValidationError) as error:
        raise _damaged(out, error) from error
    return ModelConfig(features=recipe.features, acoustic=recipe.acoustic, vocabulary=recipe.vocabulary)


def _as_long(before: Recipe, now: Recipe) -> Recipe:
    """Return a recipe with the length of another, if that is no shorter."""
    lengths = {name: getattr(now.optimisation, name) for name in _LENGTHS}
    if any((lengths[name] or 0) < (getattr(before.optimisation, name) or 0) for name in _LENGTHS):
        return before
    return before.model_copy(update={"optimisation": before.optimisation.model_copy(update=lengths)})


def write_state(out: Path, contents: Mapping[str, Any]) -> None:
    """Write the state of any run: tensors, numbers and texts. A run killed while it writes keeps the one before."""
    with whole_file(out / STATE) as part, part.open("wb") as file:
        torch.save(dict(contents), file)
        file.flush()
        os.fsync(file.fileno())


def read_state(out: Path) -> dict[str, Any] | None:
    """Read the state of any run; None if there is none yet. Raises StateError if it is damaged."""
    path = out / STATE
    if not path.is_file():
        return None
    try:
        contents: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise _damaged(out, error) from error
    return contents


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Return a line for each setting in which two dictionaries of settings, and of such dictionaries, differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [d for key in keys for d in differences(before.get(key), now.get(key), f"{place}.{key}".strip("."))]
    return [] if before == now else [f"{place} was {before}, is {now}"]


def _damaged(out: Path, error: Exception) -> StateError:
    reason = str(error).splitlines()[0]
    return StateError(
        f"{out / STATE}: damaged, or of another version ({reason}). Choose another --out, or delete it to start anew"
    )
