"""Study 3 to 5: networks of equal size on the same words, looking ahead, and the inside of a trained LSTM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.audio import HOP, read_audio
from oyez.models.acoustic import AcousticModel
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.torch import TorchRuntime
from studies import activations, arrangements, cells, direction, gradients, memory, speech

FEATURES = 40


def test_networks_to_compare_have_as_many_parameters() -> None:
    settings = speech.Settings()
    for cell in ("rnn-tanh", "rnn-relu", "gru", "lstm"):
        for bidirectional in (True, False):
            config = speech.acoustic_config(settings, cell=cell, bidirectional=bidirectional)
            stack = AcousticModel(config, FEATURES).recurrent
            parameters = sum(parameter.numel() for parameter in stack.parameters())
            assert parameters == speech.recurrent_parameters(config)
            assert parameters == pytest.approx(settings.parameters, rel=0.02)


def test_clips_are_of_both_splits_normalised_and_padded(tones: Path) -> None:
    training, validation = speech.load_clips(tones, speech.SMALL)
    assert sorted(training.texts) == sorted(2 * speech.WORDS)
    assert sorted(validation.texts) == sorted(speech.WORDS)
    assert training.features.shape == (20, 61, FEATURES)
    torch.testing.assert_close(training.features.mean((0, 1)), torch.zeros(FEATURES), atol=1e-3, rtol=0)
    assert training.seconds == pytest.approx(20 * 0.6)
    assert training.sound.shape == (20, 61)
    assert training.sound[:, 15:45].all()
    assert not training.sound[:, :8].any()
    some = training.some([3, 1])
    assert some.texts == [training.texts[3], training.texts[1]]
    assert torch.equal(some.features[0], training.features[3])


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="SpeechCommands"):
        speech.load_clips(tmp_path, speech.SMALL)


def test_looking_ahead_reads_so_many_steps_more_and_none_beyond() -> None:
    torch.manual_seed(1)
    config = speech.acoustic_config(speech.SMALL, bidirectional=False)
    features, lengths = torch.randn(2, 90, FEATURES), torch.tensor([90, 60])
    at_once = direction.LookingAhead(config, FEATURES, 0).eval()
    torch.testing.assert_close(at_once(features, lengths), at_once.acoustic(features, lengths))
    ahead = direction.LookingAhead(config, FEATURES, 4).eval()
    log_probs, steps = ahead(features, lengths)
    assert steps.tolist() == [30, 20]
    assert log_probs.shape[1] >= 30
    changed = features.clone()
    changed[:, 3 * (10 + 4) + 6 + 1 :] += 5.0  # beyond what step 10 may see: 4 steps, and 6 frames of the convolutions
    other, _ = ahead(changed, lengths)
    torch.testing.assert_close(other[:, :11], log_probs[:, :11])
    assert not torch.allclose(other[0, 12], log_probs[0, 12])


def test_delay_is_from_the_end_of_the_sound_to_the_last_letter(tones: Path) -> None:
    _, clips = speech.load_clips(tones, speech.SMALL)
    end = int(clips.sound[0].nonzero()[-1]) + 1  # frames
    log_probs = []
    for text in clips.texts:
        rows = torch.full((20, LABELS), -20.0)
        rows[:, BLANK] = 0.0
        for step, label in enumerate(encode(text)):
            rows[15 - 2 * len(text) + 2 * step, label] = 5.0  # the last letter ends with step 13
        log_probs.append(rows.log_softmax(-1))
    expected = 14 * speech.STEP_SECONDS - end * HOP / 16000
    assert direction.delay(log_probs, clips, 0) == pytest.approx(expected, abs=0.011)
    assert direction.delay(log_probs, clips, 3) == pytest.approx(expected + 0.09, abs=0.011)


def test_training_with_the_same_seed_gives_the_same_losses_and_they_fall(tones: Path) -> None:
    clips = speech.load_clips(tones, speech.SMALL)
    settings = replace(speech.SMALL, epochs=12, batch=5)
    config = speech.acoustic_config(settings)

    def result() -> speech.Result:
        return speech.measure(
            "lstm", lambda: AcousticModel(config, FEATURES), clips, settings, speech.product_loss, speech.word_accuracy
        )

    first, second = result(), result()
    assert first.losses == second.losses
    assert first.accuracies == second.accuracies
    assert first.losses[-1] < 0.7 * first.losses[0]


def test_half_life_is_the_time_in_which_half_is_forgotten(spoken: Path) -> None:
    seen = activations.look_inside(Recognizer.load("commands"), read_audio(spoken / "right.flac"))
    assert seen.text == "right"
    assert "".join(chr(96 + letter.label - 2) for letter in seen.letters) == "right"
    forwards = seen.layers[0].forwards
    lives = activations.half_lives(forwards, seen.step_seconds)
    unit = int(lives.argmax())
    kept = forwards.forget_gate[0, :, unit].double().prod() ** (1 / forwards.forget_gate.shape[1])
    assert kept ** (float(lives[unit]) / seen.step_seconds) == pytest.approx(0.5, rel=1e-3)


def test_a_model_without_gates_to_show_is_refused(untrained_model: Path, spoken: Path) -> None:
    recognizer = Recognizer.load(untrained_model)
    assert isinstance(recognizer.runtime, TorchRuntime)
    acoustic = recognizer.runtime.model.acoustic
    acoustic.config = acoustic.config.model_copy(update={"pooling": "mean"})
    with pytest.raises(ValueError, match="classifier"):
        activations.look_inside(recognizer, read_audio(spoken / "right.flac"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gradients", "memory", "cells", "direction", "arrangements", "activations"])
def test_every_study_leaves_a_page_with_its_command_and_a_small_picture(
    name: str, tones: Path, tmp_path: Path, spoken: Path
) -> None:
    match name:
        case "gradients":
            gradients.command(out=tmp_path, seed=1, small=True)
        case "memory":
            memory.command(out=tmp_path, seed=1, small=True)
        case "activations":
            activations.command(clip=spoken / "stop.flac", out=tmp_path)
        case _:
            study = {"cells": cells, "direction": direction, "arrangements": arrangements}[name]
            study.command(data=tones, out=tmp_path, small=True)
    page = (tmp_path / f"{name}.md").read_text()
    assert f"python -m studies.{name}" in page
    assert "| --- |" in page
    assert f"({name}.png)" in page
    assert 2_000 < (tmp_path / f"{name}.png").stat().st_size < 100_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.md", f"{name}.png"]
