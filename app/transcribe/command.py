"""The command line of batch transcription: `oyez transcribe` is this function."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.app.console import say, say_loading, usage_error
from oyez.app.options import (
    DEFAULT_MODEL,
    CommandsOption,
    DecodingOption,
    DeviceOption,
    ModelOption,
    PrecisionChoice,
    PrecisionOption,
)
from oyez.app.raw_samples import EncodingOption, RateOption, raw_format
from oyez.data.quiet import quiet_libraries

if TYPE_CHECKING:
    from oyez.app.transcribe.cutting import Outcome
    from oyez.app.transcribe.inputs import Input
    from oyez.app.transcribe.progress import BatchProgress
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


_LONG = 60.0  # seconds of sound after which even a single transcript is followed by a summary
_RAW_SUFFIX_HELP = "of samples without a header (.raw, .pcm)"
ChannelsOption = Annotated[
    list[str] | None,
    typer.Option(
        help=f"mix, or split: a transcript for each channel; {_RAW_SUFFIX_HELP}, their number; may be given twice.",
        show_default="mix",
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Name the files that are passed over.")]


def transcribe(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, pipes, patterns ('talks/**/*.mp3'), @list.txt, manifests (.jsonl, .tsv), or - for "
            "standard input."
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
    channels: ChannelsOption = None,
    rate: RateOption = None,
    encoding: EncodingOption = None,
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
    verbose: VerboseOption = False,
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

    from oyez.app.transcribe.formats import OF_ONE_RECORDING, one_line
    from oyez.app.transcribe.inputs import JOURNAL, InputError, gather, kept
    from oyez.app.transcribe.journal import Journal, JournalError, written_by
    from oyez.app.transcribe.progress import BatchProgress

    journal_path = journal or (output_dir or Path()) / JOURNAL
    split, raw_channels = _channels(channels or [])
    raw = raw_format(rate, raw_channels, encoding)
    with quiet_libraries(), ExitStack() as stack:
        try:
            gathered = gather(
                paths,
                {f".{each.lstrip('.').lower()}" for each in suffix or []} or None,
                split,
                stack.enter_context(kept()) if "-" in paths else None,
                written_by(journal_path),
                raw,
                keep=lambda pipe: stack.enter_context(kept(pipe)),
            )
        except InputError as error:
            usage_error(error)
        inputs = gathered.inputs
        for path in gathered.passed_over if verbose else ():
            say(f"passed over: {one_line(str(path))}")
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

        # results that appear in the terminal are progress enough, but for those of one long recording
        hidden = sys.stdout.isatty() and not to_files and len(inputs) > 1
        progress = stack.enter_context(BatchProgress(inputs, hidden))

        def outcomes_of(some: Sequence[Input]) -> Iterator[Outcome]:
            return transcribe_all(some, recognizer, settings, workers, progress.add_seconds)

        summary = Summary(len(inputs), passed_over=len(gathered.passed_over))
        try:
            if not to_files:
                _print_all(outcomes_of(inputs), formats[0], summary, progress)
            else:
                with Journal(journal_path) as open_journal:
                    files = Files(formats, output_dir, open_journal, settings.version)
                    goes_on = gathered.searched if resume is None else resume
                    _report_all(files.transcribe(inputs, outcomes_of, summary, goes_on), summary, progress)
                    for each, missing in files.incomplete_before:
                        say(f"warning: {one_line(each.title)}: {one_line(missing)} (transcribed before)")
        except JournalError as error:
            usage_error(error)
        except (OutputError, PoolError) as error:
            say(f"error: {error}")
            say(f"{summary}; with --resume the rest can be done later")
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            say(f"interrupted: {summary}" + ("; with --resume the rest can be done later" if to_files else ""))
            raise
    if len(inputs) > 1 or to_files or summary.passed_over or summary.audio_seconds >= _LONG:
        say(summary)
    if summary.failed or summary.incomplete:
        raise typer.Exit(1)


def _print_all(outcomes: Iterator[Outcome], format: str, summary: Summary, progress: BatchProgress) -> None:
    from oyez.app.transcribe.formats import FORMATS, one_line

    for outcome in outcomes:
        progress.add_files(1)
        summary.take(outcome)
        if sys.stdout.isatty():
            progress.stop()
        _say_problems(outcome)
        if outcome.transcript is not None:
            text = FORMATS[format](outcome.input, outcome.transcript)
            named = summary.inputs > 1 and format == Format.txt
            print(f"{one_line(outcome.input.title)}\t{text}" if named else text, end="", flush=True)


def _report_all(outcomes: Iterator[Outcome], summary: Summary, progress: BatchProgress) -> None:
    seen = 0
    for outcome in outcomes:
        progress.add_files(summary.skipped + summary.done + summary.failed - seen)
        seen = summary.skipped + summary.done + summary.failed
        _say_problems(outcome)


def _say_problems(outcome: Outcome) -> None:
    from oyez.app.transcribe.formats import one_line

    title = one_line(outcome.input.title)
    for warning in outcome.warnings:
        say(f"warning: {title}: {one_line(warning)}")
    if outcome.transcript is None:
        say(f"error: {title}: {one_line(outcome.error)}")


def _channels(values: Sequence[str]) -> tuple[bool, int | None]:
    """Return whether --channels splits them, and how many channels it gives samples without a header."""
    count: int | None = None
    for value in values:
        if value.isascii() and value.isdigit():
            count = int(value)
        elif value not in ("mix", "split"):
            usage_error(f"--channels {value}: mix, split, or the number of channels of samples without a header")
    return "split" in values, count
