"""Any corpus by its name: utterances with normalised texts and measured lengths, and a list of what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from oyez.data.audio import AudioError, audio_duration
from oyez.data.corpora import librispeech, recordings, speech_commands
from oyez.data.manifest import Utterance
from oyez.data.text import TextError, normalise

SPLITS = {
    "speech-commands": speech_commands.SPLITS,
    "librispeech": librispeech.SUBSETS,
    "recordings": recordings.SPLITS,  # where none is asked for, all of them
}
CORPORA = ("speech-commands", "librispeech", "recordings")


@dataclass(frozen=True)
class Corpus:
    """The utterances of a corpus that can be used, and what cannot be with the reason."""

    utterances: list[Utterance]  # texts normalised, durations known
    left_out: list[str] = field(default_factory=list)  # a line each, naming the file

    @property
    def hours(self) -> float:
        """Length of all utterances together."""
        return sum(utterance.duration or 0.0 for utterance in self.utterances) / 3600


def load_corpus(kind: str, root: Path, split: str | None = None) -> Corpus:
    """List the utterances of a corpus: its kind (one of CORPORA), its folder and, where it has splits, the split.

    A broken file or a text that cannot be spelled is left out and named in the result; it does not stop the rest.

    Raises:
        ValueError: there is no such kind of corpus or split.
        FileNotFoundError: the folder does not hold such a corpus.
    """
    if kind not in CORPORA:
        raise ValueError(f"no corpus is called {kind!r}; there are {', '.join(CORPORA)}")
    if kind == "recordings":
        listed = recordings.utterances(root, split)
    elif split is None:
        raise ValueError(f"corpus {kind!r} needs a split: {', '.join(SPLITS[kind])}")
    elif kind == "speech-commands":
        listed = speech_commands.utterances(root, split)
    else:
        listed = librispeech.utterances(root, split)
    with ThreadPoolExecutor(8) as pool:
        checked = list(pool.map(_checked, listed))
    return Corpus(
        utterances=[utterance for utterance in checked if isinstance(utterance, Utterance)],
        left_out=[reason for reason in checked if isinstance(reason, str)],
    )


def of_speakers(utterances: Iterable[Utterance], only: Iterable[str], never: Iterable[str]) -> Iterator[Utterance]:
    """Choose whole speakers: those in `only` (all, if it is empty) who are not in `never`."""
    wanted, unwanted = frozenset(only), frozenset(never)
    return (u for u in utterances if (not wanted or u.speaker in wanted) and u.speaker not in unwanted)


def _checked(utterance: Utterance) -> Utterance | str:
    try:
        rest = audio_duration(utterance.path) - utterance.offset
        seconds = rest if utterance.duration is None else min(utterance.duration, rest)
        text = normalise(utterance.text)
    except AudioError as error:
        return str(error)
    except TextError as error:
        return f"{utterance.path}: {error}"
    if seconds <= 0:
        return f"{utterance.path}: nothing to read at {utterance.offset:g} s"
    return replace(utterance, text=text, duration=seconds)
