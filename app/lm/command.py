"""`oyez lm`: language models. Training, estimation and text from them; `fuse` weights them for a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import CommandGroup, say, usage_error
from oyez.app.errors import usage_errors
from oyez.app.lm.fuse import fuse_character, fuse_ngram

lm_app = CommandGroup(help="Train, estimate and weight language models.")
lm_app.command("fuse-ngram")(fuse_ngram)
lm_app.command("fuse-character")(fuse_character)

_SKIPPED_SHOWN = 10
_MOST_SEED = 2**63 - 1


@lm_app.command()
def train(
    text: Annotated[list[Path], typer.Option(help="A file with one sentence a line, plain or gzip; repeatable.")],
    out: Annotated[Path, typer.Option(help="The folder of the model.")] = Path("runs/language"),
    name: Annotated[str, typer.Option(help="The model's name.")] = "language",
    description: Annotated[str, typer.Option(help="What it knows, for its card.", show_default="none")] = "",
    embedding: Annotated[int, typer.Option(help="Size of a letter's embedding.", min=1)] = 32,
    hidden_size: Annotated[int, typer.Option(help="Units of an LSTM layer.", min=1)] = 320,
    layers: Annotated[int, typer.Option(help="LSTM layers.", min=1)] = 1,
    dropout: Annotated[float, typer.Option(help="Between layers and before the output.", min=0, max=0.95)] = 0.0,
    epochs: Annotated[int, typer.Option(help="Passes over the text.", min=1)] = 8,
    window: Annotated[int, typer.Option(help="Letters that gradients reach back.", min=1)] = 64,
    learning_rate: Annotated[float, typer.Option(help="The highest.")] = 4e-3,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0)] = 1,
) -> None:
    """Train a character language model on text. Interrupted, the same command resumes.

    oyez lm train --text sentences.txt --out runs/language
    """
    import torch

    from oyez.data.corpora.sentences import read_sentences
    from oyez.models.config import LanguageConfig
    from oyez.models.language.character import save_language_model
    from oyez.training.lm.character import LanguageTrainer, LanguageTraining, language_card, work
    from oyez.training.processes import run

    torch.set_num_threads(1)  # see training/processes.py
    with usage_errors(out):
        try:
            config = LanguageConfig.model_validate(
                {
                    "name": name,
                    "description": description,
                    "embedding": embedding,
                    "width": hidden_size,
                    "layers": layers,
                    "dropout": dropout,
                }
            )
            training = LanguageTraining(epochs=epochs, window=window, learning_rate=learning_rate, seed=seed)
            files = [read_sentences(path) for path in text]
            texts = [sentence for file in files for sentence in file.texts]
            skipped = [reason for file in files for reason in file.left_out]
            for reason in skipped[:_SKIPPED_SHOWN]:
                say(f"skipped: {reason}")
            say(f"{len(texts)} sentences, {len(skipped)} skipped")
            trainer = LanguageTrainer(texts, config, training, out)
        except ValueError as error:
            usage_error(error)
        run(work, trainer, "cpu", processes=1)
        card = language_card(config, ", ".join(path.name for path in text), len(texts), trainer.progress.bits)
        save_language_model(out, trainer.model, card)
    print(out)


@lm_app.command()
def estimate(
    texts: Annotated[list[Path], typer.Argument(help="Text files, one sentence a line; .gz is unpacked.")],
    out: Annotated[Path, typer.Option(help="The ARPA file; .gz is packed.")],
    order: Annotated[int, typer.Option(help="Words in the longest n-grams.", min=1, max=5)] = 3,
    prune: Annotated[
        list[int] | None,
        typer.Option(
            help="N-grams of order 2 seen no more often are dropped; given again for order 3, ...", show_default="none"
        ),
    ] = None,
    words: Annotated[
        int, typer.Option("--frequent-words", help="So many frequent English words are in it, seen or not.", min=0)
    ] = 0,
    other: Annotated[
        Path | None,
        typer.Option("--interpolate", help="A model of CMU Sphinx (.lm.bin) that is mixed in.", show_default="none"),
    ] = None,
    weight: Annotated[float, typer.Option(help="With --interpolate: of the other model.", min=0, max=0.99)] = 0.5,
    threshold: Annotated[
        float, typer.Option("--prune-entropy", help="In nats: n-grams that change the model less are dropped.", min=0)
    ] = 0.0,
) -> None:
    """Estimate a word n-gram language model from text (interpolated modified Kneser-Ney), as an ARPA file.

    oyez lm estimate transcripts.txt.gz phrases.txt --frequent-words 60000 --interpolate en-us.lm.bin
    --prune-entropy 1e-8 --out words.arpa

    A text of some thousand sentences lacks many words that people say: --frequent-words adds some. It lacks still more
    of the words that follow each other: --interpolate adds what a model of CMU Sphinx knows of them; the pocketsphinx
    package holds one for US English. KenLM's build_binary makes a smaller file of the result, which loads at once:
    build_binary -q 8 -b 8 -a 255 trie words.arpa words.lm
    """
    from oyez.data.corpora.sentences import read_sentences
    from oyez.training.lm.frequent_words import frequent_words
    from oyez.training.lm.ngram import estimate as estimated
    from oyez.training.lm.ngram_model import interpolate, prune_by_entropy, write_arpa
    from oyez.training.lm.sphinx_model import read_sphinx_model

    with usage_errors(out):
        try:
            frequencies = frequent_words(words) if words else {}
            sentences = [sentence.split() for text in texts for sentence in read_sentences(text).texts]
            model = estimated(sentences, order, prune or (), frequencies)
            if other:
                model = interpolate(model, read_sphinx_model(other), weight)
            if threshold:
                model = prune_by_entropy(model, threshold)
        except ValueError as error:
            usage_error(error)
        write_arpa(model, out)
    sizes = ", ".join(f"{len(probabilities)} of order {n}" for n, probabilities in enumerate(model.probabilities, 1))
    say(f"{out}: {sizes}")


@lm_app.command()
def generate(
    beginning: Annotated[str, typer.Argument(help="The text to continue.", show_default="none")] = "",
    model: Annotated[
        str, typer.Option("--model", "-m", help="A shipped language model's name, or a folder of one.")
    ] = "books",
    temperature: Annotated[
        float, typer.Option(help="Above 1 freer, below 1 safer, 0 always the likeliest letter.", min=0)
    ] = 0.7,
    top_k: Annotated[
        int | None,
        typer.Option(help="Choose among so many of the likeliest letters only.", min=1, show_default="all letters"),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many texts to write.", min=1, max=100_000)] = 1,
    max_length: Annotated[int, typer.Option(help="Letters to write at most.", min=1, max=100_000)] = 200,
    seed: Annotated[
        int | None, typer.Option(help="Random seed.", min=0, max=_MOST_SEED, show_default="another each time")
    ] = None,
) -> None:
    """Continue a text, letter by letter, with a character language model."""
    from oyez.data.text import TextError, normalise

    try:
        given = normalise(beginning) + (" " if beginning[-1:].isspace() else "")
    except TextError as error:
        usage_error(error)

    from oyez.models.checkpoint import LANGUAGE_MODELS, CheckpointError, find_checkpoint

    try:
        find_checkpoint(model, LANGUAGE_MODELS)  # a wrong name is reported before torch is loaded
    except CheckpointError as error:
        usage_error(error)

    import torch

    from oyez.models.language.character import load_language_model

    try:
        language_model = load_language_model(model)
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        for _ in range(count):
            letters = language_model.generate(given, temperature, top_k, max_length, generator)
            print(given, end="", flush=True)
            for letter in letters:
                print(letter, end="", flush=True)
            print(flush=True)
    except (CheckpointError, ValueError) as error:
        usage_error(error)
