"""The pictures: nothing that can be seen of a sound is lost, and they are readable on any background."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from oyez.app.web.figures import LONGEST_SHOWN, as_svg, envelope, inside
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.config import AcousticConfig, FeatureConfig, ModelConfig
from oyez.models.network import Model
from oyez.models.recognizer import Recognizer
from oyez.models.runtime.torch import TorchRuntime


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load("commands")


@pytest.fixture
def clip(spoken: Path) -> Waveform:
    return read_audio(spoken / "left_right_stop.flac")


@pytest.mark.parametrize("samples", [1, 1499, 1500, 1501, 123_457])
def test_the_envelope_holds_every_peak_at_its_time(samples: int) -> None:
    waveform = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    times, lowest, highest = envelope(waveform)
    assert len(times) <= 1500
    assert lowest.min() == waveform.min()
    assert highest.max() == waveform.max()
    peak = times[highest.argmax()] * SAMPLE_RATE
    assert 0 <= waveform.argmax() - peak < samples / 1500 + 1


def test_letters_stand_at_their_times_in_the_order_of_the_text(recognizer: Recognizer, clip: Waveform) -> None:
    [transcript] = recognizer.transcribe([clip])
    labels = inside(recognizer, clip, transcript).axes[2]
    letters = [(text.xy[0], text.get_text()) for text in labels.texts]
    assert "".join(letter for _, letter in letters) == "left␣right␣stop"
    assert letters == sorted(letters, key=lambda each: each[0])
    for word, start in zip(transcript.words, (0, 5, 11), strict=True):
        inner = [time for time, _ in letters[start : start + len(word.text)]]
        assert word.start <= inner[0] <= inner[-1] <= word.end + recognizer.step_seconds


def test_words_are_shaded_where_they_are(recognizer: Recognizer, clip: Waveform) -> None:
    [transcript] = recognizer.transcribe([clip])
    wave = inside(recognizer, clip, transcript).axes[0]
    assert [text.get_text() for text in wave.texts] == ["left", "right", "stop"]
    for text, word in zip(wave.texts, transcript.words, strict=True):
        assert word.start < text.get_position()[0] < word.end


def test_probabilities_are_those_of_the_network(recognizer: Recognizer, clip: Waveform) -> None:
    [transcript] = recognizer.transcribe([clip])
    [log_probs] = recognizer.log_probs([clip])
    blank = inside(recognizer, clip, transcript).axes[2].lines[0]
    np.testing.assert_allclose(blank.get_ydata(), np.exp(log_probs[:, 0]), atol=1e-6)


def test_of_a_classifier_the_likeliest_words_are_shown(clip: Waveform) -> None:
    torch.manual_seed(5)
    config = ModelConfig(
        name="classifier",
        vocabulary=("left", "right", "stop"),
        features=FeatureConfig(coefficients=13, normalisation="utterance"),
        acoustic=AcousticConfig(channels=8, width=8, layers=1, pooling="mean"),
    )
    recognizer = Recognizer(TorchRuntime(Model(config)))
    [transcript] = recognizer.transcribe([clip])
    shown = [text.get_text() for text in inside(recognizer, clip, transcript).axes[2].texts]
    assert sorted(text.rsplit(" ", 1)[0] for text in shown) == ["left", "no word", "right", "stop"]
    shares = [int(text.rsplit(" ", 1)[1].rstrip("%")) for text in shown]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("samples", [0, 1, 200, 3000])
def test_hardly_any_sound_has_a_picture_too(recognizer: Recognizer, samples: int) -> None:
    waveform = np.full(samples, 0.1, np.float32)
    [transcript] = recognizer.transcribe([waveform])
    assert as_svg(inside(recognizer, waveform, transcript)).startswith("<svg")


def test_of_a_long_recording_the_beginning_is_drawn(recognizer: Recognizer, clip: Waveform) -> None:
    long = np.tile(clip, 8)
    [transcript] = recognizer.transcribe([long])
    figure = inside(recognizer, long, transcript)
    assert figure.axes[0].get_xlim() == (0, LONGEST_SHOWN)
    assert len(figure.axes[0].texts) == sum(word.start < LONGEST_SHOWN for word in transcript.words)


def test_ink_takes_the_colour_of_the_page_and_text_stays_text(recognizer: Recognizer, clip: Waveform) -> None:
    [transcript] = recognizer.transcribe([clip])
    svg = as_svg(inside(recognizer, clip, transcript))
    assert "currentColor" in svg
    assert "#000000" not in svg
    assert "#ffffff" not in svg
    assert ">stop</text>" in svg


def test_pictures_that_are_drawn_at_once_do_not_mix(recognizer: Recognizer, clip: Waveform) -> None:
    [transcript] = recognizer.transcribe([clip])
    before = dict(matplotlib.rcParams)
    alone = as_svg(inside(recognizer, clip, transcript))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: as_svg(inside(recognizer, clip, transcript)), range(4)))
    assert together == [alone] * 4
    assert dict(matplotlib.rcParams) == before
