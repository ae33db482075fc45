"""The live stream of the page, spoken to as a browser speaks to it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from oyez.app.web.choice import Choice
from oyez.app.web.live import PATH, Limits, LiveStreams
from oyez.data.audio import SAMPLE_RATE, Waveform, read_audio
from oyez.models.streaming import StreamingRecognizer

CHUNK = SAMPLE_RATE // 10


@pytest.fixture
def speech(spoken: Path) -> Waveform:
    """ "left right stop", with a second of silence on either side."""
    return np.pad(read_audio(spoken / "left_right_stop.flac"), (SAMPLE_RATE, SAMPLE_RATE))


@pytest.fixture
def streams() -> LiveStreams:
    return LiveStreams(Choice("commands", any_folder=False))


@contextmanager
def connected(streams: LiveStreams, query: str = "rate=16000", **headers: str) -> Iterator[WebSocketTestSession]:
    client = TestClient(Starlette(routes=[WebSocketRoute(PATH, streams.serve)]))
    with client.websocket_connect(f"{PATH}?{query}", headers=headers) as session:
        yield session


def speak(session: WebSocketTestSession, waveform: Waveform, chunk: int = CHUNK) -> None:
    samples = (waveform * 32767).astype("<i2")
    for start in range(0, len(samples), chunk):
        session.send_bytes(samples[start : start + chunk].tobytes())


def until(session: WebSocketTestSession, event: str) -> list[dict[str, Any]]:
    """Receive up to the first event of this kind."""
    received: list[dict[str, Any]] = []
    while not received or received[-1]["event"] != event:
        received.append(session.receive_json())
    return received


def wait_for(condition: Any) -> bool:
    patience = time.monotonic() + 30
    while not condition() and time.monotonic() < patience:
        time.sleep(0.01)
    return bool(condition())


def test_what_is_said_comes_back_as_events(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams) as session:
        speak(session, speech)
        events = until(session, "final")
        assert events[0]["event"] == "speech"
        assert events[-1]["text"] == "left right stop"
        assert 0.9 < events[-1]["start"] < 1.5


def test_sound_at_the_rate_of_the_browser_is_the_same_sound(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams, "rate=48000") as session:
        speak(session, np.repeat(speech, 3), 3 * CHUNK)
        assert until(session, "final")[-1]["text"] == "left right stop"


def test_stop_tells_what_was_still_being_said(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams) as session:
        speak(session, speech[: -int(1.3 * SAMPLE_RATE)])
        session.send_text("stop")
        events = until(session, "stopped")
        assert [event["text"] for event in events if event["event"] == "final"] == ["left right stop"]
        assert events[-1]["text"] == ""
        speak(session, speech)  # what comes after the end is not listened to
        session.send_text("picture")
        assert session.receive_json()["event"] == "picture"


def test_picture_of_the_last_utterance_is_drawn_on_demand(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams) as session:
        session.send_text("picture")
        assert session.receive_json() == {"event": "picture", "svg": ""}
        speak(session, speech)
        until(session, "final")
        session.send_text("picture")
        svg = until(session, "picture")[-1]["svg"]
        assert svg.startswith("<svg")
        assert all(f">{word}</text>" in svg for word in ("left", "right", "stop"))


def test_silence_brings_nothing(streams: LiveStreams) -> None:
    with connected(streams) as session:
        speak(session, np.zeros(3 * SAMPLE_RATE, np.float32))
        session.send_text("stop")
        assert until(session, "stopped") == [{"event": "stopped", "text": ""}]


def test_visitors_do_not_hear_each_other(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams) as one, connected(streams) as other:
        speak(one, speech)
        assert until(one, "final")[-1]["text"] == "left right stop"
        speak(other, np.zeros(SAMPLE_RATE, np.float32))
        other.send_text("stop")
        assert other.receive_json() == {"event": "stopped", "text": ""}


def test_nothing_of_a_visitor_is_left_when_the_tab_is_closed(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams) as session:
        speak(session, speech[: 2 * SAMPLE_RATE])
        assert session.receive_json()["event"] == "speech"
        assert streams.listening == 1
    assert wait_for(lambda: not streams._conversations)
    assert streams.listening == 0


def test_recording_that_is_stopped_makes_room_for_another(speech: Waveform) -> None:
    streams = LiveStreams(Choice("commands", any_folder=False), Limits(listeners=1))
    with connected(streams) as first:
        speak(first, speech[:CHUNK])
        assert wait_for(lambda: streams.listening == 1)
        with connected(streams) as second:
            assert second.receive_json() == {
                "event": "error",
                "text": "1 people are speaking at this moment. Try again a little later.",
            }
            with pytest.raises(WebSocketDisconnect):
                second.receive_json()
        first.send_text("stop")
        until(first, "stopped")
        with connected(streams) as third:
            speak(third, speech)
            assert until(third, "final")[-1]["text"] == "left right stop"


def test_recording_ends_at_its_time_limit_with_all_that_was_said(speech: Waveform) -> None:
    streams = LiveStreams(Choice("commands", any_folder=False), Limits(longest=2.9))
    with connected(streams) as session:
        speak(session, speech)
        events = until(session, "stopped")
        assert "Press Record to go on" in events[-1]["text"]
        assert events[-2]["text"].startswith("left right")
        assert streams.listening == 0


def test_visitor_who_says_nothing_more_is_let_go() -> None:
    streams = LiveStreams(Choice("commands", any_folder=False), Limits(idle=0.05))
    with connected(streams) as session, pytest.raises(WebSocketDisconnect):
        session.receive_json()
    assert wait_for(lambda: not streams._conversations)


def test_sound_that_came_while_there_was_work_is_worked_off_together(
    streams: LiveStreams, speech: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, may_work, taken = StreamingRecognizer.accept, threading.Event(), []

    def slow(self: StreamingRecognizer, samples: Any) -> Any:
        taken.append(len(samples))
        may_work.wait(30)
        return accept(self, samples)

    monkeypatch.setattr(StreamingRecognizer, "accept", slow)
    with connected(streams) as session:
        speak(session, speech)
        assert wait_for(lambda: taken)
        time.sleep(0.3)  # the rest has come meanwhile
        may_work.set()
        assert until(session, "final")[-1]["text"] == "left right stop"
        assert sum(taken) == len(speech)
        assert len(taken) < len(speech) / CHUNK / 2


def test_machine_that_cannot_keep_up_says_so(speech: Waveform, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = LiveStreams(Choice("commands", any_folder=False), Limits(backlog=1.0))
    may_work = threading.Event()
    monkeypatch.setattr(StreamingRecognizer, "accept", lambda *_: may_work.wait(30) and [])
    with connected(streams) as session:
        speak(session, speech)
        time.sleep(0.3)
        may_work.set()
        assert "too busy" in until(session, "error")[-1]["text"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("rate=16000&model=nonsense", "no model 'nonsense'"),
        ("rate=16000&model=/tmp", "no model '/tmp' here"),
        ("rate=12", "sample rate 12 Hz"),
        ("", "what cannot be"),
        ("rate=fast", "what cannot be"),
        ("rate=16000&sensitivity=2", "what cannot be"),
    ],
)
def test_request_that_cannot_be_served_is_told(streams: LiveStreams, query: str, reason: str) -> None:
    with connected(streams, query) as session:
        assert reason in session.receive_json()["text"]
        with pytest.raises(WebSocketDisconnect):
            session.receive_json()
    assert streams.listening == 0


def test_odd_messages_do_no_harm(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams) as session:
        session.send_bytes(b"")
        session.send_text("sing")
        session.send_bytes(b"\x01")
        speak(session, speech)
        assert until(session, "final")[-1]["text"] == "left right stop"


def test_page_of_another_site_is_not_served(streams: LiveStreams) -> None:
    with connected(streams, origin="http://testserver") as session:
        session.send_text("stop")
        assert session.receive_json()["event"] == "stopped"
    with pytest.raises(WebSocketDisconnect), connected(streams, origin="http://elsewhere.example"):
        pass


def test_settings_of_the_visitor_are_heeded(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams, "rate=16000&closing_silence=3.0") as session:
        speak(session, np.concatenate([speech, speech]))
        session.send_text("stop")
        finals = [event["text"] for event in until(session, "stopped") if event["event"] == "final"]
    assert finals == ["left right stop left right stop"]


def test_work_does_not_keep_the_server_from_others(
    streams: LiveStreams, speech: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops: list[bool] = []  # whether the thread that works is one that serves

    def accept(self: StreamingRecognizer, samples: Any) -> list[Any]:
        try:
            loops.append(asyncio.get_running_loop() is not None)
        except RuntimeError:
            loops.append(False)
        return []

    monkeypatch.setattr(StreamingRecognizer, "accept", accept)
    with connected(streams) as session:
        speak(session, speech[:CHUNK])
        session.send_text("stop")
        until(session, "stopped")
    assert loops == [False]


def test_commands_of_a_file_are_heard_and_the_rest_refused(streams: LiveStreams, speech: Waveform) -> None:
    with connected(streams, "rate=16000&commands=") as session:
        session.send_text("intents:\n  Turn: {data: [{sentences: ['left {next:then} stop']}]}\nlists:\n"
                          "  next: {values: [left, right]}\n")  # fmt: skip
        speak(session, speech)
        [*_, final] = until(session, "final")
        assert (final["command"], final["slots"], final["text"]) == ("Turn", {"then": "right"}, "left right stop")
        session.send_text("stop")
        until(session, "stopped")
        session.send_text("picture")
        assert "<svg" in until(session, "picture")[-1]["svg"]
    with connected(streams, "rate=16000&commands=") as session:
        session.send_text("yes\nno\n")
        speak(session, speech)
        [*_, final] = until(session, "final")
        assert final["command"] is None
        assert final["rejection"]["code"] == "no_match"


def test_a_command_may_follow_the_wake_phrase_of_the_file(streams: LiveStreams, speech: Waveform, spoken: Path) -> None:
    word = np.pad(read_audio(spoken / "yes.flac"), SAMPLE_RATE)
    with connected(streams, "rate=16000&commands=") as session:
        session.send_text("intents:\n  Agree: {data: [{sentences: ['yes']}]}\noyez: {wake: left right stop}\n")
        speak(session, np.concatenate([word, speech, word]))
        [*_, unwoken] = until(session, "final")
        [*_, call] = until(session, "wake")
        [*_, woken] = until(session, "final")
    assert (unwoken["command"], unwoken["rejection"]["code"]) == (None, "not_woken")
    assert call["text"] == "left right stop"
    assert (woken["command"], woken["text"]) == ("Agree", "yes")


def test_a_wrong_commands_file_is_told(streams: LiveStreams) -> None:
    with connected(streams, "rate=16000&commands=") as session:
        session.send_text("go 🙂")
        [told] = until(session, "error")
        assert "The commands file cannot be used" in told["text"]
        assert "🙂" in told["text"]
