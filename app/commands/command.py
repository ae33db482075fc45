"""`oyez commands`: check a commands file, try a text against it, measure it on recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from oyez.app.console import (
    DeviceOption,
    ModelOption,
    NoiseOption,
    SnrOption,
    console,
    load_noise,
    load_recognizer,
    wrong_use,
)
from oyez.app.console import say as notify

if TYPE_CHECKING:
    from oyez.models import Recognizer
    from oyez.models.grammar.compiler import Compiled
    from oyez.models.grammar.document import Document
    from oyez.models.grammar.errors import CommandsError
    from oyez.models.grammar.file import Wake
    from oyez.models.grammar.recognizer import CommandRecognizer
    from oyez.models.grammar.tags import Match

commands_app = typer.Typer(no_args_is_help=True, help="Work on a commands file: what may be said, written down.")

FileArgument = Annotated[
    Path,
    typer.Argument(help="A commands file: .yaml or .json, a folder of them, or a plain list with a sentence a line."),
]


@commands_app.command()
def check(
    file: FileArgument,
    samples: Annotated[int, typer.Option(help="How many of the sentences to print.", min=0)] = 10,
    seed: Annotated[int, typer.Option(help="Other sentences.")] = 0,
) -> None:
    """Find mistakes in a commands file, count its sentences, and print some of them."""
    from oyez.models.grammar.review import review
    from oyez.models.grammar.samples import MANY, count_sentences, draw_samples

    compiled, document = compile_file(file)
    findings = review(compiled, document)
    for finding in findings:
        print(f"{finding.path or file}:{finding.line}: {finding.message}")
    sentences = count_sentences(compiled.file)
    grammar = compiled.grammar()
    console.print(
        f"{len(compiled.file.intents)} intents, {'more than ' if sentences == MANY else ''}{sentences:,} sentences; "
        f"graph: {grammar.states:,} states, {grammar.arcs:,} arcs; {len(findings) or 'no'} findings",
        highlight=False,
    )
    for sample in draw_samples(compiled.file, samples, seed):
        print(f"{sample.intent}\t{sample.text}")


@commands_app.command()
def say(
    file: FileArgument,
    text: Annotated[list[str], typer.Argument(help="What somebody says; several words need no quotes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each meaning.")] = False,
    intents: Annotated[
        Path | None, typer.Option(help="Guess what else was said with this classifier, made by `learn`.")
    ] = None,
) -> None:
    """Try a text against a commands file: which command it would be, with which slots."""
    from oyez.models.grammar.spoken import SpokenError
    from oyez.models.grammar.understanding import LONGEST_TEXT, Understanding

    compiled, _ = compile_file(file)
    said = " ".join(text)
    if len(said) > LONGEST_TEXT:
        wrong_use(f"a text of {len(said)} characters, of at most {LONGEST_TEXT}")
    understanding = Understanding(compiled)
    try:
        meanings = understanding.meanings(said)
        if not meanings and intents is not None:
            _guess(intents, said, as_json)
            return
        if not meanings:
            nearest = understanding.nearest(said)
            hint = f"; nearest is {nearest.text!r}" if nearest else ""
            console.print(f"{said!r} is none of the sentences{hint}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1)
    except SpokenError as error:
        wrong_use(error)
    for meaning in meanings:
        print(_as_json(meaning, compiled) if as_json else _as_text(meaning, compiled))


@commands_app.command()
def learn(
    file: FileArgument,
    out: Annotated[Path, typer.Option(help="The folder of the classifier.")],
    sentences: Annotated[int, typer.Option(help="How many to draw from the file.", min=20)] = 2000,
    others: Annotated[
        Path | None, typer.Option(help="Sentences that mean none of the intents, one a line; the more the better.")
    ] = None,
) -> None:
    """Train a classifier that guesses the intent of what is none of the sentences, or finds that it has none."""
    from oyez.models.grammar.intents import save_intent_classifier
    from oyez.models.grammar.samples import draw_samples
    from oyez.models.grammar.spoken import SpokenError, spell
    from oyez.training.intents import train_intent_classifier

    compiled, _ = compile_file(file)
    drawn = [sample for sample in draw_samples(compiled.file, sentences) if sample.is_whole]
    try:
        strangers = [spell(line) for line in others.read_text(encoding="utf-8").splitlines()] if others else []
        classifier = train_intent_classifier(
            [spell(sample.text) for sample in drawn],
            [sample.intent for sample in drawn],
            [stranger for stranger in strangers if stranger],
            name=file.stem,
        )
        save_intent_classifier(
            out, classifier, f"# {file.stem}\n\nIntents of {file.name}, from {len(drawn)} sentences.\n"
        )
    except (OSError, UnicodeDecodeError, SpokenError, ValueError) as error:
        wrong_use(error)
    notify(f"{out}: {len(classifier.config.intents)} intents, learned from {len(drawn)} sentences")


@commands_app.command()
def tune(
    file: FileArgument,
    recordings: Annotated[
        Path, typer.Option(help="A folder with manifest.tsv or manifest.jsonl: path, and text as it was said.")
    ],
    other_speech: Annotated[
        Path | None,
        typer.Option(help="Recordings without commands, a folder or a file: the more hours the better."),
    ] = None,
    model: ModelOption = "commands",
    false_per_hour: Annotated[float, typer.Option(help="How many false accepts an hour to put up with.", min=0)] = 1.0,
    plot: Annotated[Path | None, typer.Option(help="Draw misses against false accepts into this PNG or PDF.")] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Measure a commands file on recordings, and recommend a threshold.

    A recording whose text is a sentence of the file is a command; any other is speech that should be refused.
    """
    from oyez.app.commands.tuning import TuningError, attempts_of, draw, table
    from oyez.training.calibration.operating_points import THRESHOLDS, choose_threshold, operating_point

    compiled, _ = compile_file(file)
    recognizer = of_commands(load_recognizer(model, device, None), file, threshold=0.0)
    try:
        attempts, left_out = attempts_of(recognizer, compiled, recordings, other_speech)
    except TuningError as error:
        wrong_use(error)
    for reason in left_out:
        console.print(f"left out: {reason}", markup=False, highlight=False, soft_wrap=True)
    recommended = choose_threshold(attempts, false_per_hour)
    points = [operating_point(attempts, threshold) for threshold in sorted({*THRESHOLDS, recommended})]
    Console().print(table(attempts, points, recommended))
    if plot is not None:
        try:
            draw(attempts, plot)
        except (OSError, ValueError) as error:
            wrong_use(f"{plot}: cannot be drawn ({error})")
    if left_out:
        raise typer.Exit(1)


@commands_app.command()
def calibrate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a model folder.")],
    recipe: Annotated[str, typer.Option(help="The recipe whose validation speech is taken, or a TOML file.")],
    data: Annotated[Path, typer.Option(help="The folder that holds the corpora.", envvar="OYEZ_DATA")] = Path("speech"),
    files: Annotated[int, typer.Option(help="How many commands files are made by chance.", min=1)] = 60,
    false_per_hour: Annotated[float, typer.Option(help="Of other speech, at the default threshold.", min=0)] = 1.0,
    most_missed: Annotated[
        float, typer.Option(help="Share of the commands that the default threshold may miss at most.", min=0, max=1)
    ] = 0.05,
    prior_weight: Annotated[
        float | None, typer.Option(help="Of the label prior in the search; by default the model's.", min=0)
    ] = None,
    noise: NoiseOption = None,
    snr: SnrOption = None,
    write: Annotated[bool, typer.Option("--write", help="Save the confidence with the model.")] = False,
    device: DeviceOption = "cpu",
) -> None:
    """Fit the confidence of commands, for any commands file, on phrases of validation speech; show what it is worth."""
    from oyez.app.commands.tuning import calibration_table, length_tables
    from oyez.models.checkpoint import find_checkpoint, read_config, save_config
    from oyez.training.calibration.command_confidence import fit_confidence, measure_on_other_speakers
    from oyez.training.calibration.command_trials import phrases, sources, trials
    from oyez.training.config import RecipeError, load_recipe
    from oyez.training.selection import select

    noisy = load_noise(noise, snr)
    recognizer = load_recognizer(model, device, None)
    try:
        loaded = load_recipe(recipe)
        selection = select(loaded.data.validation, data, loaded.vocabulary)
    except RecipeError as error:
        wrong_use(error)
    console.print(f"{len(selection.utterances)} utterances", highlight=False)
    before = recognizer.model.config.command_confidence
    if prior_weight is not None:
        before = before.model_copy(update={"prior_weight": prior_weight})
        recognizer.model.config = recognizer.model.config.model_copy(update={"command_confidence": before})
    said = sources(recognizer, selection.utterances)
    heard = phrases(recognizer, said)
    in_noise = {each: phrases(recognizer, said, drowned) for each, drowned in noisy.items()}
    measured = measure_on_other_speakers(heard, files, false_per_hour, most_missed, in_noise)
    Console().print(calibration_table(heard, measured), *length_tables(measured))
    confidence = fit_confidence(trials(heard, files), false_per_hour, before, most_missed)
    print(confidence.model_dump_json())
    if write:
        folder = find_checkpoint(model)
        save_config(folder, read_config(folder).model_copy(update={"command_confidence": confidence}))


def with_commands(
    recognizer: Recognizer,
    file: Path | None,
    runners_up: int = 0,
    wake: Wake | None = None,
    threshold: float | None = None,
) -> Recognizer:
    """Return the recogniser of a commands file, if there is one; a wrong file ends the program."""
    return recognizer if file is None else of_commands(recognizer, file, runners_up, wake, threshold)


def of_commands(
    recognizer: Recognizer,
    file: Path,
    runners_up: int = 0,
    wake: Wake | None = None,
    threshold: float | None = None,
) -> CommandRecognizer:
    """Return the recogniser of a commands file; a wrong file ends the program."""
    from oyez.models.grammar.errors import CommandsError

    try:
        commands = recognizer.commands(file, threshold, runners_up, wake)
    except CommandsError as error:
        _wrong_file(file, error)
    _tell_unknown(recognizer, commands.unknown_words())
    return commands


def woken(recognizer: Recognizer, file: Path | None, wake: Wake) -> Recognizer:
    """Return the recogniser of a wake phrase, a commands file, or both; what is wrong with them ends the program."""
    from oyez.models.grammar.errors import CommandsError
    from oyez.models.grammar.file import Wake
    from oyez.models.grammar.recognizer import CommandRecognizer
    from oyez.models.grammar.wake_phrase import check_wake_phrase

    if wake.phrase is not None:
        try:
            check_wake_phrase(wake.phrase)
        except CommandsError as error:
            wrong_use(f"--wake: {error.reason}")
    if wake.phrase is None or file is not None:
        heard = with_commands(recognizer, file, wake=wake)
        if wake != Wake() and not (isinstance(heard, CommandRecognizer) and heard.wake):
            wrong_use("--wake-seconds and --wake-threshold need a wake phrase: --wake, or that of --commands")
        return heard
    try:
        called = recognizer.woken_by(wake.phrase, wake.seconds, wake.threshold)
    except CommandsError as error:
        wrong_use(error)
    _tell_unknown(recognizer, called.unknown_words())
    return called


def _tell_unknown(recognizer: Recognizer, words: list[str]) -> None:
    if words:
        shown = ", ".join(words[:10]) + (", ..." if len(words) > 10 else "")
        notify(f"{recognizer.name} knows {len(recognizer.model.config.vocabulary)} words, and not: {shown}")


def _guess(folder: Path, said: str, as_json: bool) -> None:
    """Print what a classifier takes a text for; without an intent it is confident of, the command ends."""
    from oyez.models.checkpoint import CheckpointError
    from oyez.models.grammar.intents import load_intent_classifier
    from oyez.models.grammar.spoken import spell

    try:
        guess = load_intent_classifier(folder).understand(spell(said))
    except CheckpointError as error:
        wrong_use(error)
    if guess is None:
        notify(f"{said!r} is none of the sentences, and means none of the intents")
        raise typer.Exit(1)
    if as_json:
        record = {"command": guess.intent, "slots": {}, "text": said, "guessed": True, "confidence": guess.confidence}
        print(json.dumps(record, ensure_ascii=False))
    else:
        print(f"{guess.intent}\tguessed\tconfidence={guess.confidence:.0%}")


def _slots(meaning: Match, compiled: Compiled) -> dict[str, Any]:
    return compiled.file.slots(meaning.intent, meaning.block, meaning.slots)


def _as_json(meaning: Match, compiled: Compiled) -> str:
    record = {"command": meaning.intent, "slots": _slots(meaning, compiled), "text": meaning.text}
    return json.dumps(record, ensure_ascii=False)


def _as_text(meaning: Match, compiled: Compiled) -> str:
    slots = (f"{name}={value}" for name, value in _slots(meaning, compiled).items())
    return "\t".join([meaning.intent or "(wake phrase)", *slots])


def compile_file(file: Path) -> tuple[Compiled, Document]:
    """Read a commands file and make it into automata; a mistake in it ends the command."""
    from oyez.models.grammar.compiler import compile_commands
    from oyez.models.grammar.errors import CommandsError
    from oyez.models.grammar.reading import read_commands

    try:
        commands, document = read_commands(file)
        compiled = compile_commands(commands, document)
        _ = compiled.automaton
    except CommandsError as error:
        _wrong_file(file, error)
    return compiled, document


def _wrong_file(file: Path, error: CommandsError) -> NoReturn:
    path = error.path or file
    wrong_use(f"{path}:{error.line}: {error.reason}" if error.line else f"{path}: {error.reason}")
