"""Arguments and options that several subcommands have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import usage_error

DEFAULT_MODEL = "english"
DATA = Path("speech")  # the folder that holds the corpora


class Decoding(StrEnum):
    """How log-probabilities become text."""

    beam = "beam"
    greedy = "greedy"
    word = "word"
    ngram = "ngram"
    lstm = "lstm"


class PrecisionChoice(StrEnum):
    """The numbers that the network computes with."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def _check_device(name: str) -> str:
    if not re.fullmatch(r"(cpu|cuda|mps|xpu)(:\d+)?", name):
        raise typer.BadParameter(f"{name!r} is no device; there are cpu and cuda.")
    return name


DECODINGS = (
    "greedy: the best letter of each step; beam: any words of the vocabulary; word: exactly one word; ngram: with the "
    "model's word language model; lstm: with a character language model, slow"
)
DEFAULT_DECODING = "ngram if the model has a word language model, else beam"

FileArgument = Annotated[
    Path,
    typer.Argument(help="A commands file: .yaml or .json, a folder of them, or a plain list with a sentence a line."),
]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped model's name, or a model folder.")]
DataOption = Annotated[Path, typer.Option(help="The folder that holds the corpora.", envvar="OYEZ_DATA")]
DecodingOption = Annotated[Decoding | None, typer.Option(help=f"{DECODINGS}.", show_default=DEFAULT_DECODING)]
CommandsOption = Annotated[
    Path | None,
    typer.Option("--commands", "-c", help="Recognise the sentences of this commands file and nothing else."),
]
PrecisionOption = Annotated[
    PrecisionChoice, typer.Option(help="auto: bfloat16 where the processor is made for it, else float32.")
]
NoiseOption = Annotated[
    Path | None, typer.Option(help="A recording of noise, or a folder of them: measure in this noise, too.")
]
SnrOption = Annotated[
    list[float] | None,
    typer.Option(help="With --noise: the signal-to-noise ratio in dB; repeatable.", min=-100, max=100),
]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.", callback=_check_device)]


def require_noise_and_snr(noise: Path | None, snr: Sequence[float] | None) -> None:
    """End the command if only one of --noise and --snr is given, or the noise is not there."""
    if (noise is None) != (not snr):
        usage_error("--noise and --snr belong together: what to mix in, and how loud")
    if noise is not None and not noise.exists():
        usage_error(f"--noise {noise}: no such file or folder")
