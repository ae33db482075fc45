"""The microphone, by sounddevice (PortAudio)."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from data.audio import SAMPLE_RATE

CHUNK_SECONDS = 0.05
_SILENT_FOR = 3.0  # seconds without a single chunk after which the device counts as gone


class MicrophoneError(Exception):
    """A microphone that cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Device:
    """An input device as the system names it."""

    number: int
    name: str
    rate: int  # Hz, its own
    is_default: bool


def devices() -> list[Device]:
    """List the input devices. Raises MicrophoneError if PortAudio is missing."""
    sounddevice = _sounddevice()
    default = sounddevice.default.device[0]
    return [
        Device(number, info["name"], int(info["default_samplerate"]), number == default)
        for number, info in enumerate(sounddevice.query_devices())
        if info["max_input_channels"] > 0
    ]


class Microphone:
    """An open microphone: a context manager that gives chunks of mono sound as they come.

    The callback of the sound card only copies into a queue; nothing is lost while somebody works on a chunk.

    Attributes:
        rate: of the samples, in Hz: 16 kHz where the device offers it, else the device's own.
        overflows: how often the system lost sound before it reached this program.
    """

    def __init__(self, device: str | int | None = None) -> None:
        """Open a device by its number, a part of its name, or None for the system's choice.

        Raises:
            MicrophoneError: PortAudio is missing, or there is no such device, or it cannot be opened.
        """
        sounddevice = _sounddevice()
        self.overflows = 0
        self._queue: queue.SimpleQueue[npt.NDArray[np.float32]] = queue.SimpleQueue()
        if isinstance(device, str) and device.isdigit():
            device = int(device)
        try:
            info = sounddevice.query_devices(device, "input")
            self.rate = _offered_rate(sounddevice, device, int(info["default_samplerate"]))
            self._stream = sounddevice.InputStream(
                samplerate=self.rate,
                blocksize=round(self.rate * CHUNK_SECONDS),
                device=device,
                channels=1,
                dtype="float32",
                callback=self._take,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            names = ", ".join(f"{each.number} {each.name!r}" for each in devices()) or "none"
            which = "the default microphone" if device is None else f"microphone {device!r}"
            raise MicrophoneError(f"{which} cannot be opened ({error}). There are: {names}") from error
        self.name = str(info["name"])

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        """Give chunks, shape (samples,), without end. Raises MicrophoneError when the device falls silent for good."""
        while True:
            try:
                yield self._queue.get(timeout=_SILENT_FOR)
            except queue.Empty:
                raise MicrophoneError(f"{self.name} gives no sound any more; was it unplugged?") from None

    def _take(self, samples: npt.NDArray[np.float32], _: int, __: Any, status: Any) -> None:
        self.overflows += bool(status.input_overflow)
        self._queue.put(samples[:, 0].copy())


def _offered_rate(sounddevice: Any, device: str | int | None, own: int) -> int:
    try:
        sounddevice.check_input_settings(device, channels=1, dtype="float32", samplerate=SAMPLE_RATE)
    except sounddevice.PortAudioError:
        return own
    return SAMPLE_RATE


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise MicrophoneError(
            "PortAudio is missing, which sounddevice needs. Install it: apt install libportaudio2 (Debian, Ubuntu), "
            "dnf install portaudio (Fedora), brew install portaudio (macOS)"
        ) from error
    return sounddevice
