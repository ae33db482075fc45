"""Train an intent classifier on sentences whose intent is known.

The sentences may be sampled from the templates of a commands file. What means none of the intents is learned too, as a
sentence that leaves every intent equally likely (outlier exposure: Hendrycks et al. 2019, arXiv:1812.04606), so that
the confidence can refuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, Field
from torch import nn

from oyez.models.grammar.intents import RESERVED, UNKNOWN, IntentClassifier, IntentConfig, log_odds, pad
from oyez.training.calibration.logistic import fit_curve
from oyez.training.schedule import one_cycle

_VARIATIONS = 20  # of each held-out sentence, to calibrate the confidence with

Numbers = npt.NDArray[np.int_]


class IntentTraining(BaseModel, frozen=True, extra="forbid"):
    """How an intent classifier is trained."""

    steps: int = Field(default=600, ge=1)
    batch: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=4e-3, gt=0)  # at its highest
    max_grad_norm: float = Field(default=1.0, gt=0)
    unknown: float = Field(default=0.1, ge=0, lt=1)  # share of words that are made unknown
    omitted: float = Field(default=0.1, ge=0, lt=1)  # share of words that are left out
    wordy: float = Field(default=0.3, ge=0, le=1)  # share of sentences with unknown words before and after them
    others: float = Field(default=0.3, ge=0, lt=1)  # share of a batch that means none of the intents
    held_out: float = Field(default=0.1, gt=0, lt=1)  # share of the sentences that only calibrate the confidence
    seed: int = Field(default=1, ge=0)


def train_intent_classifier(
    sentences: Sequence[str],
    intents: Sequence[str],
    others: Sequence[str] = (),
    name: str = "intents",
    training: IntentTraining | None = None,
) -> IntentClassifier:
    """Learn the intents of sentences, and when to doubt.

    Args:
        sentences: normalised. Words beyond the 998 most frequent ones count as unknown.
        intents: the intent of each sentence; of at least two kinds.
        others: normalised sentences that mean none of the intents. Random words, most of them unknown, are always
            among what is learned as such; real sentences make the confidence better.
        name: of the model.
        training: everything about the loop.

    Raises:
        ValueError: the lists differ in length, hold an empty sentence or fewer than two intents.
    """
    training = training or IntentTraining()
    if len(sentences) != len(intents):
        raise ValueError(f"{len(sentences)} sentences and {len(intents)} intents: each sentence needs one")
    if not all(sentence.split() for sentence in [*sentences, *others]):
        raise ValueError("an empty sentence has no intent")
    kinds = tuple(dict.fromkeys(intents))
    if len(kinds) < 2:
        raise ValueError(f"{len(kinds)} intent: there is nothing to choose")
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    counts = Counter(word for sentence in sentences for word in sentence.split())
    most = IntentConfig.model_fields["vocabulary"].default - RESERVED
    words = tuple(word for word, _ in counts.most_common(most))
    model = IntentClassifier(IntentConfig(name=name, words=words, intents=kinds))
    encoded = [model.encode(sentence) for sentence in sentences]
    targets = nn.functional.one_hot(torch.tensor([kinds.index(intent) for intent in intents])).float()
    encoded_others = [model.encode(sentence) for sentence in others]

    def other() -> list[int]:
        if encoded_others and rng.random() < 0.5:
            return encoded_others[rng.integers(len(encoded_others))]
        known = rng.integers(RESERVED, RESERVED + len(words), size=rng.integers(1, 9))
        share = rng.uniform(0, 0.6)  # of known words
        return [int(number) if rng.random() < share else UNKNOWN for number in known]

    def varied(sentence: Sequence[int]) -> list[int]:
        kept = [number for number in sentence if rng.random() >= training.omitted] or list(sentence)
        spoken = [UNKNOWN if rng.random() < training.unknown else number for number in kept]
        if rng.random() < training.wordy:  # people say more than templates do
            before, after = rng.integers(0, 5, size=2)
            spoken = [UNKNOWN] * before + spoken + [UNKNOWN] * after
        return spoken

    learned, held_out = _part(rng.permutation(len(sentences)), intents, training.held_out)
    optimiser = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad], lr=training.learning_rate
    )
    nothing = torch.full((len(kinds),), 1 / len(kinds))
    model.train()
    for step in range(training.steps):
        for group in optimiser.param_groups:
            group["lr"] = training.learning_rate * one_cycle(step / training.steps, warm_up=0.1)
        strangers = round(training.others * training.batch)
        chosen = rng.choice(learned, size=training.batch - strangers)
        batch = [varied(encoded[index]) for index in chosen] + [other() for _ in range(strangers)]
        wanted = torch.cat([targets[chosen], nothing.expand(strangers, -1)])
        loss = -(wanted * model(*pad(batch))).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimiser.step()
    model.eval()

    # the confidence, from held-out sentences (or learned ones, if none could be) in many variations, and as many
    # that mean nothing
    known = [varied(encoded[index]) for index in held_out for _ in range(_VARIATIONS)]
    strange = [other() for _ in known]
    with torch.no_grad():
        log_probs, best = model(*pad([*known, *strange])).max(dim=1)
    meant = targets[held_out].argmax(1).repeat_interleave(_VARIATIONS)
    right = torch.cat([best[: len(known)] == meant, torch.zeros(len(strange), dtype=torch.bool)])
    confidence = fit_curve(log_odds(log_probs).numpy(), right.numpy())
    calibrated = IntentClassifier(model.config.model_copy(update={"confidence": confidence}))
    calibrated.load_state_dict(model.state_dict())
    return calibrated.eval()


def _part(order: Numbers, intents: Sequence[str], share: float) -> tuple[Numbers, Numbers]:
    """Return the numbers of the sentences to learn from and of those to calibrate with.

    A share is held out, in this order, but never the last sentence of an intent, which would not be learned at all.
    Where each intent has but one, the calibration is left with the learned ones.
    """
    rest = Counter(intents)
    most = max(1, round(share * len(order)))
    held_out: list[int] = []
    for number in order.tolist():
        if len(held_out) < most and rest[intents[number]] > 1:
            rest[intents[number]] -= 1
            held_out.append(number)
    learned = order[~np.isin(order, held_out)]
    return learned, np.array(held_out) if held_out else learned
