"""`oyez commands`: check a commands file, try a text against it, measure it on recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from oyez.app.console import say, say_loading, usage_error
from oyez.app.options import (
    DATA,
    DEFAULT_MODEL,
    DataOption,
    DeviceOption,
    FileArgument,
    ModelOption,
    NoiseOption,
    SnrOption,
    require_noise_and_snr,
)
from oyez.data.counting import counted

if TYPE_CHECKING:
    from oyez.models.grammar.compiler import Compiled
    from oyez.models.grammar.tags import Match

_MOST_SENTENCES = 1_000_000  # that are drawn from a file; as many as that take minutes


def check(
    file: FileArgument,
    samples: Annotated[int, typer.Option(help="How many of the sentences to print.", min=0, max=_MOST_SENTENCES)] = 10,
    seed: Annotated[int, typer.Option(help="Random seed of the choice of sentences.")] = 0,
) -> None:
    """Find mistakes in a commands file, count its sentences, and print some of them."""
    from oyez.app.commands_file import compile_file
    from oyez.models.grammar.review import review
    from oyez.models.grammar.samples import MANY, count_sentences, draw_samples

    compiled, document = compile_file(file)
    findings = review(compiled, document)
    for finding in findings:
        print(f"{finding.path or file}:{finding.line}: {finding.message}")
    sentences = count_sentences(compiled.file)
    grammar = compiled.grammar()
    say(
        f"{counted(len(compiled.file.intents), 'intent')}, "
        f"{'more than ' if sentences == MANY else ''}{counted(sentences, 'sentence')}; "
        f"graph: {counted(grammar.states, 'state')}, {counted(grammar.arcs, 'arc')}; "
        f"{counted(len(findings), 'finding') if findings else 'no findings'}"
    )
    for sample in draw_samples(compiled.file, samples, seed):
        print(f"{sample.intent}\t{sample.text}")


def parse(
    file: FileArgument,
    text: Annotated[list[str], typer.Argument(help="What somebody says; several words need no quotes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each meaning.")] = False,
    intents: Annotated[
        Path | None,
        typer.Option(help="Guess the intent of any other text with this classifier, made by `train-intents`."),
    ] = None,
) -> None:
    """Try a text against a commands file: which command it would be, with which slots."""
    from oyez.app.commands_file import compile_file
    from oyez.models.grammar.spoken import SpokenError
    from oyez.models.grammar.understanding import LONGEST_TEXT, Understanding

    compiled, _ = compile_file(file)
    said = " ".join(text)
    if len(said) > LONGEST_TEXT:
        usage_error(f"a text of {counted(len(said), 'character')} (limit {LONGEST_TEXT})")
    understanding = Understanding(compiled)
    try:
        meanings = understanding.meanings(said)
        if not meanings and intents is not None:
            _guess(intents, said, as_json)
            return
        if not meanings:
            nearest = understanding.nearest(said)
            hint = f"; nearest is {nearest.text!r}" if nearest else ""
            say(f"{said!r} is none of the sentences{hint}")
            raise typer.Exit(1)
    except SpokenError as error:
        usage_error(error)
    for meaning in meanings:
        print(_as_json(meaning, compiled) if as_json else _as_text(meaning, compiled))


def train_intents(
    file: FileArgument,
    out: Annotated[Path, typer.Option(help="The folder of the classifier.")],
    sentences: Annotated[
        int, typer.Option(help="How many sentences to draw from the file.", min=20, max=_MOST_SENTENCES)
    ] = 2000,
    out_of_scope: Annotated[
        Path | None, typer.Option(help="Sentences that mean none of the intents, one a line; the more the better.")
    ] = None,
) -> None:
    """Train a classifier that guesses the intent of what is none of the sentences, or finds that it has none."""
    from oyez.app.commands_file import compile_file
    from oyez.models.grammar.spoken import SpokenError, spell

    compiled, _ = compile_file(file)
    try:
        lines = out_of_scope.read_text(encoding="utf-8").splitlines() if out_of_scope else []
        others = [spelled for line in lines if (spelled := spell(line))]
    except (OSError, UnicodeDecodeError, SpokenError) as error:
        usage_error(f"{out_of_scope}: {getattr(error, 'strerror', None) or error}")

    from oyez.models.grammar.intents import save_intent_classifier
    from oyez.models.grammar.samples import draw_samples
    from oyez.training.intents import train_intent_classifier

    drawn = [sample for sample in draw_samples(compiled.file, sentences) if sample.is_whole]
    origin = f"{counted(len(drawn), 'sentence')} of {file.name}"
    try:
        classifier = train_intent_classifier(
            [spell(sample.text) for sample in drawn], [sample.intent for sample in drawn], others, name=file.stem
        )
        save_intent_classifier(out, classifier, f"# {file.stem}\n\nTrained on {origin}.\n")
    except (OSError, SpokenError, ValueError) as error:
        usage_error(error)
    say(f"{out}: {counted(len(classifier.config.intents), 'intent')}, trained on {origin}")


def tune(
    file: FileArgument,
    recordings: Annotated[
        Path, typer.Option(help="A folder with manifest.tsv or manifest.jsonl: path, and text as it was said.")
    ],
    other_speech: Annotated[
        Path | None,
        typer.Option(help="Recordings without commands, a folder or a file: the more hours the better."),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    max_false_accepts_per_hour: Annotated[
        float, typer.Option(help="What the recommended threshold may let through of other speech.", min=0)
    ] = 1.0,
    plot: Annotated[
        Path | None, typer.Option(help="Draw false rejects against false accepts into this PNG, SVG or PDF.")
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Measure a commands file on recordings, and recommend a threshold.

    A recording whose text is a sentence of the file is a command; any other is speech that should be refused.
    """
    from oyez.app.commands_file import compile_file

    for option, path in (("--recordings", recordings), ("--other-speech", other_speech)):
        if path is not None and not path.exists():
            usage_error(f"{option} {path}: no such file or folder")
    compiled, _ = compile_file(file)
    say_loading()

    from oyez.app.commands.tuning import draw, table
    from oyez.app.measuring import RecordingsError, attempts_of
    from oyez.app.recognizers import load_recognizer, with_commands
    from oyez.training.calibration.operating_points import THRESHOLDS, choose_threshold, operating_point

    recognizer = with_commands(load_recognizer(model, device, None), file, threshold=0.0)
    try:
        attempts, skipped = attempts_of(recognizer, compiled, recordings, other_speech)
    except RecordingsError as error:
        usage_error(error)
    for reason in skipped:
        say(f"skipped: {reason}")
    recommended = choose_threshold(attempts, max_false_accepts_per_hour)
    points = [operating_point(attempts, threshold) for threshold in sorted({*THRESHOLDS, recommended})]
    Console().print(table(attempts, points, recommended))
    if plot is not None:
        try:
            draw(attempts, plot)
        except (OSError, ValueError) as error:
            usage_error(f"--plot {plot}: cannot be drawn ({error})")
    if skipped:
        raise typer.Exit(1)


def calibrate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a model folder.")],
    recipe: Annotated[str, typer.Option(help="The recipe whose validation speech is taken, or a TOML file.")],
    data: DataOption = DATA,
    files: Annotated[int, typer.Option(help="How many random commands files are made.", min=1, max=10_000)] = 60,
    max_false_accepts_per_hour: Annotated[
        float, typer.Option(help="Of other speech, at the default threshold.", min=0)
    ] = 1.0,
    max_miss_rate: Annotated[
        float, typer.Option(help="Share of the commands that the default threshold may reject.", min=0, max=1)
    ] = 0.05,
    prior_weight: Annotated[
        float | None, typer.Option(help="Weight of the label prior in the search.", min=0, show_default="the model's")
    ] = None,
    noise: NoiseOption = None,
    snr: SnrOption = None,
    write: Annotated[bool, typer.Option("--write", help="Save the confidence with the model.")] = False,
    device: DeviceOption = "cpu",
) -> None:
    """Fit the confidence of commands, for any commands file, on phrases of validation speech, and measure it."""
    require_noise_and_snr(noise, snr)

    from oyez.training.config import load_recipe
    from oyez.training.errors import TrainingError
    from oyez.training.selection import select

    try:
        loaded = load_recipe(recipe)
        selection = select(loaded.data.validation, data, loaded.vocabulary)
    except TrainingError as error:
        usage_error(error)
    say_loading()

    from oyez.app.commands.tuning import calibration_table, length_tables
    from oyez.app.measuring import load_noise
    from oyez.app.recognizers import load_recognizer
    from oyez.models.checkpoint import find_checkpoint, read_config, save_config
    from oyez.training.calibration.command_confidence import fit_confidence, measure_on_other_speakers
    from oyez.training.calibration.command_trials import phrases, sources, trials

    noisy = load_noise(noise, snr)
    recognizer = load_recognizer(model, device, None)
    say(counted(len(selection.utterances), "utterance"))
    before = recognizer.config.command_confidence
    if prior_weight is not None:
        before = before.model_copy(update={"prior_weight": prior_weight})
        recognizer = recognizer.with_config(recognizer.config.model_copy(update={"command_confidence": before}))
    read = sources(recognizer, selection.utterances)
    quiet = phrases(recognizer, read)
    in_noise = {ratio: phrases(recognizer, read, add_noise) for ratio, add_noise in noisy.items()}
    measured = measure_on_other_speakers(quiet, files, max_false_accepts_per_hour, max_miss_rate, in_noise)
    Console().print(calibration_table(quiet, measured), *length_tables(measured))
    confidence = fit_confidence(trials(quiet, files), max_false_accepts_per_hour, before, max_miss_rate)
    print(confidence.model_dump_json())
    if write:
        folder = find_checkpoint(model)
        save_config(folder, read_config(folder).model_copy(update={"command_confidence": confidence}))


def _guess(folder: Path, said: str, as_json: bool) -> None:
    """Print the intent that a classifier guesses for a text; without one it is confident of, the command ends."""
    from oyez.models.checkpoint import CheckpointError
    from oyez.models.grammar.intents import load_intent_classifier
    from oyez.models.grammar.spoken import spell

    try:
        guess = load_intent_classifier(folder).understand(spell(said))
    except CheckpointError as error:
        usage_error(error)
    if guess is None:
        say(f"{said!r} is none of the sentences, and means none of the intents")
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
