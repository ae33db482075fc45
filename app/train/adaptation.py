"""The steps of an adaptation: voices and sentences, training, measuring before and after, keeping or refusing."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from oyez.app.console import progress_bar, say, usage_error
from oyez.app.measuring import attempts_of
from oyez.app.recognizers import load_recognizer
from oyez.app.train.adaptation_report import adaptation_account, comparison, comparison_table, speech_summary
from oyez.data.cores import available_cores
from oyez.models.checkpoint import find_checkpoint, read_config
from oyez.models.config import ModelConfig
from oyez.models.grammar.compiler import Compiled
from oyez.models.grammar.interpreter import CommandsInterpreter
from oyez.models.recognizer import Recognizer
from oyez.training.adaptation.plan import HELD_OUT, adaptation_recipe, plan_readings, prepare
from oyez.training.adaptation.result import (
    TRAINED_SHARE,
    Measured,
    adapted_model,
    reason_to_refuse,
    save_adapted,
    with_fitted_confidences,
)
from oyez.training.adaptation.speech import (
    Replay,
    choose_voices,
    draw_sentences,
    replay_of_folder,
    replay_of_recipe,
)
from oyez.training.calibration.operating_points import Attempt
from oyez.training.config import load_recipe
from oyez.training.evaluation.recognition import accuracy_of, recognise_words
from oyez.training.processes import run
from oyez.training.selection import refuse_missing_data
from oyez.training.train import Run, work

_PLAN = "plan.json"  # what an unfinished adaptation is of


@dataclass(frozen=True)
class RealSpeech:
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
class Task:
    """What the options ask for."""

    file: Path
    compiled: Compiled
    model: str
    out: Path
    real: RealSpeech
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


def adapt_model(task: Task, further_voices: Sequence[str], max_increase: float) -> str | None:
    """Adapt, report what it gains and keep the model; or return why it is not kept."""
    base = load_recognizer(task.model, task.device, None)
    _refuse_unfit(base, task.file)
    voices = choose_voices(further_voices)  # before sentences are drawn: it tells what to install
    recorded = _attempts_on_recordings(base, task, reports=True)
    sentences = draw_sentences(task.compiled.file)
    if not sentences.training:
        usage_error(f"{task.file}: there is no sentence to train on")
    for reason in voices.missing:
        say(f"fewer voices than there could be: {reason}")
    replay, noise = _real_speech(task.real, base.config)
    readings = plan_readings(task.work, base.config, sentences, voices, task.clips)
    _begin_or_resume(task, read_config(find_checkpoint(task.model)).weights_sha256, further_voices)
    summary = speech_summary(sentences, voices, replay, str(task.real))
    say(summary)

    with progress_bar(sum(map(len, readings.values())), "clips") as progress:
        speech = prepare(task.work, base.config, readings, replay, task.processes or available_cores(), progress)
    say("measuring the model as it is")
    before = Measured(
        commands=_attempts_held_out(base, task),
        general=accuracy_of(recognise_words(base, speech.general)).word_error_rate,
        recordings=recorded,
    )
    config = base.config.model_copy(
        update={"name": task.out.name, "description": f"{base.name}, adapted to {task.file.name}."}
    )
    run_folder, result = task.work / "run", task.work / "result"
    recipe = adaptation_recipe(config, speech, noise, task.epochs)
    run(work, Run(recipe, task.work, run_folder, task.model), task.device, task.processes)
    model = adapted_model(task.model, run_folder / "last", TRAINED_SHARE, config)
    save_adapted(result, model, task.model, account="")

    say("measuring the adapted model")
    adapted = Recognizer.load(result, task.device)
    recognised = recognise_words(adapted, speech.general)
    if replay is not None:  # fitted to synthetic speech, the confidences would promise too much of real speech
        adapted = adapted.with_config(with_fitted_confidences(adapted, recognised))
    after = Measured(
        commands=_attempts_held_out(adapted, task),
        general=accuracy_of(recognised).word_error_rate,
        recordings=_attempts_on_recordings(adapted, task),
    )
    rows = list(comparison(before, after, (_threshold(base, task), _threshold(adapted, task)), str(task.recordings)))
    Console().print(comparison_table(f"{task.model} for {task.file}", rows, max_increase))
    refused = reason_to_refuse(before, after, max_increase)
    if refused is None:
        account = adaptation_account(task.model, task.file.name, rows, summary, with_real_speech=task.real.is_given)
        save_adapted(result, model, task.model, account, adapted.config)
        result.rename(task.out)
    shutil.rmtree(task.work)
    return refused


def _refuse_unfit(base: Recognizer, file: Path) -> None:
    """End the command if this model cannot be adapted to this file."""
    if base.config.acoustic.pooling is not None:
        usage_error(f"model {base.name!r} is a classifier of words: adapt one of sentences, such as english")
    if unknown := CommandsInterpreter.load(base.config, file).unknown_words():
        shown = ", ".join(unknown[:10]) + (", ..." if len(unknown) > 10 else "")
        usage_error(f"{base.name} writes {len(base.config.vocabulary)} words, and not: {shown}; adapt english")


def _real_speech(real: RealSpeech, config: ModelConfig) -> tuple[Replay | None, list[Path]]:
    """Return the real speech that the options name, if they do, and recordings of noise."""
    if real.replay is not None:
        return replay_of_folder(real.replay, config.vocabulary), []
    if real.data is not None:
        recipe = load_recipe(real.recipe or config.name)
        refuse_missing_data(recipe.data, real.data)
        noise = [(real.data / path).resolve() for path in recipe.data.noise]
        return replay_of_recipe(recipe, real.data, config.vocabulary), noise
    return None, []


def _begin_or_resume(task: Task, weights: str, further_voices: Sequence[str]) -> None:
    """Begin in the folder of an adaptation, or resume if what is there is of the same file, model and options."""
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
        say(f"resuming in {task.work}")


def _attempts_held_out(recognizer: Recognizer, task: Task) -> list[Attempt]:
    return attempts_of(recognizer.with_commands(task.file, threshold=0.0), task.compiled, task.work / HELD_OUT)[0]


def _attempts_on_recordings(recognizer: Recognizer, task: Task, reports: bool = False) -> list[Attempt] | None:
    if task.recordings is None:
        return None
    commands = recognizer.with_commands(task.file, threshold=0.0)
    attempts, skipped = attempts_of(commands, task.compiled, task.recordings, task.other_speech)
    for reason in skipped if reports else []:
        say(f"skipped: {reason}")
    return attempts


def _threshold(recognizer: Recognizer, task: Task) -> float:
    given = task.compiled.file.oyez.threshold
    return recognizer.config.command_confidence.threshold if given is None else given
