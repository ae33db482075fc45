from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oyez.data.audio import SAMPLE_RATE
from oyez.data.augmentation import Augmentation, AugmentationConfig
from oyez.data.batching import BatchingConfig, Example, ExampleSpec, TrainingBatches, pad, plan_epoch
from oyez.data.manifest import Utterance

UNCHANGED = Augmentation(
    AugmentationConfig(
        speed_probability=0, max_cut_seconds=0, max_silence_seconds=0, reverberation_probability=0, band_probability=0,
        noise_probability=0, gain_db=(0, 0),
    )
)  # fmt: skip
CHANGED = Augmentation(AugmentationConfig())


def listed(durations, texts="abcdefgh"):
    return [Utterance(Path(f"{n}.wav"), texts[n % len(texts)], duration=d) for n, d in enumerate(durations)]


def flat(plan):
    return [spec for step in plan for batch in step for spec in batch]


@pytest.fixture
def clips(tmp_path):
    """Six clips of 0.5 to 1 s, each constant at its own level, so that each can be recognised in a batch."""
    utterances = []
    for n in range(6):
        path, seconds = tmp_path / f"{n}.wav", 0.5 + n / 10
        soundfile.write(path, np.full(round(seconds * SAMPLE_RATE), (n + 1) / 10), SAMPLE_RATE, subtype="FLOAT")
        utterances.append(Utterance(path, f"text {n}", duration=seconds))
    return utterances


def batches_of(utterances, config, augmentation, seed=0, epoch=0):
    plan = [step[0] for step in plan_epoch(utterances, config, seed, epoch)]
    return TrainingBatches(utterances, plan, config, augmentation)


@settings(max_examples=100, deadline=None)
@given(
    durations=st.lists(st.floats(0.1, 20), min_size=1, max_size=60),
    batch_seconds=st.floats(1, 60),
    processes=st.integers(1, 5),
    epoch=st.integers(0, 3),
)
@example(durations=[1.0], batch_seconds=60, processes=5, epoch=0)
def test_a_plan_covers_what_is_usable_within_its_bounds(durations, batch_seconds, processes, epoch):
    config = BatchingConfig(batch_seconds=batch_seconds, max_seconds=16)

    plan = plan_epoch(listed(durations), config, seed=0, epoch=epoch, processes=processes)

    usable = {n for n, duration in enumerate(durations) if duration <= 16}
    specs = Counter(spec.members for spec in flat(plan))
    assert set(specs) == {(n,) for n in usable}
    assert all(len(step) == processes and all(step) for step in plan)
    for batch in (batch for step in plan for batch in step):
        longest = max(durations[spec.members[0]] for spec in batch)
        assert len(batch) == 1 or len(batch) * longest <= batch_seconds / processes + 1e-6
    if processes == 1:
        assert set(specs.values()) <= {1}


def test_a_plan_is_derived_from_seed_and_epoch_alone():
    utterances, config = (
        listed(np.linspace(0.5, 3, 50)),
        BatchingConfig(batch_seconds=8, concat_probability=0.3, noise_only_share=0.1),
    )

    def plan(seed, epoch):
        return plan_epoch(utterances, config, seed, epoch)

    assert plan(1, 2) == plan(1, 2)
    assert plan(1, 2) != plan(1, 3)
    assert plan(1, 2) != plan(2, 2)
    assert {spec.seed for spec in flat(plan(1, 2))}.isdisjoint(spec.seed for spec in flat(plan(1, 3)))


def test_no_two_examples_of_an_epoch_are_augmented_alike():
    config = BatchingConfig(min_per_text=10, noise_only_share=0.5)
    seeds = [spec.seed for spec in flat(plan_epoch(listed([1.0] * 5), config, 0, 0))]

    assert len(set(seeds)) == len(seeds)


def test_examples_of_similar_length_meet():
    durations = np.random.default_rng(0).uniform(1, 10, 3000)
    plan = plan_epoch(listed(durations), BatchingConfig(batch_seconds=60), 0, 0)

    for batch in (batch for step in plan for batch in step):
        lengths = [durations[spec.members[0]] for spec in batch]
        assert max(lengths) / min(lengths) < 1.5


def test_long_and_short_steps_are_mixed():
    durations = np.linspace(1, 10, 200)
    plan = plan_epoch(listed(durations), BatchingConfig(batch_seconds=20), 0, 0)

    lengths = [durations[step[0][0].members[0]] for step in plan]
    assert abs(np.corrcoef(np.arange(len(lengths)), lengths)[0, 1]) < 0.4


def test_rare_texts_are_repeated_and_common_ones_are_not():
    utterances = listed([1.0] * 13, texts=["often"] * 10 + ["rare", "rare", "once"])
    config = BatchingConfig(min_per_text=6)

    texts = Counter(utterances[spec.members[0]].text for spec in flat(plan_epoch(utterances, config, 0, 0)))

    assert texts == {"often": 10, "rare": 6, "once": 6}


def test_a_clip_that_is_too_long_is_not_repeated_either():
    utterances = listed([1.0, 20.0], texts=["short", "long"])

    assert {spec.members for spec in flat(plan_epoch(utterances, BatchingConfig(min_per_text=3), 0, 0))} == {(0,)}


def test_only_short_clips_are_joined():
    utterances = listed([1.0] * 20 + [5.0] * 20)

    specs = flat(plan_epoch(utterances, BatchingConfig(concat_probability=1, concat_max_seconds=2.5), 0, 0))

    assert sorted(spec.members[0] for spec in specs) == list(range(40))
    assert all(2 <= len(spec.members) <= 4 for spec in specs if spec.members[0] < 20)
    assert all(len(spec.members) == 1 for spec in specs if spec.members[0] >= 20)
    assert all(member < 20 for spec in specs for member in spec.members[1:])


def test_the_share_of_joined_clips_is_what_was_asked():
    specs = flat(plan_epoch(listed([1.0] * 1000), BatchingConfig(concat_probability=0.3), 0, 0))

    assert sum(len(spec.members) > 1 for spec in specs) / 1000 == pytest.approx(0.3, abs=0.05)


def test_noise_is_drawn_as_often_as_asked():
    specs = flat(plan_epoch(listed([1.0] * 40), BatchingConfig(noise_only_share=0.25), 0, 0))

    assert sum(spec.members == () for spec in specs) == 10
    assert len(specs) == 50


@pytest.mark.parametrize("processes", [1, 3])
def test_nothing_usable_is_an_empty_plan(processes):
    assert plan_epoch(listed([20.0]), BatchingConfig(noise_only_share=1), 0, 0, processes) == []


def test_a_batch_holds_the_clips_and_their_texts_and_zeros_behind(clips):
    batches = batches_of(clips, BatchingConfig(), UNCHANGED)

    assert len(batches) == 1
    batch = batches[0]
    assert batch.waveforms.shape == (6, SAMPLE_RATE)
    assert batch.waveforms.dtype == torch.float32
    assert batch.lengths.tolist() == [round(u.duration * SAMPLE_RATE) for u in clips]
    assert batch.texts == [u.text for u in clips]
    assert batch.broken == []
    for n, (waveform, length) in enumerate(zip(batch.waveforms, batch.lengths, strict=True)):
        assert waveform[:length].numpy() == pytest.approx((n + 1) / 10)
        assert not waveform[length:].any()


def test_offset_and_duration_are_kept_to(clips):
    part = Utterance(clips[5].path, "part", offset=0.25, duration=0.5)

    assert batches_of([part], BatchingConfig(), UNCHANGED)[0].lengths.tolist() == [SAMPLE_RATE // 2]


def test_joined_clips_stand_in_a_row_with_silence_between(clips):
    config = BatchingConfig(concat_max_gap_seconds=0.3)
    batch = TrainingBatches(clips, [[ExampleSpec((0, 2, 1), (0, 0, 0))]], config, UNCHANGED)[0]

    waveform = batch.waveforms[0].numpy()
    assert batch.texts == ["text 0 text 2 text 1"]
    assert waveform[waveform > 0] == pytest.approx(np.repeat([0.1, 0.3, 0.2], [8000, 11200, 9600]))
    assert 0 < (waveform == 0).sum() <= 2 * 0.3 * SAMPLE_RATE


def test_a_text_that_says_nothing_leaves_no_space(clips):
    silent = Utterance(clips[0].path, "")
    batch = TrainingBatches(
        [clips[0], silent, clips[1]], [[ExampleSpec((0, 1, 2), (0,))]], BatchingConfig(), UNCHANGED
    )[0]

    assert batch.texts == ["text 0 text 1"]


def test_noise_alone_has_no_text(clips):
    batch = TrainingBatches(clips, [[ExampleSpec((), (0, n)) for n in range(20)]], BatchingConfig(), UNCHANGED)[0]

    assert batch.texts == [""] * 20
    assert all(0.5 * SAMPLE_RATE <= length <= 2 * SAMPLE_RATE for length in batch.lengths)
    assert all(waveform.std() > 0.01 for waveform in batch.waveforms)


def test_a_broken_file_is_replaced_by_noise_and_named(clips):
    clips[2].path.write_bytes(b"RIFF no wave")
    clips[4].path.unlink()

    batch = batches_of(clips, BatchingConfig(), UNCHANGED)[0]

    assert sorted(batch.texts) == ["", "", "text 0", "text 1", "text 3", "text 5"]
    assert sorted(Path(line.split(":")[0]).name for line in batch.broken) == ["2.wav", "4.wav"]
    assert torch.isfinite(batch.waveforms).all()
    assert len(batch.waveforms) == 6


def test_a_broken_file_among_joined_ones_takes_only_its_own_words_away(clips):
    clips[1].path.unlink()

    batch = TrainingBatches(clips, [[ExampleSpec((1, 0, 2), (0,))]], BatchingConfig(), UNCHANGED)[0]

    assert batch.texts == ["text 0 text 2"]
    assert len(batch.broken) == 1
    assert batch.waveforms[0][0] == pytest.approx(0.1)


def test_an_epoch_entered_in_the_middle_gives_the_same_tensors(clips):
    config = BatchingConfig(batch_seconds=2, concat_probability=0.5, noise_only_share=0.5)
    utterances = [Utterance(c.path, c.text, duration=c.duration) for c in clips * 3]
    through = list(map(batches_of(utterances, config, CHANGED, seed=3, epoch=1).__getitem__, range(8)))

    plan = [step[0] for step in plan_epoch(utterances, config, 3, 1)]
    entered = TrainingBatches(utterances, plan[5:], config, CHANGED)

    for expected, batch in zip(through[5:], (entered[n] for n in range(3)), strict=True):
        assert torch.equal(batch.waveforms, expected.waveforms)
        assert torch.equal(batch.lengths, expected.lengths)
        assert batch.texts == expected.texts


def test_another_epoch_augments_a_clip_differently(clips):
    first, second = (batches_of(clips[:1], BatchingConfig(), CHANGED, epoch=epoch)[0] for epoch in (0, 1))

    assert first.waveforms.shape != second.waveforms.shape or not torch.equal(first.waveforms, second.waveforms)


def test_padding_sorts_by_length_and_keeps_texts_beside_their_clips():
    examples = [Example(np.full(n, n, np.float32), f"{n}", np.ones(n, bool)) for n in (3, 1, 2)]

    batch = pad(examples, ["a.wav: broken"])

    assert batch.waveforms.tolist() == [[1, 0, 0], [2, 2, 0], [3, 3, 3]]
    assert batch.lengths.tolist() == [1, 2, 3]
    assert batch.sound.tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert batch.texts == ["1", "2", "3"]
    assert batch.broken == ["a.wav: broken"]
