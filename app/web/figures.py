"""The picture of what goes on inside: the sound, what the network is given, and what it answers."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from oyez.data.alphabet import BLANK, SPACE, decode
from oyez.data.audio import HOP, SAMPLE_RATE, Waveform
from oyez.models.config import classes_of
from oyez.models.decoding.alignment import align_labels
from oyez.models.decoding.decoder import LogProbs
from oyez.models.recognizer import Recognizer
from oyez.models.types import Transcript

LONGEST_SHOWN = 12.0  # seconds; of a longer recording the beginning is drawn
_CLASSES_SHOWN = 5  # of a classifier
_COLUMNS = 1500  # a waveform is drawn with; a screen has no more
_INCHES_A_SECOND, _NARROWEST = 2.5, 9.0  # of the picture: letters need room
_INK = "#010203"  # stands for the colour of the text around the picture, be that light or dark
_SOUND, _WORD, _QUIET = "#4a8fd0", "#e8a33d", "#8a8f98"
_LETTERS = ("#d1603d", "#3f9c6c", "#8b6fc9", "#c98a1b", "#3a86c8", "#c2528b")  # readable on white and on black
# of a coefficient: far below its mean blue, near it nothing at all, far above it orange
_BELOW, _ABOVE = (0.16, 0.42, 0.72), (0.88, 0.47, 0.12)
_MFCC = LinearSegmentedColormap.from_list(
    "mfcc", [(0, (*_BELOW, 1)), (0.5, (*_BELOW, 0)), (0.5, (*_ABOVE, 0)), (1, (*_ABOVE, 1))]
)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "svg.hashsalt": "oyez",  # the same picture is the same file
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), _INK),
}

_drawing = threading.Lock()  # matplotlib's settings are those of the whole process


def inside(recognizer: Recognizer, waveform: Waveform, transcript: Transcript) -> Figure:
    """Draw a recording: waveform, MFCC, and the probability of each label at each step with the aligned text."""
    shown = waveform[: int(LONGEST_SHOWN * SAMPLE_RATE)]
    seconds = max(len(shown) / SAMPLE_RATE, 0.05)
    [log_probs] = recognizer.log_probs([shown])
    with _drawing, matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(max(_NARROWEST, _INCHES_A_SECOND * seconds), 6.6), layout="constrained")
        figure.patch.set_alpha(0)
        wave, mfcc, labels = figure.subplots(3, 1, sharex=True, height_ratios=(3, 4, 4))
        _draw_waveform(wave, shown)
        _draw_mfcc(mfcc, recognizer, shown)
        if recognizer.config.acoustic.pooling is not None:
            _draw_classes(labels, log_probs, classes_of(recognizer.config.vocabulary))
        else:
            _draw_labels(
                labels, log_probs, recognizer.decoder.decode(log_probs) if len(shown) else [], recognizer.step_seconds
            )
        for word in transcript.words:
            if word.start >= seconds:
                break
            for axes in (wave, labels):
                axes.axvspan(word.start, word.end, color=_WORD, alpha=0.18, linewidth=0, zorder=0)
            middle = (word.start + min(word.end, seconds)) / 2
            wave.text(
                middle, 0.97, word.text, transform=wave.get_xaxis_transform(), ha="center", va="top", weight="bold"
            )
        for axes in (wave, mfcc, labels):
            axes.set_xlim(0, seconds)
            axes.spines[["top", "right"]].set_visible(False)
            axes.spines[["left", "bottom"]].set_alpha(0.3)
            axes.patch.set_alpha(0)
        labels.set_xlabel("seconds")
    return figure


def as_svg(figure: Figure) -> str:
    """Return a picture to put into a page, whose lines and letters take the colour of the text around it."""
    file = io.StringIO()
    with _drawing, matplotlib.rc_context(_STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    return svg[svg.index("<svg") :].replace(_INK, "currentColor")


def envelope(waveform: Waveform) -> tuple[Waveform, Waveform, Waveform]:
    """Return times, lowest and highest samples of at most _COLUMNS pieces: all that can be seen of a waveform.

    librosa.display.waveshow draws the same, but compiles for seconds when it is first called.
    """
    size = max(1, -(-len(waveform) // _COLUMNS))
    pieces = np.pad(waveform, (0, -len(waveform) % size), mode="edge").reshape(-1, size)
    times = np.arange(len(pieces)) * size / SAMPLE_RATE
    return times.astype(np.float32), pieces.min(axis=1), pieces.max(axis=1)


def _draw_waveform(axes: Axes, waveform: Waveform) -> None:
    times, lowest, highest = envelope(waveform)
    axes.fill_between(times, lowest, highest, color=_SOUND, linewidth=0.6)
    limit = 1.5 * max(float(np.abs(waveform).max(initial=0.0)), 1e-3)
    axes.set(ylim=(-limit, limit), yticks=[])
    axes.set_title("The sound, and the words in it")


def _draw_mfcc(axes: Axes, recognizer: Recognizer, waveform: Waveform) -> None:
    coefficients = recognizer.runtime.features(waveform).T  # (frames, features) -> (features, frames)
    limit = float(np.quantile(np.abs(coefficients), 0.99)) or 1.0
    half = HOP / 2 / SAMPLE_RATE  # a frame stands around its time
    extent = (-half, coefficients.shape[1] * 2 * half - half, -0.5, len(coefficients) - 0.5)
    axes.imshow(
        coefficients, cmap=_MFCC, vmin=-limit, vmax=limit, aspect="auto", origin="lower", extent=extent,
        interpolation="nearest",
    )  # fmt: skip
    axes.set_ylabel("coefficient")
    axes.set_title(f"What the network is given: MFCC, {len(coefficients)} numbers every 10 ms")


def _draw_classes(axes: Axes, log_probs: LogProbs, classes: Sequence[str]) -> None:
    """Draw a line across the recording for each of the likeliest classes: a classifier answers once."""
    probabilities = np.exp(log_probs[0])
    for label in np.argsort(-probabilities)[:_CLASSES_SHOWN].tolist():
        probability, colour = float(probabilities[label]), _LETTERS[label % len(_LETTERS)]
        axes.axhline(probability, color=colour, linewidth=1)
        axes.annotate(
            f"{classes[label] or 'no word'} {probability:.0%}", (0.01, probability), xytext=(0, 3),
            xycoords=("axes fraction", "data"), textcoords="offset points", color=colour, weight="bold",
        )  # fmt: skip
    axes.set(ylim=(0, 1.22), yticks=[0, 0.5, 1], ylabel="probability")
    axes.set_title("What it answers: the probability of each word, once for the whole recording")


def _draw_labels(axes: Axes, log_probs: LogProbs, labels: list[int], step: float) -> None:
    """Draw a curve a label, and above the curves the letters of the text where they are aligned."""
    probabilities = np.exp(log_probs)  # (steps, labels)
    times = (np.arange(len(probabilities)) + 0.5) * step
    axes.plot(times, probabilities[:, BLANK], color=_QUIET, linewidth=0.8, linestyle=(0, (3, 2)), label="no letter")
    for label in sorted(set(labels)):
        colour = _QUIET if label == SPACE else _LETTERS[label % len(_LETTERS)]
        axes.fill_between(times, probabilities[:, label], color=colour, alpha=0.35, linewidth=0)
        axes.plot(times, probabilities[:, label], color=colour, linewidth=1)
    for span in align_labels(log_probs, labels):
        peak = span.start + int(probabilities[span.start : span.end, span.label].argmax())
        text, colour = (
            ("␣", _QUIET) if span.label == SPACE else (decode([span.label]), _LETTERS[span.label % len(_LETTERS)])
        )
        axes.annotate(
            text, (times[peak], probabilities[peak, span.label]), xytext=(0, 3), textcoords="offset points",
            ha="center", color=colour, weight="bold",
        )  # fmt: skip
    axes.set(ylim=(0, 1.22), yticks=[0, 0.5, 1], ylabel="probability")
    axes.set_title(f"What it answers: the probability of each letter, every {step * 1000:.0f} ms; dashed: no letter")
