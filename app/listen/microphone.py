"""The microphone, by sounddevice (PortAudio)."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from oyez.app.listen.sources import CHUNK_SECONDS
from oyez.data.audio import SAMPLE_RATE, Mixer, StreamResampler, Waveform

_LOST_AFTER = 3.0  # seconds without a single chunk after which the device counts as gone; sound servers pause for one
_RETRY_EVERY = 0.5  # seconds between two looks whether it is back
# what devices record in, likeliest first: rates in Hz, channels, types of samples; some take one combination only
_RATES = (48_000, 44_100, 32_000, 96_000, 22_050, 8_000)
_CHANNELS = (2, 1, 4, 6, 8)
_TYPES = ("float32", "int16", "int32")


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
    """An open microphone: a context manager that gives chunks of mono sound as they come, without end.

    The callback of the sound card only copies into a queue; nothing is lost while somebody works on a chunk. A device
    that is unplugged is waited for; until it is back it gives silence, so that time goes on and what was being said
    comes to its end.

    Attributes:
        rate: of the samples, in Hz: always 16 kHz, resampled where the device does not offer it.
        name: of the device.
        overflows: how often the system lost sound before it reached this program.
    """

    rate = SAMPLE_RATE

    def __init__(
        self,
        device: str | int | None = None,
        notice: Callable[[str], None] = lambda _: None,
        channel: int | None = None,
    ) -> None:
        """Open a device by its number, a part of its name, or None for the system's choice.

        Args:
            device: see above.
            notice: takes in words what the user should know: sound was lost, the device is gone, it is back.
            channel: take this one, counted from 0, alone; None mixes those that the device is opened with.

        Raises:
            MicrophoneError: PortAudio is missing, or there is no such device or channel, or it cannot be opened.
        """
        is_number = isinstance(device, str) and device.isascii() and device.isdigit()
        self._device = int(device) if is_number and device is not None else device
        self._notice = notice
        self._channel = channel
        self.overflows = 0
        self.name = ""
        self._open()

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[Waveform]:
        """Give chunks, shape (samples,)."""
        told = 0
        while True:
            try:
                chunk = self._queue.get(timeout=_LOST_AFTER)
            except queue.Empty:
                yield from self._silence_until_back()
                continue
            if self.overflows and not told:
                told = self.overflows
                self._notice("sound was lost before it got here: is the machine busy?")
            yield self._resample(chunk)

    def _open(self) -> None:
        sounddevice = _sounddevice()
        chunks: queue.SimpleQueue[npt.NDArray[Any]] = queue.SimpleQueue()

        def take(samples: npt.NDArray[Any], _: int, __: Any, status: Any) -> None:
            self.overflows += bool(status.input_overflow)
            chunks.put(samples.copy())

        try:
            info = sounddevice.query_devices(self._device, "input")
            if isinstance(self._device, int) and self.name not in ("", info["name"]):
                raise ValueError(f"number {self._device} is {info['name']!r} now")  # numbers move up when one is gone
            if self._channel is not None and self._channel >= info["max_input_channels"]:
                raise ValueError(f"channel {self._channel + 1} of {info['max_input_channels']}")
            rate, channels, kind = _offered(sounddevice, self._device, info, self._channel)
            self._stream = sounddevice.InputStream(
                samplerate=rate,
                blocksize=round(rate * CHUNK_SECONDS),
                device=self._device,
                channels=channels,
                dtype=kind,
                callback=take,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            names = ", ".join(f"{each.number} {each.name!r}" for each in devices()) or "none"
            which = "the default microphone" if self._device is None else f"microphone {self._device!r}"
            raise MicrophoneError(f"{which} cannot be opened ({error}). There are: {names}") from error
        self.name = str(info["name"])
        mixer = Mixer(lambda warning: self._notice(f"{self.name}: {warning}"), self._channel)
        self._queue, self._resample = chunks, StreamResampler(rate, mixer)

    def _silence_until_back(self) -> Iterator[Waveform]:
        self._notice(f"{self.name} gives no sound any more; waiting for it to come back")
        told = time.monotonic() - _LOST_AFTER
        while not self._reopened():
            now = time.monotonic()
            yield np.zeros(round((now - told) * SAMPLE_RATE), np.float32)
            told = now
            time.sleep(_RETRY_EVERY)
        self._notice(f"{self.name} is back")

    def _reopened(self) -> bool:
        sounddevice = _sounddevice()
        self._stream.close(ignore_errors=True)
        try:
            # PortAudio lists the devices when it is initialised, and never again
            with suppress(sounddevice.PortAudioError):
                sounddevice._terminate()
            sounddevice._initialize()
            self._open()
        except (MicrophoneError, sounddevice.PortAudioError):
            return False
        patience = time.monotonic() + _LOST_AFTER
        while self._queue.empty() and time.monotonic() < patience:  # some open, and give no sound
            time.sleep(CHUNK_SECONDS)
        return not self._queue.empty()


def _offered(sounddevice: Any, device: str | int | None, info: Any, channel: int | None) -> tuple[int, int, str]:
    """Return a rate in Hz, a number of channels and a type of samples that the device records in."""
    own, most = int(info["default_samplerate"]), int(info["max_input_channels"])
    least = 1 if channel is None else channel + 1
    # both channels of a stereo device: nobody knows which of them the microphone is connected to
    counts = [count for count in dict.fromkeys([2 if most == 2 else 1, most, *_CHANNELS]) if least <= count <= most]
    for rate in dict.fromkeys([SAMPLE_RATE, own, *_RATES]):
        for count in counts:
            for kind in _TYPES:
                try:
                    sounddevice.check_input_settings(device, channels=count, dtype=kind, samplerate=rate)
                except sounddevice.PortAudioError:
                    continue
                return rate, count, kind
    return own, least, _TYPES[0]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise MicrophoneError(
            "PortAudio is missing, which sounddevice needs. Install it: apt install libportaudio2 (Debian, Ubuntu), "
            "dnf install portaudio (Fedora), brew install portaudio (macOS)"
        ) from error
    return sounddevice
