"""`oyez evaluate`: a model on speech whose text is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from oyez.app.console import (
    Decoding,
    DeviceOption,
    NoiseOption,
    PrecisionChoice,
    PrecisionOption,
    SnrOption,
    load_noise,
    load_recognizer,
    progress_bar,
    say,
    wrong_use,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oyez.training.selection import Selection

_OF_ONE_CORPUS = ("corpus", "root", "split", "speaker", "other_speech")


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a model folder.")] = "commands",
    recipe: Annotated[
        str | None, typer.Option(help="Measure on the validation speech of this recipe: a name, or a TOML file.")
    ] = None,
    data: Annotated[
        Path, typer.Option(help="With --recipe: the folder that holds the corpora.", envvar="OYEZ_DATA")
    ] = Path("speech"),
    corpus: Annotated[str, typer.Option(help="speech-commands, librispeech or recordings.")] = "speech-commands",
    root: Annotated[Path, typer.Option(help="The folder of the corpus.")] = Path("speech/SpeechCommands"),
    split: Annotated[str | None, typer.Option(help="validation, testing, dev-clean, ...")] = None,
    speaker: Annotated[list[str] | None, typer.Option(help="Only this speaker; may be given several times.")] = None,
    other_speech: Annotated[
        bool, typer.Option("--other-speech", help="Only speech without the model's words: nothing should be heard.")
    ] = False,
    noise: NoiseOption = None,
    snr: SnrOption = None,
    plot: Annotated[Path | None, typer.Option(help="Draw confidence, speakers, corpora and noise here.")] = None,
    decoding: Annotated[
        list[Decoding] | None,
        typer.Option(
            help="As in `oyez transcribe`; may be given several times, to compare.  [default: ngram if the model has "
            "one, else beam]"
        ),
    ] = None,
    commands: Annotated[
        Path | None, typer.Option("--commands", "-c", help="Hear the sentences of this commands file and nothing else.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="With --commands: confidence below which a command is refused.", min=0, max=1),
    ] = None,
    precision: PrecisionOption = PrecisionChoice.float32,
    device: DeviceOption = "cpu",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with every utterance, a line a decoding, instead of tables.")
    ] = False,
    confusions: Annotated[int, typer.Option(help="How many of the most frequent errors to list.", min=0)] = 10,
) -> None:
    """Measure a model on speech whose text is known: WER, CER, command accuracy, errors."""
    from oyez.app.evaluate.report import Trial, as_record, draw, tables
    from oyez.training.errors import TrainingError
    from oyez.training.evaluation.recognition import evaluate as evaluate_all

    noisy = load_noise(noise, snr)
    given = [name for name in (*_OF_ONE_CORPUS, "data") if _is_given(context, name)]
    if recipe is not None and given not in ([], ["data"]):
        wrong_use(f"--recipe names the corpora itself: leave out --{given[0].replace('_', '-')}")
    if recipe is None and "data" in given:
        wrong_use("--data belongs to --recipe; a single corpus is at --root")
    if commands is not None and decoding:
        wrong_use("--commands is a decoding of its own: leave out --decoding")
    if threshold is not None and commands is None:
        wrong_use("--threshold belongs to --commands")
    decodings: list[Decoding | None] = list(dict.fromkeys(decoding)) if decoding else [None]
    recognizers = [load_recognizer(model, device, each, precision) for each in decodings]
    if commands is not None:
        from oyez.app.commands.command import with_commands

        recognizers = [with_commands(each, commands, threshold=threshold) for each in recognizers]
    vocabulary = recognizers[0].config.vocabulary
    if other_speech and not vocabulary:
        wrong_use(f"--other-speech: {recognizers[0].name} has no vocabulary, to which no speech is other")
    try:
        if recipe is not None:
            corpora = _of_recipe(recipe, data, vocabulary)
        else:
            corpora = _of_corpus(corpus, root, split, speaker or [], other_speech, vocabulary)
    except TrainingError as error:
        wrong_use(error)
    utterances = [utterance for selection in corpora.values() for utterance in selection.utterances]
    trials = []
    with progress_bar(len(utterances) * (1 + len(noisy)) * len(recognizers), "utterances") as progress:
        for recognizer in recognizers:
            by_corpus = {
                title: evaluate_all(recognizer, selection.utterances, progress) for title, selection in corpora.items()
            }
            by_snr = {each: evaluate_all(recognizer, utterances, progress, mixed) for each, mixed in noisy.items()}
            trials.append(Trial(recognizer.name, "commands" if commands else recognizer.decoding, by_corpus, by_snr))
    left_out = [reason for selection in corpora.values() for reason in selection.left_out]
    left_out += [reason for evaluation in trials[0].by_corpus.values() for reason in evaluation.left_out]
    for reason in left_out:
        say(f"left out: {reason}")
    for title, evaluation in trials[0].by_corpus.items():
        if not evaluation.results:
            wrong_use(f"{title}: none of the utterances could be read")
    if as_json:
        source = {"corpus": corpus, "split": split} if recipe is None else {"recipe": recipe}
        for trial in trials:
            print(json.dumps(as_record(trial, source), ensure_ascii=False))
    else:
        for table in tables(trials, confusions):
            Console().print(table)
    if plot is not None:
        try:
            draw(trials, plot)
        except (OSError, ValueError) as error:
            wrong_use(f"--plot {plot}: cannot be drawn ({error})")
    if left_out:
        raise typer.Exit(1)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _of_corpus(
    corpus: str, root: Path, split: str | None, speakers: list[str], other_speech: bool, vocabulary: tuple[str, ...]
) -> Mapping[str, Selection]:
    """Return the utterances that the options name. Raises TrainingError if there are none."""
    from pydantic import ValidationError

    from oyez.training.config import CorpusConfig
    from oyez.training.selection import select

    try:
        chosen = CorpusConfig.model_validate(
            {
                "corpus": corpus,
                "root": root.name,
                "split": split,
                "speakers": speakers,
                "other_speech": other_speech,
            }
        )
    except ValidationError as error:
        wrong_use(f"--corpus {corpus}: {error.errors()[0]['msg']}")
    return {f"{corpus} {split or ''}".strip(): select([chosen], root.parent, vocabulary)}


def _of_recipe(recipe: str, data: Path, vocabulary: tuple[str, ...]) -> Mapping[str, Selection]:
    """Return the validation speech of a recipe by corpus. Raises TrainingError if there is no such recipe or speech."""
    from oyez.training.config import load_recipe
    from oyez.training.selection import select_by_corpus

    return select_by_corpus(load_recipe(recipe).data.validation, data, vocabulary)
