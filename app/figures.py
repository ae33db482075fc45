"""Pictures of what the model hears: the waveform with its words, and the MFCCs."""

from __future__ import annotations

import librosa.display
import numpy as np
import torch
from matplotlib.figure import Figure

from data.audio import HOP, SAMPLE_RATE, Waveform
from models.recognizer import Recognizer, Transcript

_COLUMNS = 1500  # a waveform is drawn with; a screen has no more
_LONGEST_SHOWN = 30.0  # seconds; of a longer recording the beginning is drawn


def heard(recognizer: Recognizer, waveform: Waveform, transcript: Transcript) -> Figure:
    """Draw a recording: waveform, words at their times, and the MFCCs that the network is given."""
    shown = waveform[: int(_LONGEST_SHOWN * SAMPLE_RATE)]
    seconds = len(shown) / SAMPLE_RATE
    with torch.inference_mode():
        features, _ = recognizer.model.front_end(
            torch.from_numpy(shown)[None].to(recognizer.device), torch.tensor([len(shown)], device=recognizer.device)
        )
    figure = Figure(figsize=(10, 5), layout="constrained")
    figure.suptitle("What the model hears")
    wave_axes, mfcc_axes = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    times, lowest, highest = envelope(shown)
    wave_axes.fill_between(times, lowest, highest, color="#3b6fb6", linewidth=0.6)
    limit = 1.3 * max(float(np.abs(shown).max(initial=0.0)), 1e-3)
    wave_axes.set(ylabel="waveform", xlabel="", ylim=(-limit, limit), xlim=(0, seconds))
    for word in transcript.words:
        if word.start < seconds:
            wave_axes.axvspan(word.start, word.end, color="#e8a33d", alpha=0.3, linewidth=0)
            wave_axes.text((word.start + word.end) / 2, 0.95 * limit, word.text, ha="center", va="top", clip_on=True)
    image = librosa.display.specshow(
        features[0].T.cpu().numpy(), sr=SAMPLE_RATE, hop_length=HOP, x_axis="time", ax=mfcc_axes, cmap="magma"
    )
    mfcc_axes.set(ylabel="MFCC", xlabel="seconds", xlim=(0, seconds))
    figure.colorbar(image, ax=mfcc_axes, pad=0.01, label="normalised")
    return figure


def envelope(waveform: Waveform) -> tuple[Waveform, Waveform, Waveform]:
    """Return times, lowest and highest samples of at most _COLUMNS pieces: all that can be seen of a waveform.

    librosa.display.waveshow draws the same, but compiles for seconds when it is first called.
    """
    size = max(1, -(-len(waveform) // _COLUMNS))
    pieces = np.pad(waveform, (0, -len(waveform) % size), mode="edge").reshape(-1, size)
    times = np.arange(len(pieces)) * size / SAMPLE_RATE
    return times.astype(np.float32), pieces.min(axis=1), pieces.max(axis=1)
