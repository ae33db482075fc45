"""Train an acoustic model with CTC.

Run again with the same output folder, training resumes where it was stopped, and ends with the same weights as a run
that was not (on CPUs to the bit; CUDA adds in any order). On CPUs it starts one process of one thread a core: an LSTM's
threads would wait for each other at every time step.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from oyez.data.audio import SAMPLE_RATE
from oyez.data.augmentation import Augmentation
from oyez.data.batching import Batch, ExampleSpec, TrainingBatches, plan_epoch
from oyez.data.manifest import Utterance
from oyez.models.config import ModelConfig, classes_of
from oyez.models.network import Model, load_checkpoint, save_checkpoint
from oyez.models.precision import resolve_precision
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.torch import TorchRuntime
from oyez.training.calibration.word_confidence import fit_word_confidence
from oyez.training.card import training_card
from oyez.training.config import Recipe
from oyez.training.errors import DataError, ModelMismatchError, RecipeError, RunInterruptedError
from oyez.training.evaluation.recognition import accuracy_by, accuracy_of, recognise_words
from oyez.training.gradients import norms_by_layer, norms_by_step
from oyez.training.log import TrainingLog
from oyez.training.losses import classification_loss, ctc_loss, early_log_probs, middle_of, smoothed
from oyez.training.processes import rank_and_processes
from oyez.training.schedule import one_cycle
from oyez.training.selection import (
    Selection,
    noises,
    refuse_shared_recordings,
    refuse_shared_speakers,
    rooms,
    select,
    select_by_corpus,
    voices,
)
from oyez.training.spec_augment import SpecAugment
from oyez.training.state import RunFingerprint, TrainingState, load_state, run_lock, save_state

WATCHED_STEPS = 100  # the gradient's norm is taken apart, by layer and time step, at every hundredth step
STATISTICS_STEPS = 24  # steps whose features give the global normalisation


@dataclass(frozen=True)
class Run:
    """What a training run reads and writes."""

    recipe: Recipe
    data: Path
    out: Path  # holds state.pt, best/, last/, log.jsonl and TensorBoard's files
    init: str | None = None  # a model to start from


class Trainer:
    """One process of a run. All processes hold the same weights after each step; the first one writes."""

    def __init__(self, run: Run, device: str = "cpu") -> None:
        """Read the corpora and build the model, or take up the saved state.

        Raises:
            TrainingError: a corpus is missing, the saved state is of another recipe, other speech or another model to
                start from, or that model has another shape: see training/errors.py.
            models.checkpoint.CheckpointError: the model to start from is missing or damaged.
        """
        self.run, self.recipe = run, run.recipe
        self.rank, self.processes = rank_and_processes()
        self.device = torch.device(device)
        recipe = self.recipe
        self.log = TrainingLog(run.out, writes=self.rank == 0)
        training = select(recipe.data.train, run.data, recipe.vocabulary)
        by_corpus = select_by_corpus(recipe.data.validation, run.data, recipe.vocabulary)
        validation = Selection.together(by_corpus.values())
        self.training, self.validation = training.utterances, validation.utterances
        self.corpus_of = {u: title for title, selection in by_corpus.items() for u in selection.utterances}
        refuse_shared_speakers(training, validation)
        refuse_shared_recordings(training.utterances, validation.utterances)
        fingerprint = RunFingerprint.of(recipe, self.processes, run.init, self.training, self.validation)
        saved = load_state(run.out, fingerprint)
        if recipe.acoustic.pooling is not None:
            _refuse_other_texts(training.utterances + validation.utterances, recipe.vocabulary)
        limit = recipe.batching.max_seconds
        if not any((utterance.duration or 0.0) <= limit for utterance in self.training):
            raise RecipeError(f"batching.max_seconds = {limit:g}: every utterance is longer")
        self.log.data(self.training, self.validation, list(dict.fromkeys(training.left_out + validation.left_out)))
        self.augmentation = Augmentation(
            recipe.augmentation,
            noises(recipe.data.noise, run.data, recipe.data.noise_split),
            voices(self.training) if recipe.augmentation.babble_probability else [],
            rooms(recipe.data.rooms, run.data),
        )
        self.spec_augment = SpecAugment(recipe.spec_augment)
        self.precision = resolve_precision(recipe.optimisation.precision, self.device)

        torch.manual_seed(recipe.optimisation.seed)
        self.model = _new_model(recipe, run.init if saved is None else None)
        if saved is None and recipe.features.normalisation == "global" and run.init is None:
            self.model.front_end.fit([(batch.waveforms, batch.lengths) for batch in self._first_batches()])
        self.model.to(self.device)
        self.average = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=recipe.optimisation.learning_rate, weight_decay=recipe.optimisation.weight_decay
        )
        self.state = saved or TrainingState(fingerprint)
        if saved is not None:
            saved.restore(self.model, self.average, self.optimiser)
            if self._is_over():
                self.log.finished(recipe.optimisation.epochs)
            else:
                self.log.resumed(saved.step, saved.epoch)
        self.log.begin(self.state.step)
        self.network: nn.Module = self.model.acoustic
        if self.processes > 1:
            self.network = DistributedDataParallel(self.model.acoustic)

    def train(self, stop: Callable[[], int] = lambda: 0) -> None:
        """Train to the end of the recipe, or until `stop` gives a signal's number.

        Raises:
            RunInterruptedError: after saving the state.
        """
        state, optimisation = self.state, self.recipe.optimisation
        saved_at = time.monotonic()
        while not self._is_over():
            steps = plan_epoch(self.training, self.recipe.batching, optimisation.seed, state.epoch, self.processes)
            left = None if optimisation.steps is None else optimisation.steps - state.step
            plan = [batches[self.rank] for batches in steps[state.step_in_epoch :]][:left]
            with self.log.epoch(state.epoch, optimisation.epochs, len(steps), state.step_in_epoch):
                for batch in self._loader(plan):
                    progress = (state.epoch + state.step_in_epoch / len(steps)) / optimisation.epochs
                    if optimisation.steps is not None:
                        progress = state.step / optimisation.steps
                    self._step(batch, progress)
                    overdue = time.monotonic() - saved_at >= optimisation.save_every_seconds
                    signal_number, due = self._agreed(stop(), int(overdue))
                    if due or signal_number:
                        self._save()
                        saved_at = time.monotonic()
                    if signal_number:
                        raise RunInterruptedError(signal_number)
            state.epoch, state.step_in_epoch = state.epoch + 1, 0
            self._validate()
            self._save()
            saved_at = time.monotonic()

    def _is_over(self) -> bool:
        state, optimisation = self.state, self.recipe.optimisation
        if optimisation.steps is None:
            return state.epoch >= optimisation.epochs
        return state.step >= optimisation.steps and state.step_in_epoch == 0  # else it is not validated yet

    def _step(self, batch: Batch, progress: float) -> None:
        state, optimisation = self.state, self.recipe.optimisation
        started = time.perf_counter()
        torch.manual_seed((optimisation.seed << 40) + (state.step << 10) + self.rank)
        self.model.train()
        rate = optimisation.learning_rate * one_cycle(progress, optimisation.warmup_share)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        is_warming_up = self.augmentation.strength(state.epoch) < 1
        with torch.no_grad():
            features, frames = self.model.front_end(
                batch.waveforms.to(self.device),
                batch.lengths.to(self.device),
                None if is_warming_up else self.spec_augment,
            )
        watched = state.step % WATCHED_STEPS == 0 and self.rank == 0
        early_share = optimisation.intermediate_loss_share
        with norms_by_step(self.model.acoustic, enabled=watched) as by_step:
            with (
                torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16),
                middle_of(self.model.acoustic, enabled=early_share > 0) as middle,
            ):
                log_probs, steps = self.network(features, frames)
                early = [early_log_probs(self.model.acoustic, sequences) for sequences in middle]
            if self.recipe.acoustic.pooling is None:
                sound = batch.sound.to(self.device)
                loss = ctc_loss(log_probs, steps, batch.texts, sound)
                if early:
                    loss = (1 - early_share) * loss + early_share * ctc_loss(early[0], steps, batch.texts, sound)
                loss = smoothed(loss, log_probs, steps, optimisation.label_smoothing)
            else:
                loss = classification_loss(log_probs, batch.texts, self.recipe.vocabulary)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        by_layer = norms_by_layer(self.model.acoustic) if watched else {}
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), optimisation.max_grad_norm)
        if torch.isfinite(norm):  # the same in every process, as the gradients are
            self.optimiser.step()
            _move_average(self.average, self.model, min(optimisation.ema_decay, (1 + state.step) / (10 + state.step)))
        state.step += 1
        state.step_in_epoch += 1
        if watched:
            self.log.gradients(state.step, by_layer, by_step)
        self.log.step(
            state.step,
            loss=loss.item(),
            learning_rate=rate,
            gradient_norm=norm.item(),
            gradient_scale=min(1.0, optimisation.max_grad_norm / max(norm.item(), 1e-12)),
            audio_seconds=self.processes * int(batch.lengths.sum()) / SAMPLE_RATE,
            seconds=time.perf_counter() - started,
            broken=batch.broken,
        )

    def _validate(self) -> None:
        state = self.state
        if self.rank == 0:
            recognised = recognise_words(Recognizer(TorchRuntime(self.average, self.device)), self.validation)
            config = self.model.config.model_copy(update={"confidence": fit_word_confidence(recognised)})
            measured = accuracy_of(recognised)
            by_corpus = accuracy_by(recognised, lambda utterance: self.corpus_of[utterance])
            self.log.validation(state.step, state.epoch, measured, by_corpus)
            card = training_card(self.recipe, measured, self.run.init)
            save_checkpoint(self.run.out / "last", self.average, card, config=config)
            if state.best is None or measured.word_error_rate < state.best:
                state.best = measured.word_error_rate
                save_checkpoint(self.run.out / "best", self.average, card, config=config)
        if self.processes > 1:
            dist.barrier()

    def _save(self) -> None:
        if self.rank == 0:
            self.log.flush()  # first: what the log has too much is dropped when a run resumes
            save_state(self.run.out, self.state, self.model, self.average, self.optimiser)

    def _agreed(self, *flags: int) -> list[int]:
        """Return the highest value that any process has for each flag, so that all processes do the same."""
        if self.processes == 1:
            return list(flags)
        together = torch.tensor(flags, device=self.device)
        dist.all_reduce(together, op=dist.ReduceOp.MAX)
        return [int(flag) for flag in together]

    def _first_batches(self) -> Iterator[Batch]:
        seed = self.recipe.optimisation.seed
        steps = plan_epoch(self.training, self.recipe.batching, seed, epoch=0)[:STATISTICS_STEPS]
        return iter(self._loader([batches[0] for batches in steps]))

    def _loader(self, plan: Sequence[Sequence[ExampleSpec]]) -> DataLoader[Batch]:
        batches = TrainingBatches(self.training, plan, self.recipe.batching, self.augmentation)
        return DataLoader(batches, batch_size=None, num_workers=self.recipe.optimisation.workers)


def work(run: Run, device: str, stop: Callable[[], int]) -> None:
    """Train in this process, while no other run may write the same folder."""
    rank, processes = rank_and_processes()
    with run_lock(run.out, stop) if rank == 0 else nullcontext():
        if processes > 1:
            dist.barrier()  # no process reads the state before the first one has the folder
        Trainer(run, device).train(stop)


def _new_model(recipe: Recipe, init: str | None) -> Model:
    config = ModelConfig(
        name=recipe.name,
        description=recipe.description,
        features=recipe.features,
        acoustic=recipe.acoustic,
        vocabulary=recipe.vocabulary,
    )
    model = Model(config)
    if init is not None:
        given = load_checkpoint(init)
        if _kind(given.config) != _kind(config):
            raise ModelMismatchError(
                f"model {init!r} is {_kind(given.config)}, and the recipe's {_kind(config)}: start from another model"
            )
        for part in ("features", "acoustic"):
            ours, theirs = getattr(config, part).model_dump(), getattr(given.config, part).model_dump()
            different = [
                f"{part}.{key} = {theirs[key]}" for key in ours if ours[key] != theirs[key] and key != "dropout"
            ]
            if different:
                raise ModelMismatchError(
                    f"model {init!r} has another shape than the recipe; set {', '.join(different)}"
                )
        model.load_state_dict(given.state_dict())
    return model


def _kind(config: ModelConfig) -> str:
    if config.acoustic.pooling is None:
        return "one that writes letters"
    return f"a classifier (acoustic.pooling) of {', '.join(config.vocabulary)}"


def _move_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for mean, now in zip(average.parameters(), model.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)


def _refuse_other_texts(utterances: Sequence[Utterance], vocabulary: Sequence[str]) -> None:
    classes = classes_of(vocabulary)
    for utterance in utterances:
        if utterance.text not in classes:
            raise DataError(
                f"{utterance.path}: {utterance.text!r} is no word of the vocabulary, and a classifier knows nothing "
                "else. Set only_vocabulary or other_speech for its corpus"
            )
