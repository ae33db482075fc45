"""Several people at once: the page's server, and as many visitors as asked for, each speaking in real time.

    python -m benchmarks.load --clips speech/SpeechCommands/speech_commands_v0.02 [--visitors 10] [--model english]

Starts `oyez web`, and speaks to it as browsers do: 16-bit samples at 48 kHz over a WebSocket, 100 ms at a time, no two
visitors the same. An utterance is one to three clips; 1.5 to 2.5 s of faint noise lie between two. Measured at the
visitor's end, from when a sample was due: the final after the true end of the utterance, and each partial text after
the last sample that it has heard. The work is that of the server's process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from websockets.asyncio.client import connect

from benchmarks.latency import sound_of
from oyez.data.audio import SAMPLE_RATE

RATE = 48_000
CHUNK_SECONDS = 0.1


async def visit(address: str, clips: Path, number: int, seconds: float) -> tuple[list[float], list[float], int]:
    """Speak for some seconds; return the delays of finals and of partials, and how many utterances were spoken."""
    sound, utterances = sound_of(clips, round(seconds), seed=number)
    samples = (np.repeat(sound[: round(seconds * SAMPLE_RATE)], RATE // SAMPLE_RATE) * 32767).astype("<i2")
    ends = [each.end for each in utterances if each.end + 1 < seconds]
    finals: list[float] = []
    partials: list[float] = []
    await asyncio.sleep(number * 0.37)  # nobody comes at the same moment
    async with connect(f"{address}/live?rate={RATE}", max_queue=None) as socket:
        begin = time.perf_counter()

        async def speak() -> None:
            size = round(CHUNK_SECONDS * RATE)
            for start in range(0, len(samples), size):
                await asyncio.sleep(max(0.0, begin + (start + size) / RATE - time.perf_counter()))
                await socket.send(samples[start : start + size].tobytes())
            await socket.send("stop")

        speaking = asyncio.create_task(speak())
        async for message in socket:
            now, event = time.perf_counter() - begin, json.loads(message)
            if event["event"] == "partial":
                partials.append(now - event["end"])
            elif event["event"] == "final":
                within = [end for end in ends if event["start"] < end < event["end"]]
                if within and now < seconds:  # else it was of no utterance, or ended by the stop
                    finals.append(now - within[-1])
            elif event["event"] in ("stopped", "error"):
                break
        await speaking
    return finals, partials, len(ends)


async def visit_all(
    address: str, clips: Path, visitors: int, seconds: float
) -> list[tuple[list[float], list[float], int]]:
    """Have all visitors speak at once."""
    return await asyncio.gather(*(visit(address, clips, number, seconds) for number in range(visitors)))


def cpu_seconds(process: int) -> float:
    """Return how long a process has worked (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="a folder of Speech Commands")
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="english", help="a shipped model's name, or a folder")
    parser.add_argument("--port", type=int, default=7990)
    arguments = parser.parse_args()
    command = [
        sys.executable,
        "-u",
        "-m",
        "oyez.app.cli",
        "web",
        "--port",
        str(arguments.port),
        "--model",
        arguments.model,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        next(line for line in server.stdout if "http://" in line)
        time.sleep(1)
        worked, begun = cpu_seconds(server.pid), time.perf_counter()
        address = f"ws://127.0.0.1:{arguments.port}"
        results = asyncio.run(visit_all(address, arguments.clips, arguments.visitors, arguments.seconds))
        work = (cpu_seconds(server.pid) - worked) / (time.perf_counter() - begun)
        server.terminate()

    def percentiles(values: list[float]) -> list[float]:
        return [round(1000 * float(np.percentile(values, each))) for each in (50, 95)]

    finals, partials = ([delay for result in results for delay in result[n]] for n in (0, 1))
    print(
        json.dumps(
            {
                "visitors": arguments.visitors,
                "utterances": sum(result[2] for result in results),
                "finals": len(finals),
                "final_ms_median_p95": percentiles(finals),
                "partial_ms_median_p95": percentiles(partials),
                "server_work_in_cores": round(work, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
