"""What a model is adapted with: synthetic readings, corpora of them, and the recipe of the short training.

Forgetting is held off by three things: general phrases in the same voices, a replay of real speech where there is
some, and the mean of the weights before and after (see `result`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oyez.data.augmentation import AugmentationConfig
from oyez.data.batching import BatchingConfig
from oyez.data.corpora.recordings import utterances
from oyez.data.manifest import Utterance, write_manifest
from oyez.data.synthesis.synthesis import Reading, plan, synthesise
from oyez.models.config import ModelConfig
from oyez.training.adaptation.speech import Replay, SplitTexts, Voices, draw_general
from oyez.training.config import CorpusConfig, DataConfig, OptimisationConfig, Recipe
from oyez.training.errors import DataError
from oyez.training.selection import select
from oyez.training.spec_augment import SpecAugmentConfig

COMMANDS, HELD_OUT_COMMANDS = "commands", "commands-held-out"  # folders of synthetic speech
GENERAL, HELD_OUT_GENERAL = "general", "general-held-out"
HELD_OUT = "held-out"  # a manifest of all that is measured on
_VALIDATED = 60  # utterances that are validated after each epoch, to be seen; no decision depends on them
_SEED = 1


@dataclass(frozen=True)
class Speech:
    """What is learned from, validated on and measured on."""

    training: tuple[CorpusConfig, ...]
    validation: CorpusConfig  # a few of the utterances that are held out
    general: list[Utterance]  # held out; the sentences that are held out lie with it in the folder HELD_OUT


def plan_readings(
    work: Path, config: ModelConfig, sentences: SplitTexts, voices: Voices, clips: int
) -> dict[str, list[Reading]]:
    """Decide which voice reads what, by folder.

    Args:
        work: the folder that all goes to.
        config: of the model that is adapted.
        sentences: of the commands file.
        voices: to train and to measure with.
        clips: of the sentences to learn from, about; all else keeps in proportion.

    Raises:
        DataError: a model with a vocabulary would be given none of its words, or no others, as there are too few clips
            or too few words.
    """
    known = {*sentences.training, *sentences.held_out}
    general = draw_general(clips, max(1, clips // 2), config.vocabulary, known, _SEED)
    words = frozenset(config.vocabulary)
    for texts in (general.training, general.held_out) if words else ():
        spoken = [frozenset(text.split()) for text in texts]
        if not any(text <= words for text in spoken) or not any(text.isdisjoint(words) for text in spoken):
            raise DataError(
                f"--clips {clips} does not suit a model with a vocabulary of {len(words)} words: it is trained, and "
                "measured, on phrases in its words and on phrases in others. Take more; or, of one or two words, fewer"
            )
    wanted = {
        COMMANDS: (sentences.training, voices.training, clips),
        HELD_OUT_COMMANDS: (sentences.held_out, voices.held_out, clips // 3),
        GENERAL: (general.training, voices.training, clips),
        HELD_OUT_GENERAL: (general.held_out, voices.held_out, clips // 2),
    }
    return {
        name: plan(texts, work / name, shares, takes=max(1, round(count / len(texts))), seed=_SEED)
        for name, (texts, shares, count) in wanted.items()
    }


def prepare(
    work: Path,
    config: ModelConfig,
    readings: Mapping[str, Sequence[Reading]],
    replay: Replay | None,
    workers: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Speech:
    """Have all readings read, and list what is learned from and measured on; clips that are there already are kept.

    Raises:
        data.synthesis.SynthesisError: a voice failed, or the folder cannot be written.
    """
    for name, of_folder in readings.items():
        synthesise(of_folder, work / name, workers, progress)
    training = [_corpus(work / COMMANDS)]
    if config.vocabulary:  # other speech gives no text
        training += [_corpus(work / GENERAL, only_vocabulary=True), _corpus(work / GENERAL, other_speech=True)]
        held_out = select(
            [
                _corpus(work / HELD_OUT_GENERAL, only_vocabulary=True),
                _corpus(work / HELD_OUT_GENERAL, other_speech=True),
            ],
            work,
            config.vocabulary,
        ).utterances
    else:
        training += [_corpus(work / GENERAL)]
        held_out = utterances(work / HELD_OUT_GENERAL)
    if replay is not None:
        training += [_list(work / "replay", replay.training)]
        held_out = replay.held_out
    _list(work / HELD_OUT, [*utterances(work / HELD_OUT_COMMANDS), *held_out])
    validation = _list(work / "validation", held_out[:: -(-len(held_out) // _VALIDATED)])
    return Speech(tuple(training), validation, held_out)


def _corpus(folder: Path, *, only_vocabulary: bool = False, other_speech: bool = False) -> CorpusConfig:
    return CorpusConfig(
        corpus="recordings", root=folder.resolve(), only_vocabulary=only_vocabulary, other_speech=other_speech
    )


def _list(folder: Path, listed: Sequence[Utterance]) -> CorpusConfig:
    """Make a corpus of utterances that are elsewhere."""
    folder.mkdir(exist_ok=True)
    write_manifest(folder / "manifest.jsonl", listed)
    return _corpus(folder)


def adaptation_recipe(config: ModelConfig, speech: Speech, noise: Sequence[Path], epochs: int) -> Recipe:
    """Return the recipe that adapts a model: its own shape, a low learning rate, little of everything else."""
    return Recipe(
        name=config.name,
        description=config.description,
        vocabulary=config.vocabulary,
        features=config.features,
        acoustic=config.acoustic,
        data=DataConfig(train=speech.training, validation=(speech.validation,), noise=tuple(noise)),
        batching=BatchingConfig(batch_seconds=60, max_seconds=17, concat_probability=0.1, noise_only_share=0.01),
        augmentation=AugmentationConfig(noise_probability=0.5, noise_snr_db=(5, 30), reverberation_probability=0.15),
        spec_augment=SpecAugmentConfig(frequency_masks=1, frequency_bands=7, time_masks=1, time_frames=15),
        optimisation=OptimisationConfig(
            epochs=epochs, learning_rate=3e-4, max_grad_norm=1.0, ema_decay=0.98, save_every_seconds=20
        ),
    )
