"""What is each change of a recipe worth? The same short run, with one thing changed at a time.

    python -m studies.ablations commands --data speech --steps 600 --noise tap.wav --snr 6
    python -m studies.ablations english-finish --init runs/english/best --data speech --steps 150 \\
        --change augmentation.noise_probability=0 --change "spec_augment.time_masks=0; spec_augment.frequency_masks=0"

The first run changes nothing, the next two only the seed: what lies between these is chance. Without --init the
shape of the network and the features can be changed too. Interrupted, the same command resumes; each run is one
of `oyez train` and can be made by it alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from matplotlib.figure import Figure

from oyez.app.train.command import DataOption, DeviceOption, ProcessesOption
from oyez.data.files import whole_file
from oyez.models.checkpoint import find_checkpoint, read_config
from oyez.models.network import load_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.torch import TorchRuntime
from oyez.training.config import Recipe, load_recipe
from oyez.training.evaluation.recognition import Evaluation, Noisy, evaluate
from oyez.training.log import figures
from oyez.training.processes import run
from oyez.training.selection import noises, select_by_corpus
from oyez.training.state import differences
from oyez.training.train import Run, work
from studies.report import Report, StudyError, Table, progress, usage_errors

_LONGEST_NAME = 80  # of a run's folder; file systems take three times as much
_LONGEST_LABEL = 60  # in the picture
NOTHING = ""  # the change of the run that the others are compared with
SEEDS = ("optimisation.seed=2", "optimisation.seed=3")  # how much chance alone changes

CHANGES = (
    "augmentation.speed_probability=0",
    "augmentation.noise_probability=0",
    "augmentation.reverberation_probability=0",
    "augmentation.band_probability=0",
    "augmentation.babble_probability=0.15",
    "augmentation.codec_probability=0.15",
    "augmentation.gain_db=[0, 0]",
    "augmentation.max_silence_seconds=0; augmentation.max_cut_seconds=0",
    "spec_augment.time_masks=0; spec_augment.frequency_masks=0",
    "spec_augment.time_masks=3; spec_augment.frequency_masks=3",
    "batching.concat_probability=0",
    "acoustic.dropout=0",
    "optimisation.learning_rate=8e-4",
    "optimisation.learning_rate=3e-3",
    "optimisation.warmup_share=0.3",
    "optimisation.ema_decay=0",
    "optimisation.weight_decay=0",
    "optimisation.label_smoothing=0.05",
    "optimisation.intermediate_loss_share=0.3",
)  # of runs from a model

SHAPES = (
    "features.mel_bands=64",
    "features.mel_bands=26; features.coefficients=13",
    "features.mel_bands=26; features.coefficients=13; features.deltas=2",
    "features.deltas=2",
    "features.high_hz=4000",
    'features.normalisation="utterance"',
    "acoustic.subsampling=2",
    "acoustic.subsampling=4",
    "acoustic.layers=2",
    "acoustic.layers=4",
    "acoustic.width=96",
    "acoustic.width=256",
    "acoustic.layer_norm=false",
    "acoustic.bidirectional=false",
    'acoustic.cell="gru"',
)  # of runs from nothing

Figures = dict[str, Any]  # as in a run's log: wer, cer, command_accuracy, and these by_corpus and in_noise


@dataclass(frozen=True)
class Study:
    """What all runs of the study have in common."""

    recipe: str
    settings: tuple[str, ...]  # changes of the recipe that all runs have
    data: Path
    init: str | None
    runs: Path  # the runs' folders
    out: Path  # holds ablations.json, ablations.md and ablations.png
    device: str = "cpu"
    processes: int | None = None
    noise: Path | None = None  # a recording to measure in as well
    snr_db: float = 6.0  # of speech to that noise

    def run_of(self, change: str) -> Run:
        """Return the run with a change. Raises RecipeError if there is no such setting."""
        folder = re.sub(r"[^\w.=-]+", "_", change) or "nothing"
        if len(folder) > _LONGEST_NAME:
            folder = f"{folder[:_LONGEST_NAME]}-{hashlib.sha256(change.encode()).hexdigest()[:8]}"
        return Run(load_recipe(self.recipe, self._overrides(change)), self.data, self.runs / folder, self.init)

    def command_of(self, change: str) -> str:
        """Return the command that makes the run with a change by itself."""
        arguments = ["oyez", "train", self.recipe, "--data", str(self.data), "--out", str(self.run_of(change).out)]
        arguments += ["--init", self.init] if self.init is not None else []
        return shlex.join(arguments + [result for setting in self._overrides(change) for result in ("--set", setting)])

    def _overrides(self, change: str) -> list[str]:
        return [*self.settings, *(setting.strip() for setting in change.split(";") if setting.strip())]


def carry_out(study: Study, changes: Sequence[str]) -> Path:
    """Make the run of each change that is not made yet, and return the path of the page about them.

    The page and ablations.json are written after each run.

    Raises:
        StudyError: ablations.json is of another study.
        TrainingError, CheckpointError, RunInterruptedError: as a run of training does.
    """
    all_changes = list(dict.fromkeys([NOTHING, *changes]))
    for change in all_changes:
        study.run_of(change)  # a wrong change is reported before hours have passed
    noisy = Noisy(noises([study.noise], Path())[0], study.snr_db) if study.noise is not None else None
    results = _load(study)
    if study.init is not None and "before" not in results:
        progress("before any change")
        results["before"] = _measured(study, study.init, noisy)
        _save(study, results)
    for change in all_changes:
        if change not in results["after"]:
            progress(f"change: {change or 'nothing'}")
            made = study.run_of(change)
            run(work, made, study.device, study.processes)
            measured = _measured(study, made.out / "last", noisy)
            results["after"][change] = {"command": study.command_of(change), **measured}
            _save(study, results)
        page = _report(results, study).write(study.out, study.command_of(NOTHING))
    return page


def _measured(study: Study, model: str | Path, noisy: Noisy | None) -> Figures:
    torch.set_num_threads(1)  # see training/processes.py
    recognizer = Recognizer(TorchRuntime(load_checkpoint(model), study.device))
    recipe = study.run_of(NOTHING).recipe
    corpora = select_by_corpus(recipe.data.validation, study.data, recipe.vocabulary)

    def over_all(noisy: Noisy | None) -> Figures:
        evaluations = {title: evaluate(recognizer, part.utterances, noisy=noisy) for title, part in corpora.items()}
        by_corpus = {title: figures(part.accuracy) for title, part in evaluations.items()}
        return {**figures(Evaluation.together(evaluations.values()).accuracy), "by_corpus": by_corpus}

    return over_all(None) if noisy is None else {**over_all(None), "in_noise": over_all(noisy)}


def _load(study: Study) -> dict[str, Any]:
    """Return what ablations.json holds, or the beginning of it."""
    path = study.out / "ablations.json"
    recipe = study.run_of(NOTHING).recipe
    init = None if study.init is None else read_config(find_checkpoint(study.init)).weights_sha256
    noise = None if study.noise is None else f"{study.noise.name} at {study.snr_db:g} dB"
    if not path.is_file():
        return {"recipe": recipe.model_dump(mode="json"), "init": init, "noise": noise, "after": {}}
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {name: results[name] for name in ("recipe", "init", "noise", "after")}
        before = {**known, "recipe": Recipe.model_validate(known["recipe"]).model_dump(), "after": None}
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: damaged, or of another version; delete it or choose another --out") from error
    different = differences(before, {"recipe": recipe.model_dump(), "init": init, "noise": noise, "after": None})
    if different:
        raise StudyError(f"{path} is of another study ({'; '.join(different)}); choose another --out and --runs")
    return results


def _save(study: Study, results: Mapping[str, Any]) -> None:
    study.out.mkdir(parents=True, exist_ok=True)
    with whole_file(study.out / "ablations.json") as part:
        part.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _report(results: Mapping[str, Any], study: Study) -> Report:
    made = {change or "nothing": result for change, result in results["after"].items()}
    shown = {"before any step": results["before"], **made} if "before" in results else made
    nothing = made["nothing"]
    noise = () if study.noise is None else (f"WER in {study.noise.stem}, {study.snr_db:g} dB", "against nothing")
    headings = ("change", "WER", "against nothing", "CER", "sentence accuracy", *noise)
    rows = []
    for change, result in shown.items():
        row = [f"`{change}`" if change in made and result is not nothing else change]
        row += [f"{result['wer']:.2%}", _difference(result, nothing)]
        row += [f"{result['cer']:.2%}", f"{result['command_accuracy']:.2%}"]
        if noise:
            row += [f"{result['in_noise']['wer']:.2%}", _difference(result["in_noise"], nothing["in_noise"])]
        rows.append(tuple(row))
    tables = [Table("Validation", headings, rows)]
    if len(nothing["by_corpus"]) > 1:
        by_corpus = [
            (row[0], *(f"{result['by_corpus'][title]['wer']:.2%}" for title in nothing["by_corpus"]))
            for row, result in zip(rows, shown.values(), strict=True)
        ]
        tables.append(Table("WER by corpus", ("change", *nothing["by_corpus"]), by_corpus))
    return Report(
        name="ablations",
        title="Ablations",
        setting="Each row is a run of the command above, with its change added by `--set` and an `--out` of its own. "
        "Validation speakers are never trained on. Decoded by beam search without a language model. The run with "
        "another seed shows how much chance alone changes.",
        figure=_figure(shown, nothing),
        tables=tables,
    )


def _difference(measured: Figures, nothing: Figures) -> str:
    return "" if measured is nothing else f"{100 * (measured['wer'] - nothing['wer']):+.2f}"


def _figure(shown: Mapping[str, Figures], nothing: Figures) -> Figure:
    figure = Figure(figsize=(9, 1.4 + 0.32 * len(shown)), layout="constrained")
    axes = figure.subplots()
    conditions: list[tuple[str, str, Callable[[Figures], Figures]]] = [("quiet", "o", lambda result: result)]
    if "in_noise" in nothing:
        conditions.append(("in noise", "s", lambda result: result["in_noise"]))
    for label, marker, of in conditions:
        drawn = axes.plot(
            [100 * of(result)["wer"] for result in shown.values()], range(len(shown)), marker, label=label
        )
        axes.axvline(100 * of(nothing)["wer"], color=drawn[0].get_color(), linestyle="--")
    axes.set_yticks(range(len(shown)), [_short(change) for change in shown])
    axes.invert_yaxis()
    axes.set(xlabel="validation WER, %; the lines: nothing changed")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return figure


def _short(change: str) -> str:
    half = _LONGEST_LABEL // 2
    return change if len(change) <= _LONGEST_LABEL else f"{change[:half]} ... {change[-half:]}"


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or a TOML file.")],
    data: DataOption = Path("speech"),
    init: Annotated[str | None, typer.Option(help="The model that all runs start from.", show_default="none")] = None,
    steps: Annotated[int, typer.Option(help="Of each run.", min=1)] = 150,
    change: Annotated[
        list[str] | None,
        typer.Option(help='KEY=VALUE, or several as "KEY=VALUE; KEY=VALUE"; repeatable.', show_default="a list"),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of all runs.", metavar="KEY=VALUE")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where the runs go.")] = Path("runs/ablations"),
    out: Annotated[Path, typer.Option(help="Where ablations.md, .json and .png go.")] = Path("docs/studies"),
    device: DeviceOption = "cpu",
    processes: ProcessesOption = None,
    noise: Annotated[Path | None, typer.Option(help="A recording to measure in as well.", show_default="none")] = None,
    snr: Annotated[float, typer.Option(help="Of speech to --noise, in dB.")] = 6.0,
) -> None:
    """Measure single changes of a recipe, one after the other (an ablation study)."""
    # no augmentation warm-up: changes of the augmentation would have no effect in them
    settings = (f"optimisation.steps={steps}", "augmentation.warmup_epochs=0", *(setting or ()))
    study = Study(recipe, settings, data, init, runs, out, device, processes, noise, snr)
    with usage_errors():
        print(carry_out(study, change or SEEDS + (SHAPES if init is None else CHANGES)))


if __name__ == "__main__":
    typer.run(command)
