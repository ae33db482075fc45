"""Compile and search grammars of 10 to 10,000 sentences, and Home Assistant's whole English set; print a table.

    python -m benchmarks.grammar
    python -m benchmarks.grammar --worst-case      # every name in the place of every name, whatever its kind

Sentences are drawn from Home Assistant's templates; the home has 50 areas, 3 floors and 200 names. What is searched is
3 s of log-probabilities as a model of 30 ms a step gives them for one of the sentences (a letter likely in its step,
the others by chance), and of speech that is none. Each grammar is measured in a process of its own, on one thread, and
times are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import home_assistant_intents

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.document import Document
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.samples import count_sentences, draw_samples
from oyez.models.grammar.spoken import spell

SIZES = (10, 100, 1_000, 10_000)
STEPS = 100  # of 30 ms: 3 s
REPEATS = 20
_ROOMS = ("living", "dining", "guest", "bath", "bed", "laundry", "utility", "play", "music", "sun", "store", "lunch")
_PLACES = ("upper", "lower", "front", "back", "left", "right", "small", "large", "old", "new", "north", "south", "east")
_THINGS = {
    "light": ["lamp", "light", "spotlight", "chandelier"],
    "switch": ["outlet", "heater", "kettle"],
    "cover": ["blind", "curtain", "gate"],
    "fan": ["fan", "ventilator"],
    "lock": ["door", "window"],
    "media_player": ["radio", "speaker", "television"],
    "climate": ["thermostat"],
    "vacuum": ["vacuum"],
    "sensor": ["sensor"],
}


def home(worst_case: bool) -> dict[str, Any]:
    """Return Home Assistant's English intents with the lists of a home."""
    chance = random.Random(1)
    data = dict(home_assistant_intents.get_intents("en"))
    areas = [f"{place} {room} room" for place in _PLACES for room in _ROOMS]
    names = [(f"{place} {room} {thing}", kind) for kind, things in _THINGS.items() for thing in things
             for place in _PLACES for room in _ROOMS]  # fmt: skip
    chosen = chance.sample(names, 200)
    context = [{} if worst_case else {"context": {"domain": kind}} for _, kind in chosen]
    data["lists"] = {
        **data["lists"],
        "area": {"values": chance.sample(areas, 50)},
        "floor": {"values": ["first floor", "ground floor", "top floor"]},
        "name": {
            "values": [{"in": name, "out": name, **more} for (name, _), more in zip(chosen, context, strict=True)]
        },
    }
    return data


def sentences(number: int) -> dict[str, Any]:
    """Return a file of sentences drawn from the home's templates."""
    file = CommandsFile.model_validate(home(worst_case=False))
    drawn = {spell(each.text): each.intent for each in draw_samples(file, 3 * number) if each.is_whole}
    texts: dict[str, list[str]] = {}
    for text, intent in list(drawn.items())[:number]:
        texts.setdefault(intent, []).append(text)
    return {"intents": {intent: {"data": [{"sentences": several}]} for intent, several in texts.items()}}


def log_probs(text: str, seed: int) -> Tensor:
    """Return log-probabilities, shape (STEPS, LABELS), in which a text is likely."""
    generator = torch.Generator().manual_seed(seed)
    labels = encode(text)[: STEPS // 2 - 1]
    scores = 2.5 * torch.randn(STEPS, LABELS, generator=generator)
    scores[:, BLANK] += 8
    places = (torch.arange(len(labels)) * (STEPS - 2)) // max(1, len(labels)) + 1
    scores[places, BLANK] -= 8
    scores[places, torch.tensor(labels)] += 8
    return torch.log_softmax(scores, dim=-1)


def measure(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a grammar costs."""
    torch.set_num_threads(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    file = CommandsFile.model_validate(data)
    compiled = compile_commands(file, Document({}, {}))
    grammar = compiled.grammar()
    compiling = time.process_time() - started
    texts = [spell(each.text) for each in draw_samples(file, 4 * REPEATS) if each.is_whole]
    inside = _search_times(grammar, [text for text in texts if len(text) < STEPS // 2][:REPEATS])
    outside = _search_times(grammar, ["it was a lovely day to go for a walk in the park"] * REPEATS)
    return {
        "sentences": count_sentences(file),
        "compile_s": round(compiling, 2),
        "states": grammar.states,
        "arcs": grammar.arcs,
        "search_ms": round(statistics.median(inside), 2),
        "worst_search_ms": round(max(inside), 2),
        "other_speech_ms": round(statistics.median(outside), 2),
        "memory_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
    }


def _search_times(grammar: Any, texts: list[str]) -> list[float]:
    times = []
    for seed, text in enumerate(texts):
        heard = log_probs(text, seed).numpy()
        started = time.process_time()
        grammar.search(heard)
        times.append(1000 * (time.process_time() - started))
    return times


def main() -> None:
    """Measure each grammar in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worst-case", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(home(options.worst_case) if options.only == "home" else sentences(int(options.only)))))
        return
    for name in [*map(str, SIZES), "home"]:
        command = [sys.executable, "-m", "benchmarks.grammar", "--only", name]
        command += ["--worst-case"] if options.worst_case else []
        measured = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(name, *(f"{key}={value:,}" for key, value in measured.items()), sep="  ", flush=True)


if __name__ == "__main__":
    main()
