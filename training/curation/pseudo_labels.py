"""Pseudo-labels: clips of single words, nobody wrote down which, get the word that several models agree on.

A clip is kept if every model finds the same word the most likely of the list, and nearly all of the probability is on
it: the CTC score of each word, and of silence, normalised over the list. Models that were trained apart make different
errors, so that what both say is right far more often than what either says (co-training, Blum and Mitchell 1998). What
is kept is written to a manifest in the folder, for the recipes to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from oyez.data.alphabet import encode
from oyez.data.audio import Waveform
from oyez.data.corpora.speech_commands import hashed_split
from oyez.data.manifest import Utterance
from oyez.data.reading import read_batches
from oyez.models.decoding.single_word import score_candidates
from oyez.models.recognizer import Recognizer

MANIFEST = "manifest.jsonl"
_SPEAKER = re.compile(r"^([0-9a-f]{8})_nohash_\d+")  # as Speech Commands names its clips


def agreed(
    recognizers: Sequence[Recognizer], waveforms: Sequence[Waveform], words: Sequence[str], sure: float
) -> list[str]:
    """Return the word of each clip, or "" where the models do not agree, are not sure or find silence.

    Args:
        sure: probability, given that it is one of the words or silence, that each model must give to the word.
    """
    candidates = {tuple(encode(word)): word for word in ["", *words]}
    found = []
    for recognizer in recognizers:
        best = []
        for log_probs in recognizer.log_probs(waveforms):
            ranked = score_candidates(log_probs, list(candidates))
            scores = np.array([candidate.score for candidate in ranked])
            share = 1 / np.exp(scores - scores[0]).sum()  # the best one's, by softmax
            best.append(candidates[ranked[0].labels] if share >= sure else "")
        found.append(best)
    return [word if len({word, *others}) == 1 else "" for word, *others in zip(*found, strict=True)]


def labelled(
    recognizers: Sequence[Recognizer], folder: Path, words: Sequence[str], sure: float, skipped: list[str]
) -> Iterator[Utterance]:
    """Yield the clips of a folder that the models agree on, and their word.

    Those that cannot be read are skipped, and by their names those of Speech Commands' validation and test speakers.
    """
    clips = []
    for path in sorted(folder.rglob("*.wav")):
        speaker = _SPEAKER.match(path.name)
        if speaker and hashed_split(path.name) != "training":
            continue  # who may be a validation speaker of Speech Commands, which nobody would see in this folder
        clips.append(Utterance(path, "", speaker[1] if speaker else ""))
    for _, readable in read_batches(clips, skipped):
        found = agreed(recognizers, [waveform for _, waveform in readable], words, sure)
        yield from (replace(clip, text=word) for (clip, _), word in zip(readable, found, strict=True) if word)
