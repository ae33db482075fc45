"""Work in several processes: signals reach all of them, and one that fails does not leave the others waiting."""

from __future__ import annotations

import os
import signal

import pytest
import torch
import torch.distributed as dist

from oyez.training import processes
from oyez.training.errors import ProcessError, RunInterruptedError
from oyez.training.processes import Stop


def add_up(argument: list[int], device: str, stop: Stop) -> None:
    rank, count = processes.rank_and_processes()
    total = torch.tensor(argument[rank])
    if count > 1:
        dist.all_reduce(total)
    assert int(total) == sum(argument[:count])
    assert torch.get_num_threads() == 1


def fail_in_one(argument: str, device: str, stop: Stop) -> None:
    if processes.rank_and_processes()[0] == 1:
        raise LookupError(argument)
    dist.barrier()  # waits for the one that has failed


def signal_the_parent(argument: None, device: str, stop: Stop) -> None:
    rank, _ = processes.rank_and_processes()
    if rank == 0:
        os.kill(os.getppid(), signal.SIGTERM)
    while not stop():
        pass
    raise RunInterruptedError(stop())


def die(argument: None, device: str, stop: Stop) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("count", [1, 2])
def test_processes_work_together_on_one_thread_each(count: int) -> None:
    processes.run(add_up, [1, 2], "cpu", count)


def test_a_failure_in_one_ends_all_and_is_raised_here() -> None:
    with pytest.raises(LookupError, match="lost"):
        processes.run(fail_in_one, "lost", "cpu", 2)


def test_a_signal_to_the_parent_reaches_all() -> None:
    with pytest.raises(RunInterruptedError, match="stopped by SIGTERM; run again to resume"):
        processes.run(signal_the_parent, None, "cpu", 2)


def test_several_processes_on_a_gpu_are_torchruns_work() -> None:
    with pytest.raises(ProcessError, match="torchrun"):
        processes.run(add_up, [1, 2], "cuda", 2)


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(ProcessError, match="'abacus'"):
        processes.run(add_up, [1], "abacus", 1)


def test_a_killed_process_is_told() -> None:
    with pytest.raises(ProcessError, match="killed"):
        processes.run(die, None, "cpu", 2)
