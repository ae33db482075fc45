"""The utterances and noises that a recipe names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from oyez.data.audio import SUFFIXES, AudioError, Waveform, read_audio
from oyez.data.augmentation import room_response
from oyez.data.corpora.loading import load_corpus, of_speakers
from oyez.data.corpora.splits import HashedSplit, noise_files
from oyez.data.manifest import ManifestError, Utterance
from oyez.training.config import CorpusConfig, RecipeError

_VOICES, _VOICE_SECONDS = 400, 8.0  # clips that babble is mixed from, and how much of each: 205 MB at most
_OTHER_SECONDS = 1.5  # other speech is cut into pieces as long as this, about the length of a command


@dataclass(frozen=True)
class Selection:
    """What was chosen, and a line for each thing that was left out."""

    utterances: list[Utterance]
    left_out: list[str]
    speakers: frozenset[tuple[str, str]]  # (corpus folder, name): a name in another folder is another person

    @staticmethod
    def together(selections: Iterable[Selection]) -> Selection:
        """Return several selections as one."""
        given = list(selections)
        return Selection(
            [utterance for each in given for utterance in each.utterances],
            [reason for each in given for reason in each.left_out],
            frozenset[tuple[str, str]]().union(*(each.speakers for each in given)),
        )


def select(corpora: Sequence[CorpusConfig], data: Path, vocabulary: Sequence[str]) -> Selection:
    """Gather the utterances of several corpora below the data folder.

    Raises:
        RecipeError: a corpus is not there, is damaged, or has nothing to offer.
    """
    utterances: list[Utterance] = []
    left_out: list[str] = []
    speakers: set[tuple[str, str]] = set()
    for config in corpora:
        root = data / config.root
        try:
            corpus = load_corpus(config.corpus, root, config.split)
        except (ValueError, ManifestError) as error:
            raise RecipeError(str(error)) from error
        except FileNotFoundError as error:
            raise RecipeError(f"{error}. Is {data} the folder that holds {config.root}?") from error
        chosen = list(of_speakers(corpus.utterances, config.speakers, config.without_speakers))
        chosen = [utterance for utterance in chosen if set(config.without_words).isdisjoint(utterance.text.split())]
        if (config.only_vocabulary or config.other_speech) and not vocabulary:
            raise RecipeError(f"{config.root}: without a vocabulary no speech is inside it or outside")
        if config.only_vocabulary:
            chosen = [utterance for utterance in chosen if set(utterance.text.split()) <= set(vocabulary)]
        if config.other_speech:
            chosen = other_speech(chosen, vocabulary)
        chosen = [chosen[int(n / config.share)] for n in range(int(len(chosen) * config.share))]
        if not chosen:
            of = f" of speakers {', '.join(config.speakers)}" if config.speakers else ""
            raise RecipeError(f"{root}: no utterance is left of {config.corpus} {config.split or ''}{of}")
        utterances += chosen
        # of a corpus that is split by its files' names, those without a speaker's name are told apart by that name
        by_file = config.corpus == "recordings" and config.split is not None
        speakers |= {(str(config.root), u.speaker or (u.path.stem if by_file else "")) for u in chosen}
        left_out += corpus.left_out
    return Selection(utterances, left_out, frozenset(speakers))


def select_by_corpus(corpora: Sequence[CorpusConfig], data: Path, vocabulary: Sequence[str]) -> dict[str, Selection]:
    """Gather the utterances of several corpora, each corpus by itself under its title.

    A speaker's name stands behind the corpus folder's, as the same name in another folder is another person. Raises
    RecipeError as `select` does.
    """
    by_title: defaultdict[str, list[CorpusConfig]] = defaultdict(list)
    for config in corpora:
        by_title[_title(config)].append(config)
    return {title: _with_folders(select(parts, data, vocabulary), parts[0]) for title, parts in by_title.items()}


def _title(config: CorpusConfig) -> str:
    title = f"{_folder(config)} {config.split or ''}".strip()
    title += ", vocabulary only" if config.only_vocabulary else ""
    return title + (", other speech" if config.other_speech else "")


def _folder(config: CorpusConfig) -> str:
    return config.corpus if config.root == Path() else str(config.root)


def _with_folders(selection: Selection, config: CorpusConfig) -> Selection:
    named = [replace(u, speaker=f"{_folder(config)}/{u.speaker}") for u in selection.utterances]
    return replace(selection, utterances=named)


def refuse_shared_speakers(training: Selection, validation: Selection) -> None:
    """Raise RecipeError if a speaker is in both."""
    shared = training.speakers & validation.speakers
    if shared:
        some = ", ".join(sorted(name or "those without a name" for _, name in shared)[:5])
        raise RecipeError(
            f"{len(shared)} speakers are in training and in validation ({some}, ...): a model would be measured on "
            "voices it knows. Part them by `speakers` and `without_speakers`"
        )


def refuse_shared_recordings(training: Iterable[Utterance], validation: Iterable[Utterance]) -> None:
    """Raise RecipeError if a recording is in both, by whatever link."""
    learned, measured = ({path.resolve() for path in {each.path for each in part}} for part in (training, validation))
    recordings = learned & measured
    if recordings:
        raise RecipeError(
            f"{len(recordings)} recordings are in training and in validation ({min(recordings)}, ...): a model would "
            "be measured on what it learned"
        )


def other_speech(utterances: Sequence[Utterance], vocabulary: Sequence[str]) -> list[Utterance]:
    """Return pieces of the utterances that hold none of the vocabulary's words, with the empty text."""
    words = frozenset(vocabulary)
    pieces = []
    for utterance in utterances:
        if words.isdisjoint(utterance.text.split()):
            length = utterance.duration or 0.0
            for number in range(max(1, int(length / _OTHER_SECONDS))):
                start = number * _OTHER_SECONDS
                duration = min(_OTHER_SECONDS, length - start)
                pieces.append(replace(utterance, text="", offset=utterance.offset + start, duration=duration))
    return pieces


def noises(paths: Sequence[Path], data: Path, split: HashedSplit | None = None) -> list[list[Waveform]]:
    """Read recordings of noise, by kind: each path is a file or a folder, and a kind of noise.

    Raises:
        RecipeError: a path is not there, or holds no recording of the split.
    """
    found: list[list[Waveform]] = []
    for path in paths:
        place = data / path
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        audio = [file for file in files if file.suffix.lower() in SUFFIXES]
        audio = audio if split is None else noise_files(audio, split)
        if not place.exists() or not audio:
            raise RecipeError(f"{place}: no recording of noise here")
        try:
            found.append([read_audio(file) for file in audio])
        except AudioError as error:
            raise RecipeError(str(error)) from error
    return found


def rooms(paths: Sequence[Path], data: Path) -> list[Waveform]:
    """Read measured room responses. Raises RecipeError if a path is not there or a response is silent."""
    try:
        return [room_response(recording) for kind in noises(paths, data) for recording in kind]
    except ValueError as error:
        raise RecipeError(f"{', '.join(map(str, paths))}: {error}") from error


def voices(utterances: Sequence[Utterance]) -> list[Waveform]:
    """Read some of the utterances, spread evenly over all, to mix babble from; unreadable ones are left out.

    They are read once and held: a draw that read some clips besides its own would cost several times as much.
    """
    found: list[Waveform] = []
    for number in range(min(_VOICES, len(utterances))):
        utterance = utterances[number * len(utterances) // min(_VOICES, len(utterances))]
        with suppress(AudioError):  # training names those that it meets itself
            seconds = min(utterance.duration or _VOICE_SECONDS, _VOICE_SECONDS)
            found.append(read_audio(utterance.path, utterance.offset, seconds))
    return found
