"""Worker processes: any number of them gives the same outcomes in the same order; the death of one costs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from oyez.app.transcribe import pool as pool_module
from oyez.app.transcribe.cutting import Assembly, Outcome
from oyez.app.transcribe.inputs import Input
from oyez.app.transcribe.pool import Pool, PoolError, fitting_workers, input_bytes, units
from oyez.app.transcribe.transcription import suitable_workers, transcribe
from oyez.app.transcribe.worker import Read, Settings
from oyez.data.audio import SAMPLE_RATE
from tests.app.transcribe.stand_in import DEADLY, WRONG, Hearer, StandIn, Unloadable

SETTINGS = StandIn("", "beam", "float32", 2.0)


@pytest.fixture
def inputs(tmp_path: Path) -> list[Input]:
    """Twelve short recordings, a long one of speech among them, and one that is no recording."""
    generator = np.random.default_rng(0)
    for n in range(12):
        samples = np.full(4000 + 100 * n, (n + 1) / 64, np.float32)
        soundfile.write(tmp_path / f"{n:02}.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    bursts = np.repeat(np.tile([1.0, 0.0, 0.0], 20), SAMPLE_RATE // 2)
    spoken = 0.3 * np.sin(np.cumsum(generator.uniform(0.02, 0.2, len(bursts)))) * bursts
    soundfile.write(tmp_path / "05.wav", spoken.astype(np.float32), SAMPLE_RATE, subtype="FLOAT")
    (tmp_path / "07.wav").write_bytes(b"RIFF")
    return [Input(path, Path(path.name)) for path in sorted(tmp_path.glob("*.wav"))]


def run(inputs: list[Input], workers: int, settings: Settings = SETTINGS, here: Hearer | None = None) -> list[Outcome]:
    assembly = Assembly(inputs, Hearer().joined)
    outcomes: list[Outcome] = []
    with Pool(settings, workers, here) as pool:  # type: ignore[arg-type]
        for _ in pool.run(inputs, assembly):
            outcomes += assembly.outcomes()
    return outcomes


def write_first_sample(each: Input, value: float) -> None:
    soundfile.write(each.path, np.full(4000, value, np.float32), SAMPLE_RATE, subtype="FLOAT")


def test_any_number_of_workers_gives_what_one_process_gives(inputs: list[Input]) -> None:
    assembly = Assembly(inputs, Hearer().joined)
    assert assembly.next == 0
    alone = run(inputs, 1)
    assert [outcome.input for outcome in alone] == inputs
    assert [outcome.input.path.name for outcome in alone if outcome.transcript is None] == ["07.wav"]
    assert alone[0].transcript is not None
    assert alone[0].transcript.text == "4000:0.0156"
    for workers in (2, 3):
        assert run(inputs, workers) == alone


def test_one_long_recording_is_heard_by_all(inputs: list[Input]) -> None:
    assert run(inputs[5:6], 3) == run(inputs[5:6], 1)


def test_a_gpu_hears_in_this_process_what_the_workers_read(inputs: list[Input]) -> None:
    assert run(inputs, 2, Unloadable("", "beam", "float32", 2.0), here=Hearer()) == run(inputs, 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_recording_that_kills_its_worker_is_given_up_and_the_others_are_not(
    inputs: list[Input], workers: int
) -> None:
    before = run(inputs, 1)
    write_first_sample(inputs[2], DEADLY)
    write_first_sample(inputs[9], WRONG)
    after = run(inputs, workers)
    assert after[2].error == "the process that worked on it died of SIGKILL"
    assert after[9].error == "ValueError: what a pity"
    others = [number for number in range(len(inputs)) if number not in (2, 9)]
    assert [after[number] for number in others] == [before[number] for number in others]


def test_workers_that_never_answer_end_the_run(inputs: list[Input]) -> None:
    with pytest.raises(PoolError, match=r"exit code 3.*--workers 1"):
        run(inputs, 2, Unloadable("", "beam", "float32", 2.0))


def test_nobody_runs_too_far_ahead(inputs: list[Input], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(inputs, 1)
    monkeypatch.setattr(pool_module, "AHEAD", 1)
    ahead = []
    task_for = pool_module.Pool._task_for

    def spied(pool, worker, assembly):
        task = task_for(pool, worker, assembly)
        if isinstance(task, Read) and task.inputs:
            ahead.append(task.inputs[0].number - assembly.next)
        return task

    monkeypatch.setattr(pool_module.Pool, "_task_for", spied)
    assert run(inputs, 3) == expected
    assert ahead
    assert max(ahead) < 1


def test_short_recordings_are_grouped_and_nothing_is_left_out(inputs: list[Input]) -> None:
    for workers in (1, 2, 7):
        groups = list(units(inputs, workers))
        assert [each.number for group in groups for each in group] == list(range(len(inputs)))
        assert len(list(units(inputs[:1] * 100, workers))) >= 4 * workers
    assert list(units([], 2)) == []
    assert len(list(units([Input(Path("gone"), Path())] * 1000, 2))) == 4


def test_the_weight_of_an_input_is_that_of_its_part(inputs: list[Input], tmp_path: Path) -> None:
    path = inputs[0].path
    assert input_bytes(inputs[0]) == path.stat().st_size
    assert input_bytes(Input(path, Path(), 0.0, 2.0)) == 2 * 2 * SAMPLE_RATE
    assert input_bytes(Input(tmp_path / "gone", Path())) == 0


def test_little_work_starts_no_workers(inputs: list[Input], monkeypatch: pytest.MonkeyPatch) -> None:
    assert suitable_workers(inputs) == 1
    monkeypatch.setattr("oyez.app.transcribe.transcription.LITTLE", 1000)
    assert suitable_workers(inputs) == fitting_workers() >= 1


def test_workers_are_as_many_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(pool_module, "_free_bytes", lambda: 5 * pool_module.WORKER_BYTES)
    assert fitting_workers() == 5
    monkeypatch.setattr(pool_module, "_free_bytes", lambda: 0)
    assert fitting_workers() == 1


@pytest.mark.slow
def test_real_workers_hear_what_this_process_hears(spoken: Path) -> None:
    inputs = [Input(path, Path(path.name)) for path in sorted(spoken.glob("*.flac"))]
    settings = Settings("commands", "beam", "float32", 60.0)
    recognizer = settings.recognizer()
    assert list(transcribe(inputs, recognizer, settings, 2)) == list(transcribe(inputs, recognizer, settings, 1))


def test_memory_that_only_keeps_files_at_hand_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {
        "memory.max": "8000\n",
        "memory.current": "7900\n",
        "memory.stat": "anon 1000\nfile 6900\ninactive_file 6500\n",
    }.items():
        (tmp_path / name).write_text(content)
    path_of = {"/proc/meminfo": tmp_path / "meminfo", "/sys/fs/cgroup": tmp_path}
    monkeypatch.setattr(pool_module, "Path", path_of.__getitem__)
    assert pool_module._free_bytes() == 6600
