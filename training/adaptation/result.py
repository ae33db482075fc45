"""What an adapted model is: the mean of weights before and after, measured, and kept or refused.

The mean keeps most of what was gained at little of what was lost (Wortsman et al. 2022, arXiv:2109.01903).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oyez.models.checkpoint import CARD, NGRAM, find_checkpoint
from oyez.models.config import ModelConfig
from oyez.models.network import Model, load_checkpoint, save_checkpoint
from oyez.models.recognizer import Recognizer
from oyez.training.averaging import mean_of
from oyez.training.calibration.command_confidence import fit_confidence
from oyez.training.calibration.command_trials import phrases, sources, trials
from oyez.training.calibration.operating_points import Attempt
from oyez.training.calibration.word_confidence import fit_word_confidence
from oyez.training.evaluation.recognition import RecognisedUtterance

TRAINED_SHARE = 0.5  # of the trained weights in the mean: with all of them, much general speech is forgotten
_MAX_MISSED = 0.025  # of commands, at the threshold: of the file's own, by other people, more will be
_CALIBRATION_FILES = 30  # made by chance (see command_trials)


def adapted_model(base: str, trained: Path, trained_share: float, config: ModelConfig) -> Model:
    """Return the mean of a model and of what training made of it, with its new name in `config`."""
    model = mean_of([load_checkpoint(base), load_checkpoint(trained)], [1 - trained_share, trained_share])
    adapted = Model(config)
    adapted.load_state_dict(model.state_dict())
    return adapted


def with_fitted_confidences(recognizer: Recognizer, recognised: Sequence[RecognisedUtterance]) -> ModelConfig:
    """Return a model's configuration with confidences fitted to real speech that was held out.

    Args:
        recognizer: of the model.
        recognised: that speech, as the model recognises it.
    """
    utterances = [result.utterance for result in recognised]
    tried = trials(phrases(recognizer, sources(recognizer, utterances)), _CALIBRATION_FILES)
    config = recognizer.config
    judge = fit_confidence(tried, before=config.command_confidence, most_missed=_MAX_MISSED)
    return config.model_copy(update={"confidence": fit_word_confidence(recognised), "command_confidence": judge})


def save_adapted(folder: Path, model: Model, base: str, account: str, config: ModelConfig | None = None) -> None:
    """Write an adapted model as a folder that needs nothing of the base: its language model goes along.

    Args:
        folder: where to.
        model: with the name it shall have.
        base: the model that was adapted; its card is kept in the new one, for its data and its licence.
        account: what the card says of the adaptation, Markdown.
        config: instead of the model's own, with other confidences.
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
    """How a model recognises the speech that was held out."""

    commands: list[Attempt]  # synthetic, and the general speech as what is no command
    general: float  # word error rate of the general speech
    recordings: list[Attempt] | None = None  # the user's


def right_share(attempts: Sequence[Attempt]) -> float:
    """Return the share of commands whose nearest command is right, whatever its confidence."""
    commands = [attempt for attempt in attempts if attempt.is_command]
    return sum(attempt.right for attempt in commands) / len(commands)


def reason_to_refuse(before: Measured, after: Measured, max_increase: float) -> str | None:
    """Return why an adapted model is not worth keeping, or None if it is.

    Args:
        before, after: measured alike.
        max_increase: by how much the general word error rate may rise; 0.01 is one word in a hundred.
    """
    loss = after.general - before.general
    if round(loss - max_increase, 6) > 0:
        return (
            f"the word error rate of general speech rose by {loss:.2%} ({before.general:.2%} -> {after.general:.2%}) "
            f"(limit {max_increase:.2%})"
        )
    was, is_now = right_share(before.commands), right_share(after.commands)
    if is_now < was:
        return f"of the synthetic commands {is_now:.1%} are right ({was:.1%} before)"
    return None
