"""What becomes of words that a model never heard? One training with some words, one without, one with them read.

    oyez data synthesise words.txt --takes 150 --out speech/words_read     # the words, one a line
    python -m studies.unheard english --data speech --word cat --word happy --synthetic words_read

Without the words means without every utterance that holds one of them. Each model is then asked which word of Speech
Commands the clips of its validation speakers are. Interrupted, the same command goes on where it was.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from matplotlib.figure import Figure

from oyez.app.train.command import DataOption, DeviceOption, ProcessesOption
from oyez.data.alphabet import encode
from oyez.data.manifest import Utterance
from oyez.data.reading import read_batches
from oyez.models.decoding.closed import rank
from oyez.models.recognizer import Recognizer
from oyez.training.config import CorpusConfig, Recipe, load_recipe
from oyez.training.log import last_validation
from oyez.training.processes import run
from oyez.training.selection import select
from oyez.training.train import Run, work
from studies.report import OutOption, Report, StudyError, Table, progress, usage_errors

_ROOT, _SPLIT = Path("SpeechCommands"), "validation"
HEARD, UNHEARD, READ = "the words are heard", "never heard", "read by synthetic voices, never heard"


@dataclass(frozen=True)
class Asked:
    """What a model makes of single words."""

    right: dict[str, float]  # of each word, the share of its clips for which it is the likeliest word
    spelled: dict[str, float]  # and that for which greedy decoding writes it, of all that can be written


def trainings(recipe: Recipe, words: Sequence[str], synthetic: Path | None) -> dict[str, Recipe]:
    """Return the recipes that differ in what they hear of the words.

    Args:
        synthetic: a folder of recordings below the data folder, in which the words are read.
    """
    without = tuple(
        corpus.model_copy(update={"without_words": (*corpus.without_words, *words)}) for corpus in recipe.data.train
    )
    made = {HEARD: recipe.data.train, UNHEARD: without}
    if synthetic is not None:
        made[READ] = (*without, CorpusConfig(corpus="recordings", root=synthetic))
    return {
        name: recipe.model_copy(update={"data": recipe.data.model_copy(update={"train": train})})
        for name, train in made.items()
    }


def ask(recognizer: Recognizer, clips: Sequence[Utterance]) -> Asked:
    """Let a model hear single words."""
    words = sorted({clip.text for clip in clips})
    candidates = [encode(word) for word in words]
    right: defaultdict[str, list[bool]] = defaultdict(list)
    spelled: defaultdict[str, list[bool]] = defaultdict(list)
    for _, readable in read_batches(clips, skipped=[]):
        rows = recognizer.log_probs([waveform for _, waveform in readable])
        for (clip, _), log_probs in zip(readable, rows, strict=True):
            right[clip.text].append(rank(log_probs, candidates)[0].labels == tuple(encode(clip.text)))
            spelled[clip.text].append(" ".join(word.text for word in recognizer.words(log_probs)) == clip.text)
    return Asked(*({word: sum(found) / len(found) for word, found in of.items()} for of in (right, spelled)))


def study(
    recipe: Recipe,
    data: Path,
    words: Sequence[str],
    synthetic: Path | None,
    runs: Path,
    device: str = "cpu",
    processes: int | None = None,
) -> Report:
    """Train what is not trained yet and ask each model for the words.

    Raises:
        StudyError: Speech Commands has no validation clip of a word, or the recipe makes a classifier.
        RecipeError, CheckpointError, ProcessError, RunInterruptedError: as a run of training does.
    """
    if recipe.acoustic.pooling is not None:
        raise StudyError(f"recipe {recipe.name!r} makes a classifier, which can give no word that it was not made for")
    listed = CorpusConfig(corpus="speech-commands", root=_ROOT, split=_SPLIT)
    clips = select([listed], data, recipe.vocabulary).utterances
    count = {word: sum(clip.text == word for clip in clips) for word in sorted({clip.text for clip in clips})}
    for word in words:
        if word not in count:
            raise StudyError(f"no validation clip of {word!r}; there are {', '.join(count)}")
    others = [word for word in count if word not in words]
    clips_of_words = sum(count[word] for word in words)
    asked, rows, by_corpus = {}, [], []
    for name, changed in trainings(recipe, words, synthetic).items():
        progress(name)
        made = Run(changed, data, runs / name.replace(" ", "_").replace(",", ""), None)
        run(work, made, device, processes)
        torch.set_num_threads(1)  # see training/processes.py
        model = Recognizer.load(made.out / "last", decoding="greedy", device=device)
        asked[name] = ask(model, clips)
        shares = (asked[name].right, asked[name].spelled)
        of_words, of_others = ([_over(some, share, count) for share in shares] for some in (words, others))
        rows.append((name, *(f"{share:.1%}" for share in (*of_words, *of_others))))
        validation = last_validation(made.out)["by_corpus"]
        by_corpus.append((name, *(f"{part['wer']:.1%}, {part['cer']:.1%}" for part in validation.values())))
    return Report(
        name="unheard",
        title="Words that were never heard",
        setting=f"{recipe.optimisation.epochs} epochs of the recipe's speech. Of Speech Commands' validation speakers "
        f"{len(clips)} clips of {len(count)} words, {clips_of_words} of them of the {len(words)} in question "
        f"({', '.join(words)}). Right: the likeliest of the {len(count)}, by CTC. Spelled: what greedy decoding "
        "writes, of all that can be written.",
        figure=_figure(asked, [*words, *others]),
        tables=[
            Table(
                "Single words",
                ("training", "the words: right", "spelled", "the other words: right", "spelled"),
                rows,
            ),
            Table(
                "Each of the words, right",
                ("training", *(f"{word} ({count[word]} clips)" for word in words)),
                [(name, *(f"{each.right[word]:.1%}" for word in words)) for name, each in asked.items()],
            ),
            Table(
                "WER and CER of the recipe's validation speech, by beam search", ("training", *validation), by_corpus
            ),
        ],
    )


def _over(words: Sequence[str], shares: Mapping[str, float], count: Mapping[str, int]) -> float:
    return sum(shares[word] * count[word] for word in words) / sum(count[word] for word in words)


def _figure(asked: Mapping[str, Asked], words: Sequence[str]) -> Figure:
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    for number, (name, each) in enumerate(asked.items()):
        places = [place + 0.25 * (number - 1) for place in range(len(words))]
        axes.bar(places, [100 * each.right[word] for word in words], width=0.25, label=name)
    axes.set_xticks(range(len(words)), words, rotation=60, ha="right")
    axes.set(ylabel="right, % of the clips")
    figure.legend(loc="outside upper right", ncols=len(asked), frameon=False)
    return figure


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or a TOML file.")],
    word: Annotated[list[str], typer.Option(help="A word of Speech Commands; may be given several times.")],
    data: DataOption = Path("speech"),
    synthetic: Annotated[
        Path | None, typer.Option(help="Recordings below the data folder, in which the words are read.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of all trainings.", metavar="KEY=VALUE")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where the runs go.")] = Path("runs/unheard"),
    out: OutOption = Path("docs/studies"),
    device: DeviceOption = "cpu",
    processes: ProcessesOption = None,
) -> None:
    """Measure what a training makes of words that it leaves out."""
    arguments = ["python", "-m", "studies.unheard", recipe, "--data", str(data)]
    arguments += [part for each in word for part in ("--word", each)]
    arguments += ["--synthetic", str(synthetic)] if synthetic is not None else []
    arguments += [part for each in setting or () for part in ("--set", each)]
    with usage_errors():
        loaded = load_recipe(recipe, setting or ())
        report = study(loaded, data, list(dict.fromkeys(word)), synthetic, runs, device, processes)
        print(report.write(out, shlex.join(arguments)))


if __name__ == "__main__":
    typer.run(command)
