"""bfloat16 hears what float32 hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from oyez.data.audio import read_audio
from oyez.data.manifest import read_manifest
from oyez.models.precision import resolve_precision
from oyez.models.recognizer import Recognizer


@pytest.mark.parametrize(("wanted", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_precision_that_is_named_is_taken_on_any_processor(wanted, dtype) -> None:
    assert resolve_precision(wanted, torch.device("cpu")) == dtype


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [({}, torch.float32), ({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16)],
)
def test_bfloat16_is_chosen_where_the_processor_is_made_for_it(
    capabilities: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert resolve_precision("auto", torch.device("cpu")) == dtype


@pytest.mark.parametrize("model", ["commands", "english"])
def test_the_texts_are_the_same_and_the_probabilities_near(model: str, spoken: Path) -> None:
    waveforms = [read_audio(utterance.path) for utterance in read_manifest(spoken / "manifest.jsonl")]
    exact, rounded = (Recognizer.load(model, precision=each) for each in ("float32", "bfloat16"))
    for a, b in zip(exact.log_probs(waveforms), rounded.log_probs(waveforms), strict=True):
        assert b.dtype == np.float32
        assert not np.array_equal(a, b)  # it was computed in another way
        assert np.abs(np.exp(a) - np.exp(b)).max() < 0.15
    texts = [[transcript.text for transcript in each.transcribe(waveforms)] for each in (exact, rounded)]
    assert texts[0] == texts[1]
