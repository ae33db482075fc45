"""`oyez data cut-words | pseudo-labels | phrases`: training speech made of other speech, and phrases to synthesise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from oyez.app.console import say, usage_error
from oyez.app.errors import usage_errors


def cut_words(
    recipe: Annotated[str, typer.Argument(help="Whose speech is cut: a shipped recipe's name, or a file.")],
    out: Annotated[Path, typer.Option(help="The manifest, .jsonl, that is written.")],
    data: Annotated[Path, typer.Option(help="The folder that holds the corpora.", envvar="OYEZ_DATA")] = Path("speech"),
    model: Annotated[
        str, typer.Option("--model", "-m", help="The model that aligns the texts: a shipped one's name, or a folder.")
    ] = "english",
    word: Annotated[
        list[str] | None, typer.Option(help="Cut only this word; repeatable.", show_default="all words")
    ] = None,
    min_letters: Annotated[
        int, typer.Option(help="Cut pieces with a word of at least so many letters, where no --word is named.", min=1)
    ] = 3,
    min_words: Annotated[int, typer.Option(help="Fewest words of a piece.", min=1)] = 1,
    max_words: Annotated[int, typer.Option(help="Most words of a piece.", min=1)] = 1,
    max_per_word: Annotated[
        int, typer.Option(help="Most pieces of one word, or of the same words in a row.", min=1)
    ] = 1000,
    validation: Annotated[
        bool, typer.Option("--validation", help="Cut what the recipe validates on, not what it trains on.")
    ] = False,
) -> None:
    """Cut words out of the sentences of a recipe by forced alignment, and write a manifest of them.

    The sentences are those that the recipe trains on, so that its validation speakers stay unknown to a model that
    learns from the pieces; with --validation those that it validates on. No audio is copied.

    oyez data cut-words english --data speech --max-per-word 40 --out speech/cut_words.jsonl

    oyez data cut-words english --data speech --min-words 2 --max-words 5 --out speech/cut_phrases.jsonl
    """
    if min_words > max_words:
        usage_error(f"--min-words {min_words} is more than --max-words {max_words}")
    if out.suffix != ".jsonl" or not out.parent.is_dir():
        usage_error(f"--out {out} must be a .jsonl file in a folder that exists")
    from oyez.data.manifest import write_manifest
    from oyez.training.config import load_recipe
    from oyez.training.curation.cut_words import at_most
    from oyez.training.curation.cut_words import cut_words as cut
    from oyez.training.evaluation.recognition import load_letter_model
    from oyez.training.selection import select

    wanted = frozenset(word or ())
    with usage_errors(out):
        loaded = load_recipe(recipe)
        utterances = select(
            loaded.data.validation if validation else loaded.data.train, data, loaded.vocabulary
        ).utterances
        found = list(
            cut(
                load_letter_model(model),
                utterances,
                lambda text: text in wanted if wanted else len(text) >= min_letters,
                (min_words, max_words),
            )
        )
        if not found:
            usage_error(f"no such word was found in the {len(utterances)} utterances of {recipe}")
        kept = at_most(found, max_per_word)
        write_manifest(out, kept)
    hours = sum(piece.duration or 0.0 for piece in kept) / 3600
    texts = {piece.text for piece in kept}
    say(f"{len(kept)} of {len(found)} pieces, {len(texts)} different texts, {hours:.2f} h")


def pseudo_labels(
    folder: Annotated[Path, typer.Argument(help="Holds the clips, .wav.", exists=True, file_okay=False)],
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", help="A shipped model's name, or a folder; repeatable: all must agree."),
    ],
    word: Annotated[
        list[str] | None,
        typer.Option(help="A word that may be said; repeatable.", show_default="the models' own words"),
    ] = None,
    min_probability: Annotated[
        float, typer.Option(help="Probability that each model must give to the word.", min=0, max=1)
    ] = 0.95,
) -> None:
    """Label clips of single words with the word that several models agree on, in a manifest beside the clips.

    oyez data pseudo-labels speech/unlabelled --model commands --model english
    """
    from oyez.data.manifest import write_manifest
    from oyez.data.text import normalise
    from oyez.training.curation.pseudo_labels import MANIFEST, labelled
    from oyez.training.evaluation.recognition import load_letter_model

    skipped: list[str] = []
    with usage_errors(folder):
        recognizers = [load_letter_model(name) for name in model]
        vocabularies = (recognizer.config.vocabulary for recognizer in recognizers)
        words = tuple(normalise(text) for text in word or ()) or next(filter(None, vocabularies), ())
        if not words:
            usage_error("none of the models has words of its own: name them with --word")
        found = list(labelled(recognizers, folder, words, min_probability, skipped))
        for reason in skipped:
            say(f"skipped: {reason}")
        if not found:
            usage_error(f"{folder}: no clip, .wav, whose word {' and '.join(model)} agree on")
        write_manifest(folder / MANIFEST, found)
    counts = Counter(utterance.text for utterance in found).most_common()
    say(f"{len(found)} clips: {', '.join(f'{text} {count}' for text, count in counts)}")


def phrases(
    count: Annotated[int, typer.Option("--count", "-n", help="How many phrases.", min=1)] = 40_000,
    sentences: Annotated[
        Path | None,
        typer.Option(help="A text file to cut pieces from, one sentence a line; .gz is unpacked.", show_default="none"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0)] = 1,
) -> None:
    """Print phrases for synthetic voices to read: everyday commands, pieces of sentences, words in no order.

    oyez data phrases --count 40000 --sentences transcripts.txt.gz > phrases.txt
    """
    from oyez.training.curation.phrases import phrases as draw

    with usage_errors():
        for phrase in draw(count, sentences, seed):
            print(phrase)
