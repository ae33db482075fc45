"""Adapt a model to one commands file: a short training on its sentences, without forgetting the rest.

Forgetting is held off by three things: general phrases in the same voices, a replay of real speech where there is
some, and the mean of the weights before and after, which keeps most of what was gained at little of what was lost
(Wortsman et al. 2022, arXiv:2109.01903).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oyez.data.augmentation import AugmentationConfig
from oyez.data.batching import BatchingConfig
from oyez.data.corpora.recordings import utterances
from oyez.data.manifest import Utterance, write_manifest
from oyez.data.synthesis.synthesis import Reading, plan, synthesise
from oyez.models.checkpoint import CARD, NGRAM, find_checkpoint
from oyez.models.config import ModelConfig
from oyez.models.network import Model, load_checkpoint, save_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.training.adaptation.speech import Parted, Replay, Voices, draw_general
from oyez.training.averaging import mean_of
from oyez.training.calibration.command_confidence import fit_confidence
from oyez.training.calibration.command_trials import phrases, sources, trials
from oyez.training.calibration.operating_points import Attempt
from oyez.training.calibration.word_confidence import fit_word_confidence
from oyez.training.config import CorpusConfig, DataConfig, OptimisationConfig, Recipe, RecipeError
from oyez.training.evaluation.evaluate import Heard
from oyez.training.selection import select
from oyez.training.spec_augment import SpecAugmentConfig

COMMANDS, HELD_OUT_COMMANDS = "commands", "commands-held-out"  # folders of synthetic speech
GENERAL, HELD_OUT_GENERAL = "general", "general-held-out"
HELD_OUT = "held-out"  # a manifest of all that is measured on
TRAINED_SHARE = 0.5  # of the trained weights in the mean: with all of them, much general speech is forgotten
_GLANCE = 60  # utterances that are validated after each epoch, to be seen; nothing hangs on them
_MOST_MISSED = 0.025  # of commands, at the threshold: of the file's own, by other people, more will be
_CALIBRATION_FILES = 30  # made by chance (see command_trials)
_SEED = 1


@dataclass(frozen=True)
class Speech:
    """What is learned from and measured on."""

    training: tuple[CorpusConfig, ...]
    glance: CorpusConfig  # a little of what is held out
    general: list[Utterance]  # held out; the sentences that are held out lie with it in the folder HELD_OUT


def plan_readings(
    work: Path, config: ModelConfig, sentences: Parted, voices: Voices, clips: int
) -> dict[str, list[Reading]]:
    """Decide which voice reads what, by folder.

    Args:
        work: the folder that all goes to.
        config: of the model that is adapted.
        sentences: of the commands file.
        voices: to train and to measure with.
        clips: of the sentences to learn from, about; all else keeps in proportion.

    Raises:
        RecipeError: a model with a vocabulary would hear none of its words, or no others, as there are too few clips
            or too few words.
    """
    known = {*sentences.training, *sentences.held_out}
    general = draw_general(clips, max(1, clips // 2), config.vocabulary, known, _SEED)
    words = frozenset(config.vocabulary)
    for texts in (general.training, general.held_out) if words else ():
        said = [frozenset(text.split()) for text in texts]
        if not any(each <= words for each in said) or not any(each.isdisjoint(words) for each in said):
            raise RecipeError(
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
    for name, each in readings.items():
        synthesise(each, work / name, workers, progress)
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
    glance = _list(work / "glance", held_out[:: -(-len(held_out) // _GLANCE)])
    return Speech(tuple(training), glance, held_out)


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
        data=DataConfig(train=speech.training, validation=(speech.glance,), noise=tuple(noise)),
        batching=BatchingConfig(batch_seconds=60, longest_seconds=17, joined=0.1, noise_only=0.01),
        augmentation=AugmentationConfig(noise_probability=0.5, noise_snr_db=(5, 30), reverberation_probability=0.15),
        spec_augment=SpecAugmentConfig(frequency_masks=1, frequency_bands=7, time_masks=1, time_frames=15),
        optimisation=OptimisationConfig(
            epochs=epochs, learning_rate=3e-4, gradient_norm=1.0, averaging=0.98, save_every_seconds=20
        ),
    )


def adapted_model(base: str, trained: Path, trained_share: float, config: ModelConfig) -> Model:
    """Return the mean of a model and of what training made of it, with its new name in `config`."""
    model = mean_of([load_checkpoint(base), load_checkpoint(trained)], [1 - trained_share, trained_share])
    adapted = Model(config)
    adapted.load_state_dict(model.state_dict())
    return adapted


def with_fitted_confidences(recognizer: Recognizer, heard: Sequence[Heard]) -> ModelConfig:
    """Return a model's configuration with confidences fitted to real speech that was held out.

    Args:
        recognizer: of the model.
        heard: what it heard in that speech.
    """
    said = [each.utterance for each in heard]
    tried = trials(phrases(recognizer, sources(recognizer, said)), _CALIBRATION_FILES)
    config = recognizer.config
    judge = fit_confidence(tried, before=config.command_confidence, most_missed=_MOST_MISSED)
    return config.model_copy(update={"confidence": fit_word_confidence(heard), "command_confidence": judge})


def save_adapted(folder: Path, model: Model, base: str, account: str, config: ModelConfig | None = None) -> None:
    """Write an adapted model as a folder that needs nothing of the base: its language model goes along.

    Args:
        folder: where to.
        model: with the name it shall have.
        base: the model that was adapted; its card is kept in the new one, for its data and its licence.
        account: what the card says of the adaptation, Markdown.
        config: with other confidences than the model's.
    """
    origin = find_checkpoint(base)
    folder.mkdir(parents=True, exist_ok=True)
    config = config or model.config
    if config.ngram is not None:
        shutil.copyfile(origin / NGRAM, folder / NGRAM)
    card = origin / CARD
    before = card.read_text(encoding="utf-8") if card.is_file() else ""
    below = re.sub("^#", "##", before, flags=re.MULTILINE)
    text = f"# {config.name}\n\n{account}\n\nThe model that was adapted:\n\n{below}"
    save_checkpoint(folder, model, text, config=config)


@dataclass(frozen=True)
class Measured:
    """How a model hears the speech that was held out."""

    commands: list[Attempt]  # synthetic, and the general speech as what is no command
    general: float  # word error rate of the general speech
    recordings: list[Attempt] | None = None  # the user's


def right_share(attempts: Sequence[Attempt]) -> float:
    """Return the share of commands that are nearest to themselves, however sure that is."""
    commands = [attempt for attempt in attempts if attempt.is_command]
    return sum(attempt.right for attempt in commands) / len(commands)


def reason_to_refuse(before: Measured, after: Measured, most_loss: float) -> str | None:
    """Return why an adapted model is not worth keeping, or None if it is.

    Args:
        before, after: measured alike.
        most_loss: by how much the general word error rate may rise; 0.01 is one word in a hundred.
    """
    loss = after.general - before.general
    if round(loss - most_loss, 6) > 0:
        return (
            f"the word error rate of general speech rose by {loss:.2%} ({before.general:.2%} -> {after.general:.2%}), "
            f"of at most {most_loss:.2%}"
        )
    was, is_now = right_share(before.commands), right_share(after.commands)
    if is_now < was:
        return f"of the synthetic commands {is_now:.1%} are right, before it were {was:.1%}"
    return None
