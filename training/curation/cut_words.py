"""Words, or some in a row, cut out of sentences by forced alignment: voices for what nobody was asked to say alone.

    python -m training.cut_words english --data speech --most 40 --out speech/cut_words.jsonl
    python -m training.cut_words english --data speech --word on --word off --out speech/on_off.jsonl
    python -m training.cut_words english --data speech --fewest-words 2 --most-words 5 --out speech/cut_phrases.jsonl
    python -m training.cut_words english --data speech --validation --word on --word off --out heard_on_off.jsonl

The sentences are those that a recipe trains on, so that the speakers it validates on stay unheard; with --validation
those that it validates on, to measure with. No audio is copied: the manifest says where in which recording each word
lies. Put together in a new order (batching.joined), they are sentences that nobody said (aligned data augmentation,
Lam et al. 2021, arXiv:2104.01393).
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

from oyez.data.alphabet import encode
from oyez.data.manifest import Utterance, write_manifest
from oyez.models.checkpoint import CheckpointError
from oyez.models.decoding.alignment import AlignedWord, align_words, is_alignable
from oyez.models.recognizer import Recognizer
from oyez.training.config import RecipeError, load_recipe
from oyez.training.evaluation.evaluate import load_letter_model, some_at_once
from oyez.training.selection import select

_BESIDE = 0.12  # seconds; most that is taken beside a word's letters, whose peaks lie inside their sound
_FAINTEST = -1.5  # mean log-probability of a word's letters, below which the word may not be there
_SHORTEST, _LONGEST, _LONGEST_FURTHER = 0.15, 1.5, 0.5  # seconds of a piece: of its first word, and of each further one


def cut_words(
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    wanted: Callable[[str], bool] = lambda _: True,
    words: tuple[int, int] = (1, 1),
    seed: int = 1,
) -> Iterator[Utterance]:
    """Yield pieces of utterances of several words, each as an utterance of its own.

    Each piece has as many words as are drawn, the fewest to the most of `words`; what is left at an utterance's end
    and has fewer is not taken. A piece reaches to the middle of the way to its neighbour's letters, and no further than
    0.12 s beyond its own. Words that the model does not find in the sound are left out with their piece, as are
    utterances that cannot be read or aligned.

    Args:
        wanted: whether a word is; a piece holds at least one that is.
    """
    chance = random.Random(seed)
    several = [each for each in utterances if " " in each.text and any(map(wanted, each.text.split()))]
    for _, readable in some_at_once(several, left_out=[]):
        all_log_probs = recognizer.log_probs([waveform for _, waveform in readable])
        for (utterance, _), log_probs in zip(readable, all_log_probs, strict=True):
            labels = encode(utterance.text)
            if is_alignable(labels, len(log_probs)):
                aligned = align_words(log_probs.numpy(), labels)
                sizes = [chance.randint(*words) for _ in aligned]
                for piece in _cut(utterance, aligned, sizes, len(log_probs), recognizer.step_seconds):
                    if len(piece.text.split()) >= words[0] and any(map(wanted, piece.text.split())):
                        yield piece


def _cut(
    utterance: Utterance, words: Sequence[AlignedWord], sizes: Sequence[int], steps: int, step_seconds: float
) -> Iterator[Utterance]:
    middles = [0.0, *((one.end + other.start) / 2 for one, other in itertools.pairwise(words)), float(steps)]
    ends = [end for end in itertools.accumulate(sizes) if end < len(words)]
    for first, after in itertools.pairwise([0, *ends, len(words)]):
        piece = words[first:after]
        begin = max(middles[first] * step_seconds, piece[0].start * step_seconds - _BESIDE)
        end = min(middles[after] * step_seconds, piece[-1].end * step_seconds + _BESIDE)
        longest = _LONGEST + _LONGEST_FURTHER * (len(piece) - 1)
        if min(word.score for word in piece) >= _FAINTEST and _SHORTEST <= end - begin <= longest:
            text = " ".join(word.text for word in piece)
            yield replace(
                utterance, text=text, offset=round(utterance.offset + begin, 3), duration=round(end - begin, 3)
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
    recipe: Annotated[str, typer.Argument(help="Whose speech is cut: a shipped recipe's name, or a file.")],
    out: Annotated[Path, typer.Option(help="The manifest, .jsonl, that is written.")],
    data: Annotated[Path, typer.Option(help="The folder that holds the corpora.")],
    model: Annotated[str, typer.Option(help="Aligns the texts.")] = "english",
    word: Annotated[list[str] | None, typer.Option(help="Only this; may be given several times.")] = None,
    fewest_letters: Annotated[int, typer.Option(help="Of one of its words, unless named.", min=1)] = 3,
    fewest_words: Annotated[int, typer.Option(help="Of a piece.", min=1)] = 1,
    most_words: Annotated[int, typer.Option(help="Of a piece.", min=1)] = 1,
    most: Annotated[int, typer.Option(help="Of one word, or of the same words in a row.", min=1)] = 1000,
    validation: Annotated[
        bool, typer.Option("--validation", help="Cut what the recipe validates on, not what it trains on.")
    ] = False,
) -> None:
    """Write a manifest of words, or some in a row, cut out of the sentences of a recipe."""
    if fewest_words > most_words:
        raise typer.BadParameter(f"--fewest-words {fewest_words} is more than --most-words {most_words}")
    if out.suffix != ".jsonl" or not out.parent.is_dir():
        raise typer.BadParameter(f"--out {out} must be a .jsonl file in a folder that is there")
    wanted = frozenset(word or ())
    try:
        loaded, recognizer = load_recipe(recipe), load_letter_model(model)
        corpora = loaded.data.validation if validation else loaded.data.train
        utterances = select(corpora, data, loaded.vocabulary).utterances
        found = list(
            cut_words(
                recognizer,
                utterances,
                lambda text: text in wanted if wanted else len(text) >= fewest_letters,
                (fewest_words, most_words),
            )
        )
    except (CheckpointError, RecipeError) as error:
        raise typer.BadParameter(str(error)) from error
    if not found:
        raise typer.BadParameter(f"no such word was found in the {len(utterances)} utterances of {recipe}")
    kept = at_most(found, most)
    write_manifest(out, kept)
    hours = sum(each.duration or 0.0 for each in kept) / 3600
    print(
        f"{len(kept)} of {len(found)} pieces, {len({each.text for each in kept})} different, {hours:.2f} h",
        file=sys.stderr,
    )


if __name__ == "__main__":
    typer.run(main)
