"""The microphone, with a sound card that is made up; a real sound server is used in end_to_end/."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app import microphone
from app.microphone import Microphone, MicrophoneError, devices


class PortAudioError(Exception):
    pass


class SoundCard:
    """What sounddevice offers, with two devices; only the second one records at 16 kHz."""

    PortAudioError = PortAudioError
    default = SimpleNamespace(device=[1, 0])

    def __init__(self) -> None:
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

    def check_input_settings(self, device: Any, **_: Any) -> None:
        if self.query_devices(device, "input")["name"] != "Headset":
            raise PortAudioError("Invalid sample rate")

    def InputStream(self, callback: Any, **settings: Any) -> Any:  # sounddevice's name
        self.callback, self.settings = callback, settings
        return SimpleNamespace(start=lambda: None, close=lambda: None)


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
    assert (opened.name, opened.rate) == (name, rate)
    assert card.settings["samplerate"] == rate


def test_chunks_come_in_order_and_lost_sound_is_counted(card: SoundCard) -> None:
    with Microphone("headset") as opened:
        for number, overflow in enumerate([False, True, True]):
            card.callback(np.full((4, 1), number, np.float32), 4, None, SimpleNamespace(input_overflow=overflow))
        chunks = iter(opened)
        assert [next(chunks).tolist() for _ in range(3)] == [[0.0] * 4, [1.0] * 4, [2.0] * 4]
    assert opened.overflows == 2


def test_a_buffer_that_the_sound_card_uses_again_is_copied(card: SoundCard) -> None:
    buffer = np.ones((4, 1), np.float32)
    with Microphone("headset") as opened:
        card.callback(buffer, 4, None, SimpleNamespace(input_overflow=False))
        buffer[:] = 0
        assert next(iter(opened)).tolist() == [1.0] * 4


def test_an_unknown_device_is_told_with_those_there_are(card: SoundCard) -> None:
    with pytest.raises(MicrophoneError, match=r"'trumpet' cannot be opened .*1 'Built-in', 2 'Headset'"):
        Microphone("trumpet")


def test_a_device_that_went_away_is_told(card: SoundCard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_SILENT_FOR", 0.01)
    with Microphone("headset") as opened, pytest.raises(MicrophoneError, match=r"Headset.*unplugged\?"):
        next(iter(opened))


def test_without_portaudio_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(MicrophoneError, match="libportaudio2"):
        Microphone()
