"""The command line of batch transcription: `oyez transcribe` is this function."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.app.console import progress_bar, say, say_loading, usage_error
from oyez.app.options import (
    DEFAULT_MODEL,
    CommandsOption,
    DecodingOption,
    DeviceOption,
    ModelOption,
    PrecisionChoice,
    PrecisionOption,
)
from oyez.data.quiet import quiet_libraries

if TYPE_CHECKING:
    from oyez.app.transcribe.cutting import Outcome
    from oyez.app.transcribe.inputs import Input
    from oyez.app.transcribe.run import Summary


class Format(StrEnum):
    """How a transcript is written."""

    txt = "txt"
    srt = "srt"
    vtt = "vtt"
    tsv = "tsv"
    json = "json"
    jsonl = "jsonl"
    ctm = "ctm"


class Channels(Enum):
    """What becomes of the channels of a recording."""

    mix = "mix"
    split = "split"


def transcribe(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, patterns ('talks/**/*.mp3'), @list.txt, manifests (.jsonl, .tsv), or - for standard "
            "input."
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    format: Annotated[
        list[Format] | None,
        typer.Option("--format", "-f", help="How a transcript is written; repeatable.", show_default="txt"),
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", "-o", help="Write files here, in the tree of the inputs.")
    ] = None,
    next_to_input: Annotated[bool, typer.Option("--next-to-input", help="Write files next to the inputs.")] = False,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="Skip what is complete and unchanged.",
            show_default="--resume with a folder or a pattern",
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(help="Journal file.", show_default="oyez-journal.jsonl in the output folder, or in this one"),
    ] = None,
    suffix: Annotated[
        list[str] | None,
        typer.Option(help="Take only such files from folders, e.g. .wav; repeatable.", show_default="all audio"),
    ] = None,
    channels: Annotated[Channels, typer.Option(help="split: a transcript for each channel.")] = Channels.mix,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes; 1 is this one.", min=1, max=1024, show_default="as work and machine suggest"),
    ] = None,
    batch_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds of audio that go through the network at once.", min=1, max=3600, show_default="160"),
    ] = None,
    decoding: DecodingOption = None,
    commands: CommandsOption = None,
    alternatives: Annotated[
        int, typer.Option(help="With --commands: how many of the next likely commands to list.", min=0, max=100)
    ] = 0,
    precision: PrecisionOption = PrecisionChoice.auto,
    device: DeviceOption = "cpu",
) -> None:
    """Transcribe recordings to the terminal, or to files; interrupted, the same command resumes."""
    formats = list(dict.fromkeys(each.value for each in format or [Format.txt]))
    to_files = next_to_input or output_dir is not None
    if next_to_input and output_dir is not None:
        usage_error("--next-to-input and --output-dir exclude each other")
    if not to_files and (resume or journal is not None):
        usage_error(
            f"{'--resume' if resume else '--journal'} needs --output-dir or --next-to-input: "
            "without files there is nothing to resume"
        )
    if not to_files and len(formats) > 1:
        usage_error(f"several formats ({', '.join(formats)}) need --output-dir or --next-to-input")
    if alternatives and commands is None:
        usage_error("--alternatives belongs to --commands")
    if next_to_input and "-" in paths:
        usage_error("standard input is in no folder to write to; use --output-dir")

    if commands is not None:
        from oyez.app.commands_file import check_commands

        check_commands(commands)

    from oyez.app.transcribe.formats import OF_ONE_RECORDING
    from oyez.app.transcribe.inputs import JOURNAL, InputError, gather, standard_input
    from oyez.app.transcribe.journal import Journal, JournalError, written_by
    from oyez.data.audio import SUFFIXES

    journal_path = journal or (output_dir or Path()) / JOURNAL
    with quiet_libraries(), ExitStack() as stack:
        try:
            stdin = stack.enter_context(standard_input()) if "-" in paths else None
            suffixes = {f".{each.lstrip('.').lower()}" for each in suffix or []} or SUFFIXES
            gathered = gather(paths, suffixes, channels == Channels.split, stdin, written_by(journal_path))
        except InputError as error:
            usage_error(error)
        inputs = gathered.inputs
        if len(inputs) > 1 and not to_files and formats[0] in OF_ONE_RECORDING:
            count = len(inputs)
            usage_error(f"{formats[0]} of {count} recordings is {count} files: use --output-dir or --next-to-input")
        say_loading()

        from oyez.app.recognizers import load_recognizer, with_commands
        from oyez.app.transcribe.pool import PoolError, prepare
        from oyez.app.transcribe.run import Files, OutputError, Summary
        from oyez.app.transcribe.transcription import suitable_workers
        from oyez.app.transcribe.transcription import transcribe as transcribe_all
        from oyez.app.transcribe.worker import Settings

        if (workers or suitable_workers(inputs)) > 1:
            prepare()
        recognizer = load_recognizer(model, device, decoding, precision, batch_seconds)
        if commands is not None:
            recognizer = with_commands(recognizer, commands, alternatives)
        settings = Settings(
            model, recognizer.decoding, precision.value, recognizer.runtime.batch_seconds, commands, alternatives
        )

        def outcomes_of(some: Sequence[Input]) -> Iterator[Outcome]:
            return transcribe_all(some, recognizer, settings, workers)

        summary = Summary(len(inputs))
        try:
            if not to_files:
                _print_all(outcomes_of(inputs), formats[0], summary)
            else:
                with Journal(journal_path) as open_journal:
                    files = Files(formats, output_dir, open_journal, settings.version)
                    goes_on = gathered.searched if resume is None else resume
                    _report_all(files.transcribe(inputs, outcomes_of, summary, goes_on), summary)
        except JournalError as error:
            usage_error(error)
        except (OutputError, PoolError) as error:
            say(f"error: {error}")
            say(f"{summary}; with --resume the rest can be done later")
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            say(f"interrupted: {summary}" + ("; with --resume the rest can be done later" if to_files else ""))
            raise
    if len(inputs) > 1 or to_files:
        say(summary)
    if summary.failed:
        raise typer.Exit(1)


def _print_all(outcomes: Iterator[Outcome], format: str, summary: Summary) -> None:
    from oyez.app.transcribe.formats import FORMATS, one_line

    # results that appear in the terminal are progress enough
    with progress_bar(summary.inputs, "files", hidden=sys.stdout.isatty()) as progress:
        for outcome in outcomes:
            progress(1)
            summary.take(outcome)
            if outcome.transcript is None:
                _say_failure(outcome)
                continue
            text = FORMATS[format](outcome.input, outcome.transcript)
            named = summary.inputs > 1 and format == Format.txt
            print(f"{one_line(outcome.input.title)}\t{text}" if named else text, end="", flush=True)


def _report_all(outcomes: Iterator[Outcome], summary: Summary) -> None:
    with progress_bar(summary.inputs, "files") as progress:
        seen = 0
        for outcome in outcomes:
            progress(summary.skipped + summary.done + summary.failed - seen)
            seen = summary.skipped + summary.done + summary.failed
            if outcome.transcript is None:
                _say_failure(outcome)


def _say_failure(outcome: Outcome) -> None:
    from oyez.app.transcribe.formats import one_line

    say(f"error: {one_line(outcome.input.title)}: {one_line(outcome.error)}")
