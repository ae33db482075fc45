"""`oyez data download` and `oyez data synthesise`: corpora from where they are published, or from synthetic voices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import progress_bar, say, usage_error
from oyez.app.options import DATA
from oyez.data.counting import counted

_DEFAULT_SUBSETS = {"speech-commands": "v0.02", "librispeech": "dev-clean"}
_MOST_SEED = 2**32 - 1


def download(
    corpus: Annotated[str, typer.Argument(help=f"{' or '.join(_DEFAULT_SUBSETS)}.")],
    subset: Annotated[
        str | None,
        typer.Option(
            help="Of LibriSpeech: train-clean-100, dev-clean, ...; of Speech Commands: v0.02, v0.01.",
            show_default=" or ".join(_DEFAULT_SUBSETS.values()),
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The data folder.")] = DATA,
    mirror: Annotated[
        str | None,
        typer.Option(help="Fetch the archive from below this address.", show_default="where it is published"),
    ] = None,
) -> None:
    """Download a corpus. Interrupted, the same command resumes."""
    from oyez.data.corpora.download import (
        SPEECH_COMMANDS_VERSIONS,
        DownloadError,
        download_librispeech,
        download_speech_commands,
    )
    from oyez.data.corpora.librispeech import SUBSETS

    subsets = {"speech-commands": SPEECH_COMMANDS_VERSIONS, "librispeech": SUBSETS}.get(corpus)
    if subsets is None:
        usage_error(f"no corpus is called {corpus!r}; there are {' and '.join(_DEFAULT_SUBSETS)}")
    subset = _DEFAULT_SUBSETS[corpus] if subset is None else subset
    if subset not in subsets:
        usage_error(f"{corpus} has no subset {subset!r}; there are {', '.join(subsets)}")

    fetch = download_speech_commands if corpus == "speech-commands" else download_librispeech
    try:
        print(fetch(out, subset, mirror))
    except DownloadError as error:
        say(f"error: {error}")
        raise typer.Exit(1) from error


def synthesise(
    phrases: Annotated[Path, typer.Argument(help="A text file, one phrase a line.")],
    out: Annotated[Path, typer.Option(help="The corpus folder: clips and manifest.jsonl, to train on.")],
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="hibari-us, hibari-gb, piper-joe, piper:FILE.onnx, kokoro:FOLDER, flite:NAME, espeak:NAME; "
            "repeatable.",
            show_default="a mixture of hibari, piper-joe, flite and espeak",
        ),
    ] = None,
    readings_per_phrase: Annotated[int, typer.Option(help="How many voices read each phrase.", min=1, max=100_000)] = 1,
    tempo: Annotated[tuple[float, float], typer.Option(help="Slowest and fastest, as factors.")] = (0.8, 1.3),
    pitch: Annotated[tuple[float, float], typer.Option(help="Lowest and highest, as factors.")] = (0.85, 1.2),
    seed: Annotated[int, typer.Option(help="Random seed.", min=0, max=_MOST_SEED)] = 1,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=1024)] = 1,
) -> None:
    """Have phrases read by synthetic voices. Interrupted, the same command resumes."""
    for name, (low, high) in {"--tempo": tempo, "--pitch": pitch}.items():
        if not 0.5 <= low <= high <= 2:
            usage_error(f"{name} {low:g} {high:g}: write the lower factor first, both between 0.5 and 2")

    from oyez.data.synthesis.synthesis import SynthesisError, plan, read_phrases
    from oyez.data.synthesis.synthesis import synthesise as make

    try:
        voices = dict.fromkeys(voice or (), 1.0)
        readings = plan(read_phrases(phrases), out, voices, readings_per_phrase, tempo, pitch, seed)
        with progress_bar(len(readings), "clips") as progress:
            count = make(readings, out, workers, progress)
    except SynthesisError as error:
        usage_error(error)
    say(f"{counted(count, 'clip')} in {out}")
