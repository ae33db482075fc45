"""`oyez listen` on a real sound server: a clip is played into a loudspeaker whose monitor is the microphone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from oyez.app.listen.microphone import MicrophoneError, devices
from oyez.data.corpora.recordings import utterances

MISSING = [program for program in ("pulseaudio", "paplay", "pactl") if shutil.which(program) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not on this system: {', '.join(MISSING)} (Debian: pulseaudio-utils)"),
]


@pytest.fixture
def sound_server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """PulseAudio of this test's own, with one sink that goes nowhere; gives the environment that leads to it."""
    (tmp_path / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    socket = tmp_path / "native"
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PULSE_SERVER": f"unix:{socket}",
    }
    modules = [
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
        "module-null-sink sink_name=speaker rate=16000",
    ]
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
    command += [f"--load={module}" for module in modules]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        while not socket.exists() and server.poll() is None:
            time.sleep(0.05)
        if server.poll() is not None:
            pytest.skip("PulseAudio does not start here")
        yield environment
        server.terminate()


@pytest.fixture
def clip(spoken: Path, tmp_path: Path) -> Path:
    """A clip of "left right stop" with silence on either side."""
    samples, rate = soundfile.read(spoken / "left_right_stop.flac")
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.pad(samples, (rate // 2, rate)), rate)
    return path


@contextmanager
def listening(environment: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `oyez listen` until it listens."""
    try:
        devices()
    except MicrophoneError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "oyez", "listen", "--format", "jsonl", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as listener:
        said = message(listener, "listening to", "cannot be opened")
        if "cannot be opened" in said:
            listener.kill()
            pytest.skip(f"PortAudio does not reach PulseAudio here (Debian: libasound2-plugins): {said}")
        try:
            yield listener
        finally:
            listener.kill()


def message(listener: subprocess.Popen[str], *parts: str) -> str:
    """Wait for a message that holds one of these; ALSA talks a lot besides."""
    assert listener.stderr is not None
    said = ""
    for said in listener.stderr:
        if any(part in said for part in parts):
            break
    return said


def played(environment: dict[str, str], clip: Path, listener: subprocess.Popen[str]) -> dict[str, Any]:
    """Play a clip and return the final that comes of it."""
    subprocess.run(["paplay", "--device=speaker", str(clip)], env=environment, check=True, timeout=60)
    assert listener.stdout is not None
    return next(event for event in map(json.loads, listener.stdout) if event["event"] == "final")


def test_a_clip_played_into_the_room_is_heard_and_kept(
    sound_server: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    with listening(sound_server, "--save", str(tmp_path / "heard")) as listener:
        assert played(sound_server, clip, listener)["text"] == "left right stop"
        listener.send_signal(signal.SIGINT)
        _, messages = listener.communicate(timeout=60)
    assert listener.returncode == 0
    assert "1 results; real-time factor" in messages
    assert "Traceback" not in messages
    [kept] = utterances(tmp_path / "heard")
    assert kept.text == "left right stop"
    assert kept.path.is_file()


def test_a_microphone_that_is_unplugged_and_back_is_heard_again(sound_server: dict[str, str], clip: Path) -> None:
    def pactl(*arguments: str) -> None:
        subprocess.run(["pactl", *arguments], env=sound_server, check=True, timeout=60, stdout=subprocess.DEVNULL)

    with listening(sound_server) as listener:
        before = played(sound_server, clip, listener)
        pactl("unload-module", "module-null-sink")
        assert "gives no sound any more" in message(listener, "gives no sound any more")
        pactl("load-module", "module-null-sink", "sink_name=speaker", "rate=16000")
        assert "is back" in message(listener, "is back")
        after = played(sound_server, clip, listener)
        listener.send_signal(signal.SIGINT)
        _, messages = listener.communicate(timeout=60)
    assert (before["text"], after["text"]) == ("left right stop", "left right stop")
    assert after["start"] > before["end"] + 1  # time went on while it was away
    assert listener.returncode == 0
    assert "2 results" in messages
