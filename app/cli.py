"""The `oyez` command: each subcommand a thin function over the rest.

Results go to stdout, progress and messages to stderr. Exit codes: 0 all done, 1 some inputs failed, 2 wrong use.
torch is imported by the subcommands that need it, so that `oyez --help` answers at once.
"""

from __future__ import annotations

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

from app.batch.command import transcribe
from app.console import (
    Decoding,
    DecodingOption,
    DeviceOption,
    ModelOption,
    console,
    load_recognizer,
    progress_bar,
    wrong_use,
)
from training.command import train

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recognise spoken commands and short speech, offline, on an ordinary CPU.",
)
data_app = typer.Typer(no_args_is_help=True, help="Fetch the corpora that models learn from.")
app.add_typer(data_app, name="data")


class ListenFormat(StrEnum):
    """How live results are written."""

    text = "text"
    jsonl = "jsonl"


app.command()(transcribe)


@app.command()
def listen(
    model: ModelOption = "commands",
    source: Annotated[
        Path | None, typer.Option(help="A file, or - for raw 16-bit 16 kHz mono samples from standard input.")
    ] = None,
    microphone: Annotated[str | None, typer.Option(help="Number or part of the name; see --list.")] = None,
    list_devices: Annotated[bool, typer.Option("--list", help="List the microphones and end.")] = False,
    format: Annotated[ListenFormat, typer.Option("--format", "-f")] = ListenFormat.text,
    decoding: DecodingOption = Decoding.beam,
    device: DeviceOption = "cpu",
) -> None:
    """Listen to the microphone until Ctrl-C, and print what is said."""
    from app.listening import Recording, StandardInput, Summary, show_jsonl, show_live
    from app.listening import listen as hear
    from app.microphone import Microphone, MicrophoneError, devices
    from data.audio import AudioError

    if source is not None and microphone is not None:
        wrong_use("--source and --microphone exclude each other")
    summary = Summary()
    try:
        if list_devices:
            for each in devices():
                print(f"{each.number}\t{each.name}\t{each.rate} Hz{' (default)' if each.is_default else ''}")
            return
        recognizer = load_recognizer(model, device, decoding)
        show = show_jsonl if format == ListenFormat.jsonl else show_live
        if source is not None:
            show(hear(recognizer, StandardInput() if str(source) == "-" else Recording.of(source), summary))
        else:
            with Microphone(microphone) as opened:
                console.print(f"listening to {opened.name}; Ctrl-C ends", highlight=False)
                try:
                    show(hear(recognizer, opened, summary))
                finally:
                    if opened.overflows:
                        console.print(
                            f"sound was lost {opened.overflows} times before it got here: is the machine busy?"
                        )
    except (MicrophoneError, AudioError) as error:
        console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        pass
    console.print(str(summary), highlight=False, soft_wrap=True)


@app.command()
def web(
    model: ModelOption = "commands",
    host: Annotated[
        str, typer.Option(help="127.0.0.1 is this computer only; 0.0.0.0 is everybody on its network.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="[default: the first free one from 7860]", min=1, max=65535)] = None,
) -> None:
    """Open a web page that listens to the microphone."""
    from models import CheckpointError

    try:
        from app.web import serve

        serve(model, host, port)
    except CheckpointError as error:
        wrong_use(error)
    except OSError as error:
        wrong_use(f"http://{host}:{port or 7860} cannot be had ({error}); choose another --port or --host")


app.command()(train)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a model folder.")] = "commands",
    corpus: Annotated[str, typer.Option(help="speech-commands, librispeech or recordings.")] = "speech-commands",
    root: Annotated[Path, typer.Option(help="The folder of the corpus.")] = Path("speech/SpeechCommands"),
    split: Annotated[str | None, typer.Option(help="validation, testing, dev-clean, ...")] = None,
    speaker: Annotated[list[str] | None, typer.Option(help="Only this speaker; may be given several times.")] = None,
    other_speech: Annotated[
        bool, typer.Option("--other-speech", help="Only speech without the model's words: nothing should be heard.")
    ] = False,
    decoding: DecodingOption = Decoding.beam,
    device: DeviceOption = "cpu",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with every utterance, instead of tables.")
    ] = False,
    confusions: Annotated[int, typer.Option(help="How many of the most frequent errors to list.", min=0)] = 10,
) -> None:
    """Measure a model on speech whose text is known: WER, CER, command accuracy, errors."""
    from pydantic import ValidationError

    from app.report import as_record, tables
    from training.config import CorpusConfig, RecipeError
    from training.evaluate import evaluate as evaluate_all
    from training.selection import select

    recognizer = load_recognizer(model, device, decoding)
    if other_speech and not recognizer.lexicon:
        wrong_use(f"--other-speech: {recognizer.name} has no vocabulary, to which no speech is other")
    try:
        chosen = CorpusConfig.model_validate(
            {
                "corpus": corpus,
                "root": root.name,
                "split": split,
                "speakers": speaker or [],
                "other_speech": other_speech,
            }
        )
        selection = select([chosen], root.parent, recognizer.model.config.vocabulary)
    except ValidationError as error:
        wrong_use(f"--corpus {corpus}: {error.errors()[0]['msg']}")
    except RecipeError as error:
        wrong_use(error)
    with progress_bar(len(selection.utterances), "utterances") as progress:
        evaluation = evaluate_all(recognizer, selection.utterances, progress)
    for reason in selection.left_out + evaluation.left_out:
        console.print(f"left out: {reason}", markup=False, highlight=False, soft_wrap=True)
    if not evaluation.results:
        wrong_use(f"{root}: none of the utterances could be read")
    if as_json:
        print(json.dumps(as_record(recognizer, evaluation, corpus, split, decoding), ensure_ascii=False))
    else:
        for table in tables(recognizer, evaluation, corpus, split, decoding, confusions):
            Console().print(table)
    if evaluation.left_out:
        raise typer.Exit(1)


@app.command()
def models() -> None:
    """List the shipped models."""
    from models.checkpoint import PRETRAINED, read_config, shipped_models

    table = Table("model", "size", "what it hears", box=None)
    for name in shipped_models():
        config = read_config(PRETRAINED / name)
        table.add_row(escape(name), f"{config.weights_bytes / 1e6:.1f} MB", escape(config.description))
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
    from data.download import SPEECH_COMMANDS_VERSIONS, DownloadError, download_librispeech, download_speech_commands
    from data.librispeech import SUBSETS

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


def main() -> None:
    """Run the command line."""
    if "__mp_main__" in sys.modules:
        return  # multiprocessing imports the script that started it into each worker; not every script has a guard
    # an LSTM's threads wait for each other at every time step: more than one is slower wherever the cores are shared
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # oneDNN keeps a primitive for each shape of batch that it has met, and by default a thousand of them
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    try:
        # a file's name need not be UTF-8, and is printed as it is
        sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # a TextIOWrapper here
        app()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # of the disk or the pipe that stdout leads to; others are handled where they arise
        sys.stdout = None  # nothing more can be written there
        sys.exit(f"error: standard output: {error.strerror}")


if __name__ == "__main__":
    main()
