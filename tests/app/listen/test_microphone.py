"""The microphone, with a sound card that is made up; a real sound server is used in end_to_end/."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from oyez.app.listen import microphone
from oyez.app.listen.microphone import Microphone, MicrophoneError, devices
from oyez.data.audio import SAMPLE_RATE


class PortAudioError(Exception):
    pass


class SoundCard:
    """What sounddevice offers, with two devices; only the second one records at 16 kHz."""

    PortAudioError = PortAudioError
    default = SimpleNamespace(device=[1, 0])

    def __init__(self) -> None:
        self.listings = 0  # how often PortAudio has looked for devices
        self.plugged = True
        self.infos = [
            {"name": "Loudspeaker", "max_input_channels": 0, "default_samplerate": 48000.0},
            {"name": "Built-in", "max_input_channels": 2, "default_samplerate": 44100.0},
            {"name": "Headset", "max_input_channels": 1, "default_samplerate": 48000.0},
        ]

    def query_devices(self, device: Any = None, kind: str | None = None) -> Any:
        if kind is None:
            return self.infos
        if isinstance(device, str):
            found = [info for info in self.infos if device.lower() in str(info["name"]).lower()]
            if not found:
                raise ValueError(f"No input device matching {device!r}")
            return found[0]
        return self.infos[self.default.device[0] if device is None else device]

    def _terminate(self) -> None:
        pass

    def _initialize(self) -> None:
        self.listings += 1

    def check_input_settings(self, device: Any, **_: Any) -> None:
        if self.query_devices(device, "input")["name"] != "Headset":
            raise PortAudioError("Invalid sample rate")

    def InputStream(self, callback: Any, **settings: Any) -> Any:  # sounddevice's name
        if not self.plugged:
            raise PortAudioError("Device unavailable")
        self.callback, self.settings = callback, settings
        return SimpleNamespace(start=self.start, close=lambda **_: None)

    def start(self) -> None:
        pass

    def give(self, value: float, samples: int = 512, overflow: bool = False) -> None:
        self.callback(np.full((samples, 1), value, np.float32), samples, None, SimpleNamespace(input_overflow=overflow))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    card = SoundCard()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    return card


def test_only_inputs_are_listed_and_the_default_is_marked(card: SoundCard) -> None:
    assert [(d.number, d.name, d.rate, d.is_default) for d in devices()] == [
        (1, "Built-in", 44100, True),
        (2, "Headset", 48000, False),
    ]


@pytest.mark.parametrize(
    ("device", "name", "rate"), [(None, "Built-in", 44100), ("head", "Headset", 16000), ("2", "Headset", 16000)]
)
def test_a_device_is_opened_at_16_khz_or_else_at_its_own_rate(
    card: SoundCard, device: str | None, name: str, rate: int
) -> None:
    opened = Microphone(device)
    assert opened.name == name
    assert card.settings["samplerate"] == rate


def test_sound_at_another_rate_is_resampled(card: SoundCard) -> None:
    with Microphone() as opened:
        chunks = iter(opened)
        heard = []
        for _ in range(20):
            card.give(0.5, samples=4410)
            heard.append(next(chunks))
    sound = np.concatenate(heard)
    assert opened.rate == SAMPLE_RATE
    assert len(sound) == pytest.approx(2 * SAMPLE_RATE, rel=0.05)
    assert sound[SAMPLE_RATE] == pytest.approx(0.5, abs=1e-3)


def test_chunks_come_in_order_and_lost_sound_is_counted_and_told_once(card: SoundCard) -> None:
    notices: list[str] = []
    with Microphone("headset", notices.append) as opened:
        for number, overflow in enumerate([False, True, True]):
            card.give(number, samples=4, overflow=overflow)
        chunks = iter(opened)
        assert [next(chunks).tolist() for _ in range(3)] == [[0.0] * 4, [1.0] * 4, [1.0] * 4]  # 2 is beyond [-1, 1]
    assert opened.overflows == 2
    assert [notice for notice in notices if "lost" in notice] == notices != []


def test_a_buffer_that_the_sound_card_uses_again_is_copied(card: SoundCard) -> None:
    buffer = np.ones((4, 1), np.float32)
    with Microphone("headset") as opened:
        card.callback(buffer, 4, None, SimpleNamespace(input_overflow=False))
        buffer[:] = 0
        assert next(iter(opened)).tolist() == [1.0] * 4


class Picky(SoundCard):
    """A sound card that records in one way only."""

    def __init__(self, rate: int, channels: int, kind: str) -> None:
        super().__init__()
        self.only = {"samplerate": rate, "channels": channels, "dtype": kind}
        self.infos[1] = {"name": "Odd", "max_input_channels": channels, "default_samplerate": 44100.0}

    def check_input_settings(self, _: Any, **settings: Any) -> None:
        if settings != self.only:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")

    def InputStream(self, callback: Any, **settings: Any) -> Any:
        self.check_input_settings(None, **{name: settings[name] for name in self.only})
        return super().InputStream(callback, **settings)

    def speak(self, value: float, channel: int) -> None:
        samples = np.zeros((self.settings["blocksize"], self.only["channels"]), self.only["dtype"])
        is_integer = np.issubdtype(samples.dtype, np.integer)
        samples[:, channel] = value * (np.iinfo(samples.dtype).max if is_integer else 1)
        self.callback(samples, len(samples), None, SimpleNamespace(input_overflow=False))


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 16])
@pytest.mark.parametrize(("rate", "kind"), [(16_000, "float32"), (48_000, "int16"), (96_000, "int32")])
@pytest.mark.parametrize("chosen", [None, 0, -1])
def test_devices_with_any_channels_samples_and_rate_are_heard(
    monkeypatch: pytest.MonkeyPatch, channels: int, rate: int, kind: str, chosen: int | None
) -> None:
    card = Picky(rate, channels, kind)
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    channel = None if chosen is None else chosen % channels
    with Microphone(channel=channel) as opened:
        heard = []
        chunks = iter(opened)
        for _ in range(10):
            card.speak(0.5, channels - 1)
            heard.append(next(chunks))
    expected = 0.5 / channels if channel is None else 0.5 if channel == channels - 1 else 0.0
    assert np.concatenate(heard)[2000:3000] == pytest.approx(expected, abs=1e-3)


def test_a_channel_that_the_device_does_not_have_is_refused(card: SoundCard) -> None:
    with pytest.raises(MicrophoneError, match="channel 2 of 1"):
        Microphone("headset", channel=1)


@pytest.mark.parametrize("number", ["²", "٣", "1²"])
def test_signs_that_are_no_digits_are_no_number_of_a_device(card: SoundCard, number: str) -> None:
    with pytest.raises(MicrophoneError, match="cannot be opened"):
        Microphone(number)


def test_an_unknown_device_is_told_with_those_there_are(card: SoundCard) -> None:
    with pytest.raises(MicrophoneError, match=r"'trumpet' cannot be opened .*1 'Built-in', 2 'Headset'"):
        Microphone("trumpet")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_LOST_AFTER", 0.02)
    monkeypatch.setattr(microphone, "_RETRY_EVERY", 0.001)


@pytest.mark.usefixtures("impatient")
def test_an_unplugged_device_is_waited_for_in_silence(card: SoundCard, monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    with Microphone("headset", notices.append) as opened:
        chunks = iter(opened)
        card.give(0.5)
        assert next(chunks).max() == 0.5
        card.plugged = False
        away = [next(chunks) for _ in range(5)]
        assert all(not chunk.any() for chunk in away)
        assert sum(map(len, away)) >= 0.02 * SAMPLE_RATE  # time went on
        assert card.listings == 5
        card.plugged = True
        monkeypatch.setattr(card, "start", lambda: card.give(0.25))
        assert next(chunks).max() == 0.25
    assert [notice.split(";")[0] for notice in notices] == ["Headset gives no sound any more", "Headset is back"]


@pytest.mark.usefixtures("impatient")
def test_an_unplugged_device_is_not_replaced_by_the_one_that_gets_its_number(
    card: SoundCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    with Microphone(2, notices.append) as opened:
        chunks = iter(opened)
        headset = card.infos[2]
        card.infos[2] = {"name": "default", "max_input_channels": 32, "default_samplerate": 44100.0}
        monkeypatch.setattr(card, "start", lambda: card.give(0.25))
        assert not any(next(chunks).any() for _ in range(3))
        card.infos.insert(2, headset)
        assert next(chunks).max() == 0.25
    assert [notice.split(";")[0] for notice in notices] == ["Headset gives no sound any more", "Headset is back"]


@pytest.mark.usefixtures("impatient")
def test_a_device_that_opens_and_gives_nothing_is_not_back(card: SoundCard) -> None:
    notices: list[str] = []
    with Microphone("headset", notices.append) as opened:
        chunks = iter(opened)
        assert not any(next(chunks).any() for _ in range(3))
    assert len(notices) == 1


@pytest.mark.usefixtures("impatient")
def test_a_device_that_is_back_may_have_another_rate(card: SoundCard, monkeypatch: pytest.MonkeyPatch) -> None:
    with Microphone() as opened:
        chunks = iter(opened)
        card.plugged = False
        next(chunks)
        card.plugged = True
        card.infos[1]["default_samplerate"] = 32000.0
        monkeypatch.setattr(card, "start", lambda: card.give(0.25, samples=32000))
        assert len(next(chunks)) == pytest.approx(SAMPLE_RATE, rel=0.05)


def test_without_portaudio_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(MicrophoneError, match="libportaudio2"):
        Microphone()
