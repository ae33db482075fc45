"""Single words cut out of sentences by forced alignment: voices for words that nobody was asked to say alone.

    python -m training.cut_words english --data speech --most 40 --out speech/cut_words.jsonl
    python -m training.cut_words english --data speech --word on --word off --out speech/on_off.jsonl

The sentences are those that a recipe trains on, so that the speakers it validates on stay unheard. No audio is copied:
the manifest says where in which recording each word lies. Put together in a new order (batching.joined), they are
sentences that nobody said (aligned data augmentation, Lam et al. 2021, arXiv:2104.01393).
"""

from __future__ import annotations

import itertools
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data.manifest import Utterance, write_manifest
from models.alphabet import encode
from models.checkpoint import CheckpointError
from models.decoding.alignment import AlignedWord, align_words, is_alignable
from models.recognizer import Recognizer
from training.config import RecipeError, load_recipe
from training.evaluate import some_at_once
from training.selection import select

_BESIDE = 0.12  # seconds; most that is taken beside a word's letters, whose peaks lie inside their sound
_FAINTEST = -1.5  # mean log-probability of a word's letters, below which the word may not be there
_SHORTEST, _LONGEST = 0.15, 1.5  # seconds


def cut_words(
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    wanted: Callable[[str], bool] = lambda _: True,
) -> Iterator[Utterance]:
    """Yield the words of utterances of several words, each as an utterance of its own.

    A word reaches to the middle of the way to its neighbour's letters, and no further than 0.12 s beyond its own. Words
    that the model does not find in the sound are left out, as are utterances that cannot be read or aligned.
    """
    several = [each for each in utterances if " " in each.text and any(map(wanted, each.text.split()))]
    for _, readable in some_at_once(several, left_out=[]):
        all_log_probs = recognizer.log_probs([waveform for _, waveform in readable])
        for (utterance, _), log_probs in zip(readable, all_log_probs, strict=True):
            labels = encode(utterance.text)
            if is_alignable(labels, len(log_probs)):
                aligned = align_words(log_probs, labels)
                yield from _cut(utterance, aligned, len(log_probs), recognizer.step_seconds, wanted)


def _cut(
    utterance: Utterance, words: Sequence[AlignedWord], steps: int, step_seconds: float, wanted: Callable[[str], bool]
) -> Iterator[Utterance]:
    middles = [0.0, *((one.end + other.start) / 2 for one, other in itertools.pairwise(words)), float(steps)]
    for word, (before, after) in zip(words, itertools.pairwise(middles), strict=True):
        begin = max(before * step_seconds, word.start * step_seconds - _BESIDE)
        end = min(after * step_seconds, word.end * step_seconds + _BESIDE)
        if wanted(word.text) and word.score >= _FAINTEST and _SHORTEST <= end - begin <= _LONGEST:
            yield replace(
                utterance, text=word.text, offset=round(utterance.offset + begin, 3), duration=round(end - begin, 3)
            )


def at_most(utterances: Sequence[Utterance], most: int, seed: int = 1) -> list[Utterance]:
    """Return the utterances with no text more often than `most` times, those that are left out drawn by chance."""
    by_text: defaultdict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_text[utterance.text].append(utterance)
    chance = random.Random(seed)
    return [
        each
        for _, same in sorted(by_text.items())
        for each in (chance.sample(same, most) if len(same) > most else same)
    ]


def main(
    recipe: Annotated[str, typer.Argument(help="Whose training speech is cut: a shipped recipe's name, or a file.")],
    out: Annotated[Path, typer.Option(help="The manifest, .jsonl, that is written.")],
    data: Annotated[Path, typer.Option(help="The folder that holds the corpora.")],
    model: Annotated[str, typer.Option(help="Aligns the texts.")] = "english",
    word: Annotated[list[str] | None, typer.Option(help="Only this; may be given several times.")] = None,
    fewest_letters: Annotated[int, typer.Option(help="Of a word, unless named.", min=1)] = 3,
    most: Annotated[int, typer.Option(help="Of one word.", min=1)] = 1000,
) -> None:
    """Write a manifest of single words cut out of the sentences that a recipe trains on."""
    wanted = frozenset(word or ())
    try:
        loaded, recognizer = load_recipe(recipe), Recognizer.load(model, decoding="greedy")
        utterances = select(loaded.data.train, data, loaded.vocabulary).utterances
        found = list(
            cut_words(recognizer, utterances, lambda text: text in wanted if wanted else len(text) >= fewest_letters)
        )
    except (CheckpointError, RecipeError) as error:
        raise typer.BadParameter(str(error)) from error
    if not found:
        raise typer.BadParameter(f"no such word was found in the {len(utterances)} utterances of {recipe}")
    kept = at_most(found, most)
    write_manifest(out, kept)
    hours = sum(each.duration or 0.0 for each in kept) / 3600
    print(
        f"{len(kept)} of {len(found)} words, {len({each.text for each in kept})} different, {hours:.2f} h",
        file=sys.stderr,
    )


if __name__ == "__main__":
    typer.run(main)
