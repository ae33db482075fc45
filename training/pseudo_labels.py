"""Pseudo-labels: clips of single words, nobody wrote down which, get the word that several models agree on.

    python -m training.pseudo_labels speech/unlabelled --model commands --model english

A clip is kept if every model finds the same word the most likely of the list, and nearly all of the probability is on
it: the CTC score of each word, and of silence, normalised over the list. Models that were trained apart make different
errors, so that what both say is right far more often than what either says (co-training, Blum and Mitchell 1998). What
is kept is written to a manifest in the folder, for the recipes to read.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from data.audio import AudioError, read_audio
from data.manifest import Utterance, write_manifest
from models.alphabet import encode
from models.checkpoint import CheckpointError
from models.decoding.closed import rank
from models.recognizer import Recognizer

MANIFEST = "manifest.jsonl"
_AT_ONCE = 200  # clips
_SPEAKER = re.compile(r"^([0-9a-f]{8})_nohash_\d+")  # as Speech Commands names its clips


def agreed(recognizers: Sequence[Recognizer], paths: Sequence[Path], words: Sequence[str], sure: float) -> list[str]:
    """Return the word of each clip, or "" where the models do not agree, are not sure or hear silence.

    Args:
        sure: probability, given that it is one of the words or silence, that each model must give to the word.

    Raises:
        AudioError: a clip cannot be read.
    """
    candidates = {tuple(encode(word)): word for word in ["", *words]}
    waveforms = [read_audio(path) for path in paths]
    heard = []
    for recognizer in recognizers:
        best = []
        for log_probs in recognizer.log_probs(waveforms):
            ranked = rank(log_probs, list(candidates))
            share = torch.softmax(torch.tensor([each.score for each in ranked]), dim=0)[0]
            best.append(candidates[ranked[0].labels] if share >= sure else "")
        heard.append(best)
    return [word if len({word, *others}) == 1 else "" for word, *others in zip(*heard, strict=True)]


def labelled(recognizers: Sequence[Recognizer], folder: Path, words: Sequence[str], sure: float) -> Iterator[Utterance]:
    """Yield the clips of a folder that the models agree on, and their word."""
    paths = sorted(folder.rglob("*.wav"))
    for first in range(0, len(paths), _AT_ONCE):
        some = paths[first : first + _AT_ONCE]
        for path, word in zip(some, agreed(recognizers, some, words, sure), strict=True):
            if word:
                speaker = _SPEAKER.match(path.name)
                yield Utterance(path, word, speaker[1] if speaker else "")


def main(
    folder: Annotated[Path, typer.Argument(help="Holds the clips, .wav.", exists=True, file_okay=False)],
    model: Annotated[list[str], typer.Option(help="May be given several times: all must agree.")],
    word: Annotated[list[str] | None, typer.Option(help="May be given several times; else the models' own.")] = None,
    sure: Annotated[float, typer.Option(help="Probability that each model must give.", min=0, max=1)] = 0.95,
) -> None:
    """Write manifest.jsonl beside the clips: those whose word the models agree on."""
    try:
        recognizers = [Recognizer.load(name, decoding="greedy") for name in model]
        words = word or next((r.model.config.vocabulary for r in recognizers if r.model.config.vocabulary), None)
        if not words:
            raise typer.BadParameter("none of the models has words of its own: name them with --word")
        found = list(labelled(recognizers, folder, words, sure))
    except (CheckpointError, AudioError) as error:
        raise typer.BadParameter(str(error)) from error
    if not found:
        raise typer.BadParameter(f"{folder}: no clip, .wav, whose word {' and '.join(model)} agree on")
    write_manifest(folder / MANIFEST, found)
    counts = Counter(utterance.text for utterance in found).most_common()
    print(f"{len(found)} clips: {', '.join(f'{word} {count}' for word, count in counts)}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
