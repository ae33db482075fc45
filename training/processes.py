"""A piece of work in as many processes as it takes, each of one thread, and a clean way to stop them all."""

from __future__ import annotations

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

Stop = Callable[[], int]  # gives the number of the signal that asks to stop, or 0
Work = Callable[[Any, str, Stop], None]  # (argument, device, stop)

_PATIENCE = 10.0  # seconds that the other processes have to end by themselves after one has failed


class Interrupted(Exception):
    """The work was asked to stop, and did so in good order. `signal` is the number of the signal."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signal).name}; run again to go on"


def run(work: Work, argument: Any, device: str, processes: int | None = None) -> None:
    """Do `work(argument, device, stop)`: in torchrun's processes, or one a core on the CPU, or in this one.

    Args:
        work: a function of a module, as it travels to other processes by name.
        argument: what it works on; pickled.
        device: "cpu" or "cuda"; under torchrun each process gets a GPU of its own.
        processes: how many on the CPU; None: as many as there are cores to use.

    Raises:
        Interrupted: SIGINT or SIGTERM came and `work` raised this once it had saved what it had to.
        RuntimeError: a process was killed.
        And what `work` raises.
    """
    if "WORLD_SIZE" in os.environ:
        _join_torchrun(work, argument, device)
    elif (count := processes or (_cores() if device == "cpu" else 1)) == 1:
        _work_here(work, argument, device)
    else:
        _work_in_children(work, argument, count)


def rank_and_processes() -> tuple[int, int]:
    """Return which of how many processes this is."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work_here(work: Work, argument: Any, device: str) -> None:
    if device == "cpu":
        # an LSTM's threads meet at a barrier at every time step, and wait there for whoever lost its core
        torch.set_num_threads(1)
    with _noted_signals() as stop:
        work(argument, device, stop)


def _join_torchrun(work: Work, argument: Any, device: str) -> None:
    if device.startswith("cuda"):
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
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
        context.Process(target=_child, args=(rank, count, port, work, argument, errors), daemon=True)
        for rank in range(count)
    ]
    for child in children:
        child.start()
    with _noted_signals() as stop:
        _watch(children, stop)
    if not errors.empty():
        raise errors.get()
    if any(child.exitcode for child in children):
        codes = ", ".join(str(child.exitcode) for child in children)
        raise RuntimeError(f"a process was killed (exit codes {codes}); run again to go on")


def _watch(children: Sequence[BaseProcess], stop: Stop) -> None:
    """Wait for all children; pass a signal on to them, and end them all when one has failed."""
    passed_on = False
    while any(child.is_alive() for child in children):
        for child in children:
            child.join(0.05)
        if stop() and not passed_on:
            passed_on = True
            for child in children:
                if child.is_alive() and child.pid:
                    os.kill(child.pid, stop())
        if any(child.exitcode for child in children):
            for child in children:
                child.join(_PATIENCE)
                child.kill()


def _child(rank: int, count: int, port: int, work: Work, argument: Any, errors: Any) -> None:
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", timedelta(hours=1), world_size=count, rank=rank)
    try:
        _work_here(work, argument, "cpu")
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
