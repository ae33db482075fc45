"""Start a piece of work in several processes of one thread each (or join torchrun's), and stop them all cleanly."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing

from oyez.data.cores import available_cores
from oyez.training.errors import ProcessError, RunInterruptedError

Stop = Callable[[], int]  # gives the number of the signal that asks to stop, or 0
Work = Callable[[Any, str, Stop], None]  # (argument, device, stop)

_LONGEST_WAIT = timedelta(hours=1)  # of one process for another, while the first one validates, say
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3): memory is given back, and large blocks come from the kernel
_PATIENCE = 10.0  # seconds that the other processes have to end by themselves after one has failed


def run(work: Work, argument: Any, device: str, processes: int | None = None) -> None:
    """Do `work(argument, device, stop)`: in torchrun's processes, or one a core on the CPU, or in this one.

    Args:
        work: a function of a module, as it travels to other processes by name.
        argument: what it works on; pickled.
        device: "cpu" or "cuda"; under torchrun each process gets a GPU of its own.
        processes: how many on the CPU; None: as many as there are cores to use.

    Raises:
        RunInterruptedError: SIGINT or SIGTERM came and `work` raised this once it had saved what it had to.
        ProcessError: there is no such device, or a process was killed.
        And what `work` raises.
    """
    if device != "cpu" and (processes or 1) > 1:
        raise ProcessError(f"{processes} processes are for the CPU; for several GPUs use torchrun")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ProcessError(f"device {device!r}: {str(error).splitlines()[0]}") from error
    if "WORLD_SIZE" in os.environ:
        _join_torchrun(work, argument, device)
    elif (count := processes or (available_cores() if device == "cpu" else 1)) == 1:
        _work_here(work, argument, device)
    else:
        _work_in_children(work, argument, count)


def rank_and_processes() -> tuple[int, int]:
    """Return which of how many processes this is."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def _work_here(work: Work, argument: Any, device: str, parent: int | None = None) -> None:
    if device == "cpu":
        # an LSTM's threads meet at a barrier at every time step, and wait there for whoever lost its core
        torch.set_num_threads(1)
        _keep_freed_memory()
    with _noted_signals() as noted:

        def stop() -> int:
            orphaned = parent not in (None, os.getppid())  # nobody is left to work for
            return noted() or (signal.SIGTERM if orphaned else 0)

        work(argument, device, stop)


def _keep_freed_memory() -> None:
    """Have glibc, where it is, keep what is freed: else each step asks the kernel for the same memory, zeroed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)


def _join_torchrun(work: Work, argument: Any, device: str) -> None:
    if device.startswith("cuda"):
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=_LONGEST_WAIT)
    try:
        _work_here(work, argument, device)
    finally:
        dist.destroy_process_group()


def _work_in_children(work: Work, argument: Any, count: int) -> None:
    context = torch.multiprocessing.get_context("spawn")
    errors = context.SimpleQueue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = [
        context.Process(target=_child, args=(rank, count, port, os.getpid(), work, argument, errors))
        for rank in range(count)
    ]
    with _noted_signals() as stop:
        _start(children)
        _watch(children, stop)
    if not errors.empty():
        raise errors.get()
    if any(child.exitcode for child in children):
        if stop() and all(child.exitcode in (0, -stop()) for child in children):
            raise RunInterruptedError(stop())  # before they had begun
        codes = ", ".join(str(child.exitcode) for child in children)
        raise ProcessError(f"a process was killed (exit codes {codes}); run again to resume")


def _start(children: Sequence[BaseProcess]) -> None:
    """Start processes that ignore Ctrl-C until they note signals themselves; theirs are passed on by `_watch`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for child in children:
            child.start()
    finally:
        signal.signal(signal.SIGINT, before)


def _watch(children: Sequence[BaseProcess], stop: Stop) -> None:
    """Wait for all children; pass a signal on to them, and end them all when one has failed."""
    try:
        while any(child.is_alive() for child in children):
            for child in children:
                child.join(0.1)
                if stop() and child.is_alive() and child.pid:
                    os.kill(child.pid, stop())  # repeatedly: one that is just starting ignores it
            if any(child.exitcode for child in children):
                for child in children:
                    child.join(_PATIENCE)
                break
    finally:
        for child in children:
            child.kill()
            child.join()


def _child(rank: int, count: int, port: int, parent: int, work: Work, argument: Any, errors: Any) -> None:
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", _LONGEST_WAIT, world_size=count, rank=rank)
    try:
        _work_here(work, argument, "cpu", parent)
    except Exception as error:
        # the parent raises the first one; where the input is at fault, all processes fail alike
        error.add_note(f"in process {rank}: {traceback.format_exc()}")
        errors.put(error)
        sys.exit(1)
    finally:
        dist.destroy_process_group()


@contextmanager
def _noted_signals() -> Iterator[Stop]:
    """Note SIGINT and SIGTERM instead of dying of them."""
    caught = [0]

    def note(number: int, _: FrameType | None) -> None:
        caught[0] = number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: caught[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
