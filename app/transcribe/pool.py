"""Worker processes, and who of them does what: many recordings side by side, or one long recording by all of them.

Each worker reads recordings and hears what it has read, so that no audio travels between processes. Only when there are
fewer recordings left than workers, the one who reads hands on what is to be heard. A worker that dies (some codec, some
damaged file) takes down nothing: what it had in hand is tried once more, each recording by itself, and then given up.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING

from oyez.app.transcribe.cutting import Assembly, End, Numbered, Piece
from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.worker import Hear, Read, Reply, Settings, hear, work

if TYPE_CHECKING:
    from oyez.models.recognizer import Recognizer

AHEAD = 4096  # inputs that may be finished before the first unfinished one, whose turn in the output they wait for
UNIT_BYTES = 4 << 20  # of short recordings that a worker is given at once: two minutes of 16-bit samples
UNIT_INPUTS = 256
WORKER_BYTES = 800 << 20  # of memory, for torch, the model, a portion and its batches
HOPELESS_DEATHS = 8  # of workers, in a row from the start: it is not the recordings that kill them
BYTES_A_SECOND = 32_000  # of 16-bit samples


def fitting_workers() -> int:
    """Return the number of workers that the cores and the memory at hand allow."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _free_bytes() // WORKER_BYTES))


def prepare() -> None:
    """Start the process that workers are forked from: it begins to load torch while this one does something else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["oyez.app.transcribe.worker", "oyez.models.recognizer", "oyez.models.vad.silero"])
    forkserver.ensure_running()


class PoolError(Exception):
    """Worker processes cannot run."""


class _Process:
    """A worker process as its master sees it."""

    def __init__(self, settings: Settings) -> None:
        # forked from a process that has done nothing but to import: there are no threads that could hold a lock
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, settings), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Read | Hear | None = None
        self.reading: set[int] = set()  # the inputs in its hands that have not ended
        self.is_reading = False

    def give(self, task: Read | Hear) -> None:
        self.task = task
        if isinstance(task, Read) and task.inputs is not None:
            self.reading = {each.number for each in task.inputs}
            self.is_reading = True
        with suppress(OSError):  # it has died: that shows when its answer is asked for
            self.connection.send(task)

    def answer(self) -> Reply:
        try:
            reply: Reply = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            died = f"of {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            return Reply(error=f"the process that worked on it died {died}")
        self.reading -= {end.number for end in reply.ends}
        if isinstance(self.task, Read):
            self.is_reading = reply.is_reading
        return reply

    def inputs_at_stake(self) -> set[int]:
        """The inputs that are lost with the process, or with a task that failed."""
        return self.reading | ({piece.number for piece in self.task.pieces} if isinstance(self.task, Hear) else set())

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


class Pool:
    """Has inputs read and heard by worker processes; use it as a context, which ends them."""

    def __init__(self, settings: Settings, workers: int, hearer: Recognizer | None = None) -> None:
        """Start the workers. With a `hearer` (on a GPU) they only read, and it hears, here."""
        prepare()
        self._settings = settings
        self._hearer = hearer
        self._workers = [_Process(settings) for _ in range(workers)]
        self._units: deque[list[Numbered]] = deque()
        self._unheard: deque[Sequence[Piece]] = deque()
        self._retried: set[int] = set()
        self._progress: Callable[[float], object] = lambda _: None
        self._deaths: int | None = 0  # before the first answer; None: there was one

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def run(
        self, inputs: Sequence[Input], assembly: Assembly, progress: Callable[[float], object] = lambda _: None
    ) -> Iterator[None]:
        """Fill the assembly; yields whenever something was added to it. `progress` takes the seconds that were read."""
        self._progress = progress
        self._units.extend(units(inputs, len(self._workers)))
        while assembly.next < len(inputs):
            for worker in self._workers:
                if worker.task is None and (task := self._task_for(worker, assembly)) is not None:
                    worker.give(task)
            if self._hearer is not None and self._unheard:
                assembly.add(hear(self._hearer, self._unheard.popleft()))
                yield
            busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
            assert busy or self._unheard, "nobody works, and something is left"
            timeout = 0 if self._unheard and self._hearer is not None else None
            for connection in multiprocessing.connection.wait(list(busy), timeout):
                self._take(busy[connection], assembly)  # type: ignore[index]  # waited for connections, and no others
            yield

    def _task_for(self, worker: _Process, assembly: Assembly) -> Read | Hear | None:
        """Choose what an idle worker does next: finish what was begun before beginning more."""
        if self._hearer is not None:
            if len(self._unheard) >= len(self._workers):
                return None
        elif self._unheard and not worker.is_reading:
            return Hear(self._unheard.popleft())
        next_unit = self._units[0] if self._units and self._units[0][0].number < assembly.next + AHEAD else None
        helpers = sum(not other.is_reading for other in self._workers if other is not worker)
        # whoever has read hears it too, unless somebody else will soon have nothing to do
        hears = self._hearer is None and (next_unit is not None or len(self._unheard) >= 2 * helpers)
        if worker.is_reading:
            return Read(None, hears)
        if next_unit is not None:
            return Read(self._units.popleft(), hears)
        return None

    def _take(self, worker: _Process, assembly: Assembly) -> None:
        reply = worker.answer()
        if reply.error:
            if self._deaths is not None:
                self._deaths += 1
                if self._deaths >= HOPELESS_DEATHS:
                    raise PoolError(f"worker processes cannot run here ({reply.error}): use --workers 1")
            for number in worker.inputs_at_stake():
                self._try_again(number, assembly, reply.error)
            worker.end()
            self._workers[self._workers.index(worker)] = _Process(self._settings)
            return
        self._deaths = None
        worker.task = None
        self._progress(reply.seconds_read)
        assembly.add(reply.heard, reply.ends)
        if reply.pieces:
            self._unheard.append(reply.pieces)

    def _try_again(self, number: int, assembly: Assembly, error: str) -> None:
        if assembly.is_complete(number):
            return
        if number in self._retried:
            assembly.add(ends=[End(number, 0, error=error)])
        else:
            self._retried.add(number)
            self._units.appendleft([Numbered(number, assembly.inputs[number])])


def units(inputs: Iterable[Input], workers: int) -> Iterator[list[Numbered]]:
    """Group inputs so that short ones are read and heard together, and each worker gets several groups."""
    numbered = [(Numbered(number, each), input_bytes(each)) for number, each in enumerate(inputs)]
    limit = min(UNIT_BYTES, sum(size for _, size in numbered) // (4 * workers))
    unit: list[Numbered] = []
    filled = 0
    for each, size in numbered:
        if unit and (filled + size > limit or len(unit) >= UNIT_INPUTS):
            yield unit
            unit, filled = [], 0
        unit.append(each)
        filled += size
    if unit:
        yield unit


def input_bytes(each: Input) -> int:
    """Return about how much there is to read of an input; 0 if there is no telling."""
    if each.duration is not None:
        return round(each.duration * BYTES_A_SECOND)
    with suppress(OSError, ValueError):
        return each.path.stat().st_size
    return 0


def _free_bytes() -> int:
    """Return the memory that is free on this machine, or in the control group that this process is confined to."""
    free = [1 << 62]
    with suppress(ValueError, OSError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable")]
    with suppress(ValueError, OSError, KeyError):
        group = Path("/sys/fs/cgroup")
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # pages of files that were read count as used, and are given back as soon as somebody needs them
        used = int((group / "memory.current").read_text()) - int(statistics["inactive_file"])
        free.append(int((group / "memory.max").read_text()) - used)
    return max(0, min(free))
