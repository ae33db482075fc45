"""`oyez adapt`: train a model on for one commands file, and keep what comes of it if it is worth it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from oyez.app.console import progress_bar, say, usage_error
from oyez.app.options import DEFAULT_MODEL, DeviceOption, FileArgument

if TYPE_CHECKING:
    from oyez.models import Recognizer
    from oyez.models.checkpoint import ModelConfig
    from oyez.models.grammar.compiler import Compiled
    from oyez.training.adaptation.adaptation import Measured
    from oyez.training.adaptation.speech import Parted, Replay, Voices
    from oyez.training.calibration.operating_points import Attempt

_PLAN = "plan.json"  # what an unfinished adaptation is of

Figures = list[tuple[str, str, str]]  # what, before, after


def adapt(
    file: FileArgument,
    model: Annotated[
        str, typer.Option("--model", "-m", help="The model to adapt: a shipped one's name, or a folder.")
    ] = DEFAULT_MODEL,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the adapted model.", show_default="adapted/ and the file's name")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder with the corpora of a recipe: real speech that must stay known.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="With --data: which recipe.", show_default="the one of the model's name")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Instead of --data: a folder with real speech of any kind, and its manifest.")
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(help="Measure on these, too: a folder with manifest.tsv or .jsonl, path and text as it was said."),
    ] = None,
    other_speech: Annotated[
        Path | None, typer.Option(help="With --recordings: recordings without commands, a folder or a file.")
    ] = None,
    max_wer_increase: Annotated[
        float,
        typer.Option(help="Keep nothing if the word error rate of general speech rises by more percentage points."),
    ] = 1.0,
    voice: Annotated[
        list[str] | None,
        typer.Option(help="A further voice to train with (see `oyez data synthesise`); repeatable."),
    ] = None,
    clips: Annotated[
        int, typer.Option(help="How many readings of the file's sentences to learn from.", min=3, max=1_000_000)
    ] = 600,
    epochs: Annotated[int, typer.Option(help="How often all is gone through.", min=1, max=10_000)] = 2,
    processes: Annotated[
        int | None, typer.Option(help="Processes, on the CPU.", min=1, max=1024, show_default="one a core")
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Adapt a model to one commands file, on synthetic speech; show what it is worth. Interrupted, it goes on later.

    Exit code 1, and no model, if general speech is heard worse than --max-wer-increase allows, or the commands are.
    """
    if recipe is not None and data is None:
        usage_error("--recipe says which corpora of --data are taken: give both")
    if data is not None and replay is not None:
        usage_error("--data and --replay exclude each other: both say which real speech must stay known")
    if other_speech is not None and recordings is None:
        usage_error("--other-speech belongs to --recordings")
    out = out or Path("adapted") / file.stem
    if out.exists():
        usage_error(f"{out}: there is something of that name already; choose another --out")

    from oyez.app.commands_file import compile_file

    compiled, _ = compile_file(file)

    from oyez.app.measuring import RecordingsError
    from oyez.data.synthesis.synthesis import SynthesisError
    from oyez.models import CheckpointError
    from oyez.training.config import RecipeError
    from oyez.training.processes import Interrupted, ProcessError

    real = _Real(data, recipe, replay)
    task = _Task(file, compiled, model, out, real, recordings, other_speech, clips, epochs, processes, device)
    try:
        refused = _adapt(task, voice or [], max_wer_increase / 100)
    except (SynthesisError, CheckpointError, RecipeError, ProcessError, RecordingsError) as error:
        usage_error(error)
    except OSError as error:
        usage_error(f"{error.filename or out}: {error.strerror or error}")
    except Interrupted as stop:
        say(stop)
        raise typer.Exit(128 + stop.signal) from stop
    except KeyboardInterrupt as stop:
        say("stopped; run again to go on")
        raise typer.Exit(130) from stop
    if refused:
        say(f"not kept: {refused}")
        raise typer.Exit(1)
    say(f"kept: use it with --model {out}")


@dataclass(frozen=True)
class _Real:
    """Where real speech comes from, as the options say it."""

    data: Path | None
    recipe: str | None
    replay: Path | None

    @property
    def is_given(self) -> bool:
        """Whether there is any."""
        return self.replay is not None or self.data is not None

    def __str__(self) -> str:
        return str(self.replay or self.data or "none")


@dataclass(frozen=True)
class _Task:
    """What the options ask for."""

    file: Path
    compiled: Compiled
    model: str
    out: Path
    real: _Real
    recordings: Path | None
    other_speech: Path | None
    clips: int
    epochs: int
    processes: int | None
    device: str

    @property
    def work(self) -> Path:
        """The folder that holds the adaptation until it is done."""
        return self.out.with_name(f"{self.out.name}.adapting")


def _adapt(task: _Task, further_voices: Sequence[str], max_wer_increase: float) -> str | None:
    """Adapt, tell what it is worth and keep it; or return why it is not kept."""
    from oyez.app.recognizers import load_recognizer
    from oyez.models import Recognizer
    from oyez.models.checkpoint import find_checkpoint, read_config
    from oyez.training.adaptation.adaptation import (
        TRAINED_SHARE,
        Measured,
        adaptation_recipe,
        adapted_model,
        plan_readings,
        prepare,
        reason_to_refuse,
        save_adapted,
        with_fitted_confidences,
    )
    from oyez.training.adaptation.speech import choose_voices, draw_sentences
    from oyez.training.evaluation.evaluate import accuracy_of, hear
    from oyez.training.processes import cores, run
    from oyez.training.train import Run, work

    base = load_recognizer(task.model, task.device, None)
    _refuse_unfit(base, task.file)
    recorded = _hear_recordings(base, task, told=True)
    sentences = draw_sentences(task.compiled.file)
    if not sentences.training:
        usage_error(f"{task.file}: there is no sentence to train on")
    voices = choose_voices(further_voices)
    for reason in voices.missing:
        say(f"fewer voices than there could be: {reason}")
    replay, noise = _real_speech(task.real, base.model.config)
    readings = plan_readings(task.work, base.model.config, sentences, voices, task.clips)
    _take_up(task, read_config(find_checkpoint(task.model)).weights_sha256, further_voices)
    parted = _parted(sentences, voices, replay, task.real)
    say(parted)

    with progress_bar(sum(map(len, readings.values())), "clips") as progress:
        speech = prepare(task.work, base.model.config, readings, replay, task.processes or cores(), progress)
    say("measuring the model as it is")
    before = Measured(
        commands=_hear_held_out(base, task),
        general=accuracy_of(hear(base, speech.general)).word_error_rate,
        recordings=recorded,
    )
    config = base.model.config.model_copy(
        update={"name": task.out.name, "description": f"{base.name}, adapted to {task.file.name}."}
    )
    run_folder, result = task.work / "run", task.work / "result"
    recipe = adaptation_recipe(config, speech, noise, task.epochs)
    run(work, Run(recipe, task.work, run_folder, task.model), task.device, task.processes)
    model = adapted_model(task.model, run_folder / "last", TRAINED_SHARE, config)
    save_adapted(result, model, task.model, account="")

    say("measuring what came of it")
    adapted = Recognizer.load(result, task.device)
    heard = hear(adapted, speech.general)
    if replay is not None:  # fitted to synthetic speech, the confidences would promise too much of real speech
        adapted.model.config = with_fitted_confidences(adapted, heard)
    after = Measured(
        commands=_hear_held_out(adapted, task),
        general=accuracy_of(heard).word_error_rate,
        recordings=_hear_recordings(adapted, task),
    )
    figures = list(_figures(task, before, after, (_threshold(base, task), _threshold(adapted, task))))
    Console().print(_table(task, figures, max_wer_increase))
    refused = reason_to_refuse(before, after, max_wer_increase)
    if refused is None:
        save_adapted(result, adapted.model, task.model, _account(task, figures, parted))
        result.rename(task.out)
    shutil.rmtree(task.work)
    return refused


def _refuse_unfit(base: Recognizer, file: Path) -> None:
    """End the command if nothing can come of adapting this model to this file."""
    from oyez.app.recognizers import unknown_words

    if base.model.config.acoustic.pooling is not None:
        usage_error(f"model {base.name!r} is a classifier of words: adapt one that hears sentences, such as english")
    if unknown := base.commands(file).unknown_words():
        usage_error(f"{unknown_words(base, unknown)}; adapt english")


def _real_speech(real: _Real, config: ModelConfig) -> tuple[Replay | None, list[Path]]:
    """Return the real speech that the options name, if they do, and recordings of noise."""
    from oyez.training.adaptation.speech import replay_of_folder, replay_of_recipe
    from oyez.training.config import load_recipe

    if real.replay is not None:
        return replay_of_folder(real.replay, config.vocabulary), []
    if real.data is not None:
        recipe = load_recipe(real.recipe or config.name)
        noise = [(real.data / path).resolve() for path in recipe.data.noise]
        return replay_of_recipe(recipe, real.data, config.vocabulary), noise
    return None, []


def _take_up(task: _Task, weights: str, further_voices: Sequence[str]) -> None:
    """Begin in the folder of an adaptation, or go on if what is there is of the same file, model and options."""
    plan: dict[str, Any] = {
        "commands": hashlib.sha256(task.compiled.file.model_dump_json().encode()).hexdigest(),
        "weights": weights,
        "voices": list(further_voices),
        "speech": [str(task.real), task.real.recipe],
        "clips": task.clips,
        "epochs": task.epochs,
    }
    noted = task.work / _PLAN
    if not task.work.exists():
        task.work.mkdir(parents=True)
        noted.write_text(json.dumps(plan, indent=2))
    elif not noted.is_file() or noted.read_text() != json.dumps(plan, indent=2):
        usage_error(
            f"{task.work}: not an unfinished adaptation of this file with these options; delete it to start anew"
        )
    else:
        say(f"going on in {task.work}")


def _hear_held_out(recognizer: Recognizer, task: _Task) -> list[Attempt]:
    from oyez.app.measuring import attempts_of
    from oyez.training.adaptation.adaptation import HELD_OUT

    return attempts_of(recognizer.commands(task.file, threshold=0.0), task.compiled, task.work / HELD_OUT)[0]


def _hear_recordings(recognizer: Recognizer, task: _Task, told: bool = False) -> list[Attempt] | None:
    from oyez.app.measuring import attempts_of

    if task.recordings is None:
        return None
    commands = recognizer.commands(task.file, threshold=0.0)
    attempts, left_out = attempts_of(commands, task.compiled, task.recordings, task.other_speech)
    for reason in left_out if told else []:
        say(f"left out: {reason}")
    return attempts


def _threshold(recognizer: Recognizer, task: _Task) -> float:
    given = task.compiled.file.oyez.threshold
    return recognizer.model.config.command_confidence.threshold if given is None else given


def _parted(sentences: Parted, voices: Voices, replay: Replay | None, real: _Real) -> str:
    """Say what is trained on and what is measured on."""
    if sentences.apart:
        texts = f"{len(sentences.training)} sentences are trained on and {len(sentences.held_out)} others measured on"
    else:
        texts = f"all {len(sentences.training)} sentences are trained on, and measured on"
    spoken = f"{texts}, in other voices: {len(voices.training)} to train, {len(voices.held_out)} to measure"
    if replay is None:
        return (
            f"{spoken}. No real speech is given (--data or --replay): general speech is synthetic, too, and what real "
            "speech loses is not seen"
        )
    counts = f"{len(replay.training)} recordings to train, {len(replay.held_out)} to measure"
    return f"{spoken}. General speech: {real}, {counts}"


def _figures(
    task: _Task, before: Measured, after: Measured, thresholds: tuple[float, float]
) -> Iterator[tuple[str, str, str]]:
    yield "threshold", f"{thresholds[0]:g}", f"{thresholds[1]:g}"
    yield from _hearing("synthetic", before.commands, after.commands, thresholds)
    yield "general speech: word error rate", f"{before.general:.2%}", f"{after.general:.2%}"
    if before.recordings and after.recordings:
        yield from _hearing(str(task.recordings), before.recordings, after.recordings, thresholds)


def _hearing(
    name: str, before: Sequence[Attempt], after: Sequence[Attempt], thresholds: tuple[float, float]
) -> Iterator[tuple[str, str, str]]:
    """Yield what there is to tell of attempts before and after."""
    from oyez.training.adaptation.adaptation import right_share
    from oyez.training.calibration.operating_points import operating_point

    both = before, after
    points = [operating_point(each, threshold) for each, threshold in zip(both, thresholds, strict=True)]
    commands = sum(attempt.is_command for attempt in before)
    rows = {
        f"{name}, {commands} commands: right": [f"{right_share(each):.1%}" for each in both],
        "right, and accepted": [f"{(1 - point.missed) * (1 - point.wrong):.1%}" for point in points],
    }
    if commands < len(before):
        hours = sum(attempt.seconds for attempt in before if not attempt.is_command) / 3600
        rows[f"false accepts in {hours:.2f} h of other speech"] = [str(point.false_accepts) for point in points]
    for what, (was, becomes) in rows.items():
        yield what, was, becomes


def _table(task: _Task, figures: Figures, max_wer_increase: float) -> Table:
    shown = Table(
        f"{task.model} for {task.file}",
        "before",
        "after",
        caption=f"kept if the word error rate of general speech rises by {max_wer_increase:.2%} at most",
    )
    for row in figures:
        shown.add_row(*row)
    return shown


def _account(task: _Task, figures: Figures, parted: str) -> str:
    """Return what the card says of the adaptation."""
    rows = "\n".join(f"| {' | '.join(row)} |" for row in figures)
    fitted = (
        " The confidences after, and with them the threshold, are fitted to the held-out real speech in which false "
        "accepts are counted."
        if task.real.is_given
        else ""
    )
    return (
        f"`{task.model}`, adapted to `{task.file.name}` by `oyez adapt` on synthetic speech: {parted}.{fitted}\n\n"
        f"| measured on what was held out | before | after |\n|---|---|---|\n{rows}"
    )
