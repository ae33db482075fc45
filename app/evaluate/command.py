"""`oyez evaluate recipe` and `oyez evaluate corpus`: a model measured on speech whose text is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from oyez.app.console import progress_bar, say, say_loading, usage_error
from oyez.app.options import (
    DATA,
    DECODINGS,
    DEFAULT_DECODING,
    DEFAULT_MODEL,
    CommandsOption,
    DataOption,
    Decoding,
    DeviceOption,
    ModelOption,
    NoiseOption,
    PrecisionChoice,
    PrecisionOption,
    SnrOption,
    require_noise_and_snr,
)

if TYPE_CHECKING:
    from oyez.models.recognizer import Recognizer
    from oyez.training.selection import Selection

    Select = Callable[[tuple[str, ...]], Mapping[str, Selection]]  # of a vocabulary: utterances by title of the corpus

PlotOption = Annotated[
    Path | None, typer.Option(help="Draw confidence, speakers, corpora and noise into this PNG, SVG or PDF.")
]
DecodingsOption = Annotated[
    list[Decoding] | None,
    typer.Option(help=f"{DECODINGS}; repeatable, to compare.", show_default=DEFAULT_DECODING),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        help="With --commands: confidence below which a command is refused.",
        min=0,
        max=1,
        show_default="the file's, or the model's",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, a line a decoding, with every utterance, instead of tables.")
]
ConfusionsOption = Annotated[int, typer.Option(help="How many of the most frequent errors to list.", min=0)]


@dataclass(frozen=True)
class _Options:
    """How to measure."""

    model: str
    noise: Path | None
    snr: list[float] | None
    plot: Path | None
    decoding: list[Decoding] | None
    commands: Path | None
    threshold: float | None
    precision: PrecisionChoice
    device: str
    as_json: bool
    confusions: int

    def check(self) -> None:
        """End the command if options do not go together, or the commands file is wrong."""
        require_noise_and_snr(self.noise, self.snr)
        if self.commands is not None and self.decoding:
            usage_error("--commands is a decoding of its own: omit --decoding")
        if self.threshold is not None and self.commands is None:
            usage_error("--threshold belongs to --commands")
        if self.commands is not None:
            from oyez.app.commands_file import check_commands

            check_commands(self.commands)

    def recognizers(self) -> list[Recognizer]:
        """Load the model in each decoding."""
        from oyez.app.recognizers import load_recognizer, with_commands

        decodings: list[Decoding | None] = list(dict.fromkeys(self.decoding)) if self.decoding else [None]
        loaded = [load_recognizer(self.model, self.device, decoding, self.precision) for decoding in decodings]
        if self.commands is None:
            return loaded
        return [with_commands(recognizer, self.commands, threshold=self.threshold) for recognizer in loaded]


def evaluate_recipe(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a TOML file.")],
    model: ModelOption = DEFAULT_MODEL,
    data: DataOption = DATA,
    noise: NoiseOption = None,
    snr: SnrOption = None,
    plot: PlotOption = None,
    decoding: DecodingsOption = None,
    commands: CommandsOption = None,
    threshold: ThresholdOption = None,
    precision: PrecisionOption = PrecisionChoice.float32,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    confusions: ConfusionsOption = 10,
) -> None:
    """Measure a model on the validation speech of a recipe, corpus by corpus: WER, CER, sentence accuracy, errors."""
    options = _Options(model, noise, snr, plot, decoding, commands, threshold, precision, device, as_json, confusions)
    options.check()

    from oyez.training.config import load_recipe
    from oyez.training.errors import TrainingError
    from oyez.training.selection import select_by_corpus

    try:
        validation = load_recipe(recipe).data.validation
    except TrainingError as error:
        usage_error(error)
    _evaluate(lambda vocabulary: select_by_corpus(validation, data, vocabulary), {"recipe": recipe}, options)


def evaluate_corpus(
    corpus: Annotated[str, typer.Argument(help="The kind of corpus: speech-commands, librispeech or recordings.")],
    folder: Annotated[Path, typer.Argument(help="Its folder; of recordings also the manifest itself.")],
    model: ModelOption = DEFAULT_MODEL,
    split: Annotated[
        str | None,
        typer.Option(
            help="Of Speech Commands: training, validation, testing; of LibriSpeech: dev-clean, ...; of recordings: "
            "training, validation.",
            show_default="of recordings: all",
        ),
    ] = None,
    speaker: Annotated[list[str] | None, typer.Option(help="Only this speaker; repeatable.")] = None,
    other_speech: Annotated[
        bool,
        typer.Option("--other-speech", help="Only speech without the model's words: nothing should be recognised."),
    ] = False,
    noise: NoiseOption = None,
    snr: SnrOption = None,
    plot: PlotOption = None,
    decoding: DecodingsOption = None,
    commands: CommandsOption = None,
    threshold: ThresholdOption = None,
    precision: PrecisionOption = PrecisionChoice.float32,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    confusions: ConfusionsOption = 10,
) -> None:
    """Measure a model on one corpus: WER, CER, sentence accuracy, errors."""
    options = _Options(model, noise, snr, plot, decoding, commands, threshold, precision, device, as_json, confusions)
    options.check()

    from oyez.data.corpora.loading import CORPORA, SPLITS

    if corpus not in CORPORA:
        usage_error(f"no corpus is called {corpus!r}; there are {', '.join(CORPORA)}")
    if split is None and corpus != "recordings":
        usage_error(f"{corpus} needs a --split: {', '.join(SPLITS[corpus])}")
    if split is not None and split not in SPLITS[corpus]:
        usage_error(f"--split {split}: {corpus} has {', '.join(SPLITS[corpus])}")
    if not folder.exists():
        usage_error(f"{folder}: no such file or folder")

    from oyez.training.config import CorpusConfig
    from oyez.training.selection import select

    path = folder.absolute()
    chosen = CorpusConfig.model_validate(
        {"corpus": corpus, "root": path.name, "split": split, "speakers": speaker or (), "other_speech": other_speech}
    )
    title = f"{corpus} {split or ''}".strip()

    def selection(vocabulary: tuple[str, ...]) -> Mapping[str, Selection]:
        if other_speech and not vocabulary:
            usage_error(f"--other-speech: {model} has no vocabulary, to which no speech is other")
        return {title: select([chosen], path.parent, vocabulary)}

    _evaluate(selection, {"corpus": corpus, "split": split}, options)


def _evaluate(select: Select, source: Mapping[str, str | None], options: _Options) -> None:
    """Measure, and print what was measured; `source` says where the utterances are from."""
    say_loading()

    from oyez.app.evaluate.report import Trial, as_record, draw, tables
    from oyez.app.measuring import load_noise
    from oyez.training.errors import TrainingError
    from oyez.training.evaluation.recognition import evaluate

    noisy = load_noise(options.noise, options.snr)
    recognizers = options.recognizers()
    try:
        corpora = select(recognizers[0].config.vocabulary)
    except TrainingError as error:
        usage_error(error)
    utterances = [utterance for selection in corpora.values() for utterance in selection.utterances]
    trials = []
    with progress_bar(len(utterances) * (1 + len(noisy)) * len(recognizers), "utterances") as progress:
        for recognizer in recognizers:
            by_corpus = {
                title: evaluate(recognizer, selection.utterances, progress) for title, selection in corpora.items()
            }
            by_snr = {ratio: evaluate(recognizer, utterances, progress, mixed) for ratio, mixed in noisy.items()}
            decoding = "commands" if options.commands else recognizer.decoding
            trials.append(Trial(recognizer.name, decoding, by_corpus, by_snr))
    skipped = [reason for selection in corpora.values() for reason in selection.left_out]
    skipped += [reason for evaluation in trials[0].by_corpus.values() for reason in evaluation.left_out]
    for reason in skipped:
        say(f"skipped: {reason}")
    for title, evaluation in trials[0].by_corpus.items():
        if not evaluation.results:
            usage_error(f"{title}: none of the utterances could be read")
    if options.as_json:
        for trial in trials:
            print(json.dumps(as_record(trial, source), ensure_ascii=False))
    else:
        for table in tables(trials, options.confusions):
            Console().print(table)
    if options.plot is not None:
        try:
            draw(trials, options.plot)
        except (OSError, ValueError) as error:
            usage_error(f"--plot {options.plot}: cannot be drawn ({error})")
    if skipped:
        raise typer.Exit(1)
