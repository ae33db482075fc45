"""Read the audio of many utterances, a batch of similar lengths at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from oyez.data.audio import AudioError, AudioWarning, IncompleteAudioWarning, Waveform, read_audio
from oyez.data.manifest import Utterance

BATCH = 256  # utterances that are held in memory together


def read_utterance(utterance: Utterance) -> Waveform:
    """Read an utterance whole, as a waveform of shape (samples,).

    Raises:
        AudioError: it cannot be read, or a part of it is missing or damaged: its text would say more than it holds.
    """
    return read_audio(utterance.path, utterance.offset, utterance.duration, warn=_refuse_incomplete)


def _refuse_incomplete(warning: AudioWarning) -> None:
    if isinstance(warning, IncompleteAudioWarning):
        raise AudioError(str(warning))


def read_batches(
    utterances: Sequence[Utterance], skipped: list[str]
) -> Iterator[tuple[int, list[tuple[Utterance, Waveform]]]]:
    """Read utterances, those of similar length together.

    Args:
        utterances: in any order; they are read shortest first.
        skipped: a line is added for each file that cannot be read.

    Yields:
        for each batch how many utterances were asked for, and those that can be read with their waveforms, (samples,).
    """
    remaining = iter(sorted(utterances, key=lambda utterance: utterance.duration or 0.0))
    while batch := list(islice(remaining, BATCH)):
        yield len(batch), list(_read(batch, skipped))


def _read(utterances: Sequence[Utterance], skipped: list[str]) -> Iterator[tuple[Utterance, Waveform]]:
    for utterance in utterances:
        try:
            yield utterance, read_utterance(utterance)
        except AudioError as error:
            skipped.append(str(error))
