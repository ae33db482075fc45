"""Inputs to outcomes, in order: in this process when there is little to do, by worker processes when there is much."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from oyez.app.transcribe.cutting import Assembly, Numbered, Outcome, portions
from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.pool import Pool, fitting_workers, input_bytes
from oyez.app.transcribe.worker import Settings, hear

if TYPE_CHECKING:
    from oyez.models.recognizer import Recognizer

LITTLE = 16 << 20  # bytes of recordings that are done sooner than worker processes have started


def suitable_workers(inputs: Sequence[Input]) -> int:
    """Return how many worker processes these inputs are worth; 1 is this process alone."""
    total = 0
    for each in inputs:
        total += input_bytes(each)
        if total > LITTLE:
            return fitting_workers()
    return 1


def transcribe(
    inputs: Sequence[Input],
    recognizer: Recognizer,
    settings: Settings,
    workers: int | None = None,
    progress: Callable[[float], object] = lambda _: None,
) -> Iterator[Outcome]:
    """Transcribe inputs of any length, in the order given. A damaged one has an outcome with its error.

    Args:
        inputs: see `oyez.app.transcribe.inputs.gather`.
        recognizer: hears, if this process does; on a GPU it always does.
        settings: what each worker process loads its own recogniser by.
        workers: how many processes read and, on a CPU, hear; 1 is this one; None: as many as suit the inputs and the
            machine. They do not change the result.
        progress: takes the seconds of recordings that were read and transcribed since it was last called.

    Raises:
        app.transcribe.pool.PoolError: worker processes cannot run here.
    """
    workers = workers or suitable_workers(inputs)
    assembly = Assembly(inputs, recognizer.merge)
    if workers == 1:
        for portion in portions(map(Numbered, range(len(inputs)), inputs), settings.portion_seconds):
            assembly.add(hear(recognizer, portion.pieces), portion.ends)
            progress(portion.seconds_read)
            yield from assembly.outcomes()
        return
    with Pool(settings, workers, None if recognizer.runtime.device == "cpu" else recognizer) as pool:
        for _ in pool.run(inputs, assembly, progress):
            yield from assembly.outcomes()
