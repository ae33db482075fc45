"""The `oyez` command: each subcommand a thin function over the rest.

Results go to stdout, progress and messages to stderr. Exit codes: 0 all done, 1 some inputs failed, 2 wrong use.
torch is imported by the subcommands that need it, so that `oyez --help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.commands import commands_app, with_commands
from training.command import train

if TYPE_CHECKING:
    from models import Recognizer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recognise spoken commands and short speech, offline, on an ordinary CPU.",
)
data_app = typer.Typer(no_args_is_help=True, help="Fetch the corpora that models learn from.")
app.add_typer(data_app, name="data")
app.add_typer(commands_app, name="commands")

console = Console(stderr=True)


class Format(StrEnum):
    """How a transcript is written."""

    txt = "txt"
    json = "json"
    jsonl = "jsonl"


class ListenFormat(StrEnum):
    """How live results are written."""

    text = "text"
    jsonl = "jsonl"


class Decoding(StrEnum):
    """How log-probabilities become text."""

    beam = "beam"
    greedy = "greedy"
    word = "word"


ModelOption = Annotated[str, typer.Option("--model", "-m", help="A shipped model's name, or a model folder.")]
DecodingOption = Annotated[
    Decoding, typer.Option(help="beam: any words of the vocabulary; greedy: free; word: exactly one word.")
]
CommandsOption = Annotated[
    Path | None, typer.Option("--commands", "-c", help="Hear the sentences of this commands file and nothing else.")
]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]


@app.command()
def transcribe(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, and folders that are searched for them.")],
    model: ModelOption = "commands",
    format: Annotated[Format, typer.Option("--format", "-f")] = Format.txt,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", "-o", help="Write a file for each input here, not to stdout.")
    ] = None,
    decoding: DecodingOption = Decoding.beam,
    commands: CommandsOption = None,
    runners_up: Annotated[int, typer.Option(help="With --commands: how many other commands to tell.", min=0)] = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Transcribe audio files."""
    from app.batch import InputError, gather, output_places, write_whole
    from app.batch import transcribe as transcribe_all
    from app.outputs import FORMATS

    try:
        inputs = gather(paths)
    except InputError as error:
        _wrong_use(error)
    recognizer = with_commands(_recognizer(model, device, decoding), commands, runners_up)
    places = output_places(inputs, f".{format}")
    several = len(inputs) > 1
    failures = 0
    # results that appear in the terminal are progress enough
    with _progress(len(inputs), "files", hidden=output_dir is None and sys.stdout.isatty()) as progress:
        for outcome, place in zip(transcribe_all(recognizer, inputs, progress), places, strict=True):
            path = outcome.input.path
            if outcome.transcript is None:
                failures += 1
                console.print(f"error: {outcome.error}", markup=False, highlight=False, soft_wrap=True)
                continue
            text = FORMATS[format](path, outcome.transcript)
            if output_dir is not None:
                try:
                    write_whole(output_dir / place, text)
                except OSError as error:
                    _wrong_use(f"{output_dir / place}: cannot be written ({error.strerror})")
            else:
                print(f"{path}\t{text}" if several and format == Format.txt else text, end="", flush=True)
    if failures:
        console.print(f"{failures} of {len(inputs)} files could not be read")
        raise typer.Exit(1)


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
    commands: CommandsOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Listen to the microphone until Ctrl-C, and print what is said."""
    from app.commanding import with_actions
    from app.listening import Recording, StandardInput, Summary, show_jsonl, show_live
    from app.listening import listen as hear
    from app.microphone import Microphone, MicrophoneError, devices
    from data.audio import AudioError

    if source is not None and microphone is not None:
        _wrong_use("--source and --microphone exclude each other")
    summary = Summary()
    try:
        if list_devices:
            for each in devices():
                print(f"{each.number}\t{each.name}\t{each.rate} Hz{' (default)' if each.is_default else ''}")
            return
        recognizer = with_commands(_recognizer(model, device, decoding), commands)
        show = show_jsonl if format == ListenFormat.jsonl else show_live
        say = _tell if format == ListenFormat.jsonl else print
        if source is not None:
            played = StandardInput() if str(source) == "-" else Recording.of(source)
            show(with_actions(hear(recognizer, played, summary), recognizer, say, _tell))
        else:
            with Microphone(microphone) as opened:
                console.print(f"listening to {opened.name}; Ctrl-C ends", highlight=False)
                try:
                    show(with_actions(hear(recognizer, opened, summary), recognizer, say, _tell))
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
        _wrong_use(error)
    except OSError as error:
        _wrong_use(f"http://{host}:{port or 7860} cannot be had ({error}); choose another --port or --host")


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

    recognizer = _recognizer(model, device, decoding)
    if other_speech and not recognizer.lexicon:
        _wrong_use(f"--other-speech: {recognizer.name} has no vocabulary, to which no speech is other")
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
        _wrong_use(f"--corpus {corpus}: {error.errors()[0]['msg']}")
    except RecipeError as error:
        _wrong_use(error)
    with _progress(len(selection.utterances), "utterances") as progress:
        evaluation = evaluate_all(recognizer, selection.utterances, progress)
    for reason in selection.left_out + evaluation.left_out:
        console.print(f"left out: {reason}", markup=False, highlight=False, soft_wrap=True)
    if not evaluation.results:
        _wrong_use(f"{root}: none of the utterances could be read")
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
        _wrong_use(f"no corpus is called {corpus!r}; there are speech-commands and librispeech")
    if subset is not None and subset not in subsets:
        _wrong_use(f"{corpus} has no subset {subset!r}; there are {', '.join(subsets)}")

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
    # an LSTM's threads wait for each other at every time step: more than one is slower wherever the cores are shared
    os.environ.setdefault("OMP_NUM_THREADS", "1")
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


def _recognizer(model: str, device: str, decoding: Decoding) -> Recognizer:
    from models import CheckpointError, Recognizer

    try:
        return Recognizer.load(model, device, decoding.value)
    except (CheckpointError, ValueError) as error:
        _wrong_use(error)
    except (RuntimeError, AssertionError) as error:  # torch has no such device
        _wrong_use(f"--device {device}: {str(error).splitlines()[0]}")


@contextmanager
def _progress(total: int, unit: str, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    columns = BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn()
    hidden = hidden or total < 2 or not console.is_terminal
    # without redirect_stdout=False, rich would take what is printed to stdout along to stderr
    with Progress(*columns, console=console, transient=True, disable=hidden, redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)


def _tell(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _wrong_use(reason: object) -> NoReturn:
    console.print(f"error: {reason}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    main()
