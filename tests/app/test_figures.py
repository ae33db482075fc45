"""The pictures: nothing that can be seen of a waveform is lost by drawing its envelope."""

from __future__ import annotations

import numpy as np
import pytest

from app.figures import envelope
from data.audio import SAMPLE_RATE


@pytest.mark.parametrize("samples", [1, 1499, 1500, 1501, 123_457])
def test_the_envelope_holds_every_peak_at_its_time(samples: int) -> None:
    waveform = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    times, lowest, highest = envelope(waveform)
    assert len(times) <= 1500
    assert lowest.min() == waveform.min()
    assert highest.max() == waveform.max()
    peak = times[highest.argmax()] * SAMPLE_RATE
    assert 0 <= waveform.argmax() - peak < samples / 1500 + 1
