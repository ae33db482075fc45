"""The state of a run between two steps, in a file: what is needed to go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from pydantic import ValidationError
from torch import nn

from oyez.data.manifest import Utterance
from oyez.models.checkpoint import CheckpointError, find_checkpoint, read_config
from oyez.training.config import Recipe, RecipeError

STATE = "state.pt"
LOCK = ".lock"
GONE = "gone"
_LEAVING = 30.0  # seconds that the processes of a run that was killed have to notice it


@dataclass(frozen=True)
class Origin:
    """What a run is made from. A run goes on only from the same."""

    recipe: Recipe
    processes: int
    init: str | None  # hash of the weights that it starts from; GONE if they cannot be had any more
    speech: str  # hash of what is learned from and validated on

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        processes: int,
        init: str | None,
        training: Sequence[Utterance],
        validation: Sequence[Utterance],
    ) -> Origin:
        """Return the origin of a run that starts from the model `init`, which need not be there any more."""
        return cls(recipe, processes, _weights_of(init), _digest(training, validation))


def _weights_of(init: str | None) -> str | None:
    """Return the hash of the weights that a run starts from; "gone" if they are not there any more."""
    if init is None:
        return None
    try:
        return read_config(find_checkpoint(init)).weights_sha256
    except CheckpointError:
        return GONE


def _digest(*lists: Sequence[Utterance]) -> str:
    """Return a hash of what is said in which stretches of recordings, wherever the data folder is."""
    hashed = hashlib.sha256()
    for utterances in lists:
        for each in utterances:
            hashed.update(f"{each.path.name} {each.offset} {each.duration} {each.text}\n".encode())
        hashed.update(b"\n")
    return hashed.hexdigest()


@dataclass
class TrainingState:
    """How far a run is. All randomness hangs on these numbers, so no generator's state is needed."""

    origin: Origin  # as it was when the run began
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
def alone_in(out: Path, stop: Callable[[], int] = lambda: 0, patience: float = _LEAVING) -> Iterator[None]:
    """Keep other runs out of a run's folder; the system gives it free when this process ends, however it ends.

    Args:
        out: the folder; made if it is not there.
        stop: ends the wait when it gives other than 0.
        patience: seconds to wait for a run that is there.

    Raises:
        RecipeError: another run stays in it.
    """
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / LOCK)
    deadline = time.monotonic() + patience
    while not lock.is_locked:
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            if stop() or time.monotonic() >= deadline:
                raise RecipeError(f"another run is at work in {out}: stop it, or choose another --out") from None
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
            "recipe": state.origin.recipe.model_dump_json(),
            "processes": state.origin.processes,
            "init": state.origin.init,
            "speech": state.origin.speech,
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
        },
    )


def load_state(out: Path, origin: Origin) -> TrainingState | None:
    """Read the state of a run; None if there is none yet.

    Raises:
        RecipeError: the state is damaged, or of a run with another origin.
    """
    saved = read_state(out)
    if saved is None:
        return None
    try:
        before = Origin(Recipe.model_validate_json(saved["recipe"]), saved["processes"], saved["init"], saved["speech"])
    except (KeyError, ValidationError) as error:
        raise _unusable(out, error) from error
    different = differences(before.recipe.model_dump(), origin.recipe.model_dump())
    if different:
        raise RecipeError(f"{out} holds a run with another recipe ({'; '.join(different)}). Choose another --out")
    if before.processes != origin.processes:
        raise RecipeError(f"{out} holds a run of {before.processes} processes, not {origin.processes}: use as many")
    if before.speech != origin.speech:
        raise RecipeError(f"{out} holds a run on other speech: the corpora have changed since. Choose another --out")
    if origin.init != before.init and not (before.init and origin.init == GONE):
        raise RecipeError(f"{out} holds a run that started from another model (--init). Choose another --out")
    return TrainingState(before, **saved["counters"], tensors=saved)


def write_state(out: Path, contents: Mapping[str, Any]) -> None:
    """Write the state of any run: tensors, numbers and texts. A run killed while it writes keeps the one before."""
    part = out / f"{STATE}.part"
    with part.open("wb") as file:
        torch.save(dict(contents), file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(out / STATE)


def read_state(out: Path) -> dict[str, Any] | None:
    """Read the state of any run; None if there is none yet. Raises RecipeError if it is damaged."""
    path = out / STATE
    if not path.is_file():
        return None
    try:
        contents: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise _unusable(out, error) from error
    return contents


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Return a line for each setting in which two dictionaries of settings, and of such dictionaries, differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [d for key in keys for d in differences(before.get(key), now.get(key), f"{place}.{key}".strip("."))]
    return [] if before == now else [f"{place} was {before}, is {now}"]


def _unusable(out: Path, error: Exception) -> RecipeError:
    reason = str(error).splitlines()[0]
    return RecipeError(
        f"{out / STATE}: damaged, or of another version ({reason}). Choose another --out, or delete it to start anew"
    )
