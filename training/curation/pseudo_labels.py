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
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from oyez.data.alphabet import encode
from oyez.data.audio import Waveform
from oyez.data.corpora.speech_commands import hashed_split
from oyez.data.manifest import Utterance, write_manifest
from oyez.data.text import TextError, normalise
from oyez.models.checkpoint import CheckpointError
from oyez.models.decoding.single_word import score_candidates
from oyez.models.recognizer import Recognizer
from oyez.training.evaluation.evaluate import load_letter_model, some_at_once

MANIFEST = "manifest.jsonl"
_SPEAKER = re.compile(r"^([0-9a-f]{8})_nohash_\d+")  # as Speech Commands names its clips


def agreed(
    recognizers: Sequence[Recognizer], waveforms: Sequence[Waveform], words: Sequence[str], sure: float
) -> list[str]:
    """Return the word of each clip, or "" where the models do not agree, are not sure or hear silence.

    Args:
        sure: probability, given that it is one of the words or silence, that each model must give to the word.
    """
    candidates = {tuple(encode(word)): word for word in ["", *words]}
    heard = []
    for recognizer in recognizers:
        best = []
        for log_probs in recognizer.log_probs(waveforms):
            ranked = score_candidates(log_probs.numpy(), list(candidates))
            share = torch.softmax(torch.tensor([each.score for each in ranked]), dim=0)[0]
            best.append(candidates[ranked[0].labels] if share >= sure else "")
        heard.append(best)
    return [word if len({word, *others}) == 1 else "" for word, *others in zip(*heard, strict=True)]


def labelled(
    recognizers: Sequence[Recognizer], folder: Path, words: Sequence[str], sure: float, left_out: list[str]
) -> Iterator[Utterance]:
    """Yield the clips of a folder that the models agree on, and their word.

    Those that cannot be read are left out, and by their names those of Speech Commands' validation and test speakers.
    """
    clips = []
    for path in sorted(folder.rglob("*.wav")):
        speaker = _SPEAKER.match(path.name)
        if speaker and hashed_split(path.name) != "training":
            continue  # who may be a validation speaker of Speech Commands, which nobody would see in this folder
        clips.append(Utterance(path, "", speaker[1] if speaker else ""))
    for _, readable in some_at_once(clips, left_out):
        found = agreed(recognizers, [waveform for _, waveform in readable], words, sure)
        yield from (replace(clip, text=word) for (clip, _), word in zip(readable, found, strict=True) if word)


def main(
    folder: Annotated[Path, typer.Argument(help="Holds the clips, .wav.", exists=True, file_okay=False)],
    model: Annotated[list[str], typer.Option(help="May be given several times: all must agree.")],
    word: Annotated[list[str] | None, typer.Option(help="May be given several times; else the models' own.")] = None,
    sure: Annotated[float, typer.Option(help="Probability that each model must give.", min=0, max=1)] = 0.95,
) -> None:
    """Write manifest.jsonl beside the clips: those whose word the models agree on."""
    try:
        recognizers = [load_letter_model(name) for name in model]
        vocabularies = (recognizer.model.config.vocabulary for recognizer in recognizers)
        words = tuple(normalise(each) for each in word or ()) or next(filter(None, vocabularies), ())
        if not words:
            raise typer.BadParameter("none of the models has words of its own: name them with --word")
    except (CheckpointError, TextError) as error:
        raise typer.BadParameter(str(error)) from error
    left_out: list[str] = []
    found = list(labelled(recognizers, folder, words, sure, left_out))
    for reason in left_out:
        print(f"left out: {reason}", file=sys.stderr)
    if not found:
        raise typer.BadParameter(f"{folder}: no clip, .wav, whose word {' and '.join(model)} agree on")
    write_manifest(folder / MANIFEST, found)
    counts = Counter(utterance.text for utterance in found).most_common()
    print(f"{len(found)} clips: {', '.join(f'{word} {count}' for word, count in counts)}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
