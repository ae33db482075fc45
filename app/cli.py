"""The `oyez` command: each subcommand a thin function over the rest.

Results go to stdout, progress and messages to stderr. Exit codes: 0 all done, 1 some inputs failed, 2 wrong use.
torch is imported by the subcommands that need it, so that `oyez --help` answers at once.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oyez.app.commands.command import commands_app, woken
from oyez.app.console import (
    CommandsOption,
    DecodingOption,
    DeviceOption,
    ModelOption,
    console,
    finite,
    load_recognizer,
    progress_bar,
    say,
    wrong_use,
)
from oyez.app.evaluate.command import evaluate
from oyez.app.raw_samples import ChannelOption, EncodingOption, RateOption, RawChannelsOption, raw_format
from oyez.app.train.adapting import adapt
from oyez.app.train.command import train
from oyez.app.transcribe.command import transcribe

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recognise spoken commands and short speech, offline, on an ordinary CPU.",
)
data_app = typer.Typer(no_args_is_help=True, help="Fetch the corpora that models learn from.")
app.add_typer(data_app, name="data")
app.add_typer(commands_app, name="commands")


class ListenFormat(StrEnum):
    """How live results are written."""

    text = "text"
    jsonl = "jsonl"


class Vad(StrEnum):
    """What tells speech from silence."""

    auto = "auto"
    silero = "silero"
    energy = "energy"


SensitivityOption = Annotated[
    float,
    typer.Option(min=0.01, max=0.99, callback=finite, help="How readily a sound is taken for speech, between 0 and 1."),
]
ShortestSpeechOption = Annotated[
    float, typer.Option(min=0, callback=finite, help="Less speech than this, in seconds, is a click.")
]
ClosingSilenceOption = Annotated[
    float, typer.Option(min=0.032, callback=finite, help="A pause as long as this ends what was said.")
]
VadOption = Annotated[Vad, typer.Option(help="auto: silero where it is installed, else energy.")]


app.command()(transcribe)


@app.command()
def listen(
    model: ModelOption = "commands",
    source: Annotated[
        Path | None,
        typer.Option(help="A file, or - for standard input: of any format, or raw 16-bit 16 kHz mono samples."),
    ] = None,
    rate: RateOption = None,
    channels: RawChannelsOption = None,
    encoding: EncodingOption = None,
    channel: ChannelOption = None,
    microphone: Annotated[str | None, typer.Option(help="Number or part of the name; see --list.")] = None,
    list_devices: Annotated[bool, typer.Option("--list", help="List the microphones and end.")] = False,
    format: Annotated[ListenFormat, typer.Option("--format", "-f")] = ListenFormat.text,
    save: Annotated[
        Path | None, typer.Option(help="Keep the sound and the text of each result in this folder.")
    ] = None,
    benchmark: Annotated[
        Path | None, typer.Option(help="Feed this file as fast as it was spoken; print latency and work.")
    ] = None,
    sensitivity: SensitivityOption = 0.5,
    shortest_speech: ShortestSpeechOption = 0.064,
    closing_silence: ClosingSilenceOption = 0.5,
    vad: VadOption = Vad.auto,
    decoding: DecodingOption = None,
    commands: CommandsOption = None,
    wake: Annotated[
        str | None,
        typer.Option(help="A phrase of three syllables or more: hear what follows it, and nothing else."),
    ] = None,
    wake_seconds: Annotated[
        float | None,
        typer.Option(
            help="Within which something may follow the wake phrase.  [default: the file's, or 6]", min=0.1, max=600
        ),
    ] = None,
    wake_threshold: Annotated[
        float | None,
        typer.Option(
            help="Confidence below which the wake phrase is not heard.  [default: the file's or the model's]",
            min=0,
            max=1,
        ),
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Listen to the microphone until Ctrl-C, and print what is said."""
    from oyez.app.commands.live import with_actions
    from oyez.app.listen.keeping import Keeper, KeepingError
    from oyez.app.listen.latency import measure
    from oyez.app.listen.listening import Summary, show_jsonl
    from oyez.app.listen.listening import listen as hear
    from oyez.app.listen.microphone import Microphone, MicrophoneError, devices
    from oyez.app.listen.sources import open_source
    from oyez.app.listen.view import print_line, show_live
    from oyez.data.audio import AudioError, read_audio
    from oyez.models.grammar.file import Wake
    from oyez.models.vad.segmentation import SegmentationConfig
    from oyez.models.vad.voice_activity import DetectorError

    if sum(each is not None for each in (source, microphone, benchmark)) > 1:
        wrong_use("--source, --microphone and --benchmark exclude each other")
    if benchmark is not None and save is not None:
        wrong_use("--benchmark measures and keeps nothing: leave out --save")
    raw = raw_format(rate, channels, encoding)
    if raw is not None and source is None:
        wrong_use("--rate, --channels and --encoding belong to --source")
    chosen = None if channel is None else channel - 1
    summary = Summary()
    try:
        if list_devices:
            found = devices()
            for each in found:
                print(f"{each.number}\t{each.name}\t{each.rate} Hz{' (default)' if each.is_default else ''}")
            if not found:
                say("there is no microphone")
            return
        config = SegmentationConfig(
            detector=vad.value,
            threshold=1 - sensitivity,
            shortest_speech=shortest_speech,
            closing_silence=closing_silence,
        )
        recognizer = woken(load_recognizer(model, device, decoding), commands, Wake(wake, wake_seconds, wake_threshold))
        if benchmark is not None:
            latency = measure(recognizer, read_audio(benchmark), config)
            print(json.dumps(latency.as_record()) if format == ListenFormat.jsonl else latency)
            return
        show = show_jsonl if format == ListenFormat.jsonl else show_live
        told = say if format == ListenFormat.jsonl else print_line  # stdout is for events alone
        keep = Keeper(save).keep_all if save is not None else iter
        if source is not None:
            sound = open_source(source, raw, chosen, lambda warning: say(f"warning: {warning}"))
            show(keep(with_actions(hear(recognizer, sound, summary, config), recognizer, told, say)))
        else:
            with Microphone(microphone, say, chosen) as opened:
                say(f"listening to {opened.name}; Ctrl-C ends")
                try:
                    show(keep(with_actions(hear(recognizer, opened, summary, config), recognizer, told, say)))
                finally:
                    if opened.overflows:
                        say(f"sound was lost {opened.overflows} times before it got here: is the machine busy?")
    except (MicrophoneError, AudioError, KeepingError) as error:
        say(f"error: {error}")
        raise typer.Exit(1) from error
    except DetectorError as error:
        wrong_use(error)
    except KeyboardInterrupt:
        pass
    say(str(summary))


@app.command()
def web(
    model: ModelOption = "commands",
    host: Annotated[
        str, typer.Option(help="127.0.0.1 is this computer only; 0.0.0.0 is everybody on its network.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="[default: the first free one from 7860]", min=1, max=65535)] = None,
) -> None:
    """Open a web page that listens to the microphone."""
    from oyez.models import CheckpointError

    try:
        from oyez.app.web import serve

        serve(model, host, port)
    except CheckpointError as error:
        wrong_use(error)
    except OSError as error:
        wrong_use(f"http://{host}:{port or 7860} cannot be had ({error}); choose another --port or --host")


app.command()(train)
app.command()(adapt)


app.command()(evaluate)


@app.command()
def generate(
    beginning: Annotated[str, typer.Argument(help="The text to continue.")] = "",
    model: Annotated[
        str, typer.Option("--model", "-m", help="A shipped language model's name, or a folder of one.")
    ] = "books",
    temperature: Annotated[float, typer.Option(help="Above 1 freer, below 1 safer, 0 always the likeliest.")] = 0.7,
    top_k: Annotated[int | None, typer.Option(help="Choose among so many of the likeliest letters only.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many texts to write.", min=1)] = 1,
    longest: Annotated[int, typer.Option(help="Letters to write at most.", min=1)] = 200,
    seed: Annotated[int | None, typer.Option(help="For the same text again.", min=0)] = None,
) -> None:
    """Continue a text, letter by letter, as the language model would have it."""
    import torch

    from oyez.data.text import TextError, normalise
    from oyez.models import CheckpointError
    from oyez.models.language.character import load_language_model

    try:
        language_model = load_language_model(model)
        given = normalise(beginning) + (" " if beginning[-1:].isspace() else "")
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        for _ in range(count):
            letters = language_model.generate(given, temperature, top_k, longest, generator)
            print(given, end="", flush=True)
            for letter in letters:
                print(letter, end="", flush=True)
            print(flush=True)
    except (CheckpointError, TextError, ValueError) as error:
        wrong_use(error)


@app.command()
def models() -> None:
    """List the shipped models."""
    from oyez.models.checkpoint import PRETRAINED, read_config, read_folder, shipped_models
    from oyez.models.language.character import LANGUAGE_MODELS, SavedLanguageConfig, shipped_language_models

    table = Table("model", "size", "what it hears, or writes", box=None)
    for name in shipped_models():
        heard = read_config(PRETRAINED / name)
        table.add_row(escape(name), f"{heard.weights_bytes / 1e6:.1f} MB", escape(heard.description))
    for name in shipped_language_models():
        written = read_folder(LANGUAGE_MODELS / name, SavedLanguageConfig)
        table.add_row(escape(name), f"{written.weights_bytes / 1e6:.1f} MB", escape(written.description))
    Console().print(table)


@data_app.command("download")
def download(
    corpus: Annotated[str, typer.Argument(help="speech-commands or librispeech.")],
    subset: Annotated[
        str | None,
        typer.Option(help="Of LibriSpeech: train-clean-100, dev-clean, ...; of Speech Commands: v0.02, v0.01."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The data folder.")] = Path("speech"),
    mirror: Annotated[str | None, typer.Option(help="Fetch the archive from this address instead.")] = None,
) -> None:
    """Fetch a corpus. Interrupted, the same command goes on where it was."""
    from oyez.data.corpora.download import (
        SPEECH_COMMANDS_VERSIONS,
        DownloadError,
        download_librispeech,
        download_speech_commands,
    )
    from oyez.data.corpora.librispeech import SUBSETS

    subsets = {"speech-commands": SPEECH_COMMANDS_VERSIONS, "librispeech": SUBSETS}.get(corpus)
    if subsets is None:
        wrong_use(f"no corpus is called {corpus!r}; there are speech-commands and librispeech")
    if subset is not None and subset not in subsets:
        wrong_use(f"{corpus} has no subset {subset!r}; there are {', '.join(subsets)}")

    try:
        if corpus == "speech-commands":
            print(download_speech_commands(out, subset or "v0.02", mirror))
        else:
            print(download_librispeech(out, subset or "dev-clean", mirror))
    except DownloadError as error:
        console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


@data_app.command("synthesise")
def synthesise(
    phrases: Annotated[Path, typer.Argument(help="A text file, one phrase a line.")],
    out: Annotated[Path, typer.Option(help="The corpus folder: clips and manifest.jsonl, to train on.")],
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="hibari-us, hibari-gb, piper-joe, piper:FILE.onnx, kokoro:FOLDER, flite:NAME, espeak:NAME; repeatable."
        ),
    ] = None,
    takes: Annotated[int, typer.Option(help="How many voices read each phrase.", min=1)] = 1,
    tempo: Annotated[tuple[float, float], typer.Option(help="Slowest and fastest, as factors.")] = (0.8, 1.3),
    pitch: Annotated[tuple[float, float], typer.Option(help="Lowest and highest, as factors.")] = (0.85, 1.2),
    seed: Annotated[int, typer.Option(help="Of the choice of voices.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
) -> None:
    """Have phrases read by synthetic voices. Interrupted, the same command goes on where it was."""
    from oyez.data.synthesis.synthesis import SynthesisError, plan, read_phrases
    from oyez.data.synthesis.synthesis import synthesise as make

    for name, (low, high) in {"--tempo": tempo, "--pitch": pitch}.items():
        if not 0.5 <= low <= high <= 2:
            wrong_use(f"{name} {low:g} {high:g}: write the lower factor first, both between 0.5 and 2")
    try:
        readings = plan(read_phrases(phrases), out, dict.fromkeys(voice or (), 1.0), takes, tempo, pitch, seed)
        with progress_bar(len(readings), "clips") as progress:
            count = make(readings, out, workers, progress)
    except SynthesisError as error:
        wrong_use(error)
    console.print(f"{count} clips in {out}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line."""
    if "__mp_main__" in sys.modules:
        return  # multiprocessing imports the script that started it into each worker; not every script has a guard
    # an LSTM's threads wait for each other at every time step: more than one is slower wherever the cores are shared
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # oneDNN keeps a primitive for each shape of batch that it has met, and by default a thousand of them
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    if sys.stdout is None:  # it was closed: nobody wants the results
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # open to the end, as it always is
    try:
        # a file's name need not be UTF-8, and is printed as it is; or need not be what the terminal can show
        unicode = sys.stdout.encoding.lower().startswith("utf")
        errors = "surrogateescape" if unicode else "backslashreplace"
        sys.stdout.reconfigure(errors=errors)  # type: ignore[union-attr]  # a TextIOWrapper here
        app()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        place = error.filename
        if place is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO):
            sys.stdout = None  # the disk or the pipe that it leads to takes nothing more
            place = "standard output"
        sys.exit(f"error: {f'{place}: ' if place is not None else ''}{error.strerror or error}")


if __name__ == "__main__":
    main()
