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
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.microphone import MicrophoneError, devices

MISSING = [program for program in ("pulseaudio", "paplay") if shutil.which(program) is None]

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


def test_a_clip_played_into_the_room_is_heard(sound_server: dict[str, str], spoken: Path, tmp_path: Path) -> None:
    try:
        devices()
    except MicrophoneError as error:
        pytest.skip(str(error))
    samples, rate = soundfile.read(spoken / "left_right_stop.flac")
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, np.pad(samples, (rate // 2, rate)), rate)
    command = [sys.executable, "-m", "app.cli", "listen", "--format", "jsonl"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=sound_server, **pipes) as listener:
        assert listener.stdout is not None
        assert listener.stderr is not None
        said = ""
        for said in listener.stderr:  # ALSA talks a lot before
            if "listening to" in said or "cannot be opened" in said:
                break
        if "cannot be opened" in said:
            listener.kill()
            pytest.skip(f"PortAudio does not reach PulseAudio here (Debian: libasound2-plugins): {said}")
        subprocess.run(["paplay", "--device=speaker", str(clip)], env=sound_server, check=True, timeout=60)
        events = []
        for line in listener.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "final":
                break
        listener.send_signal(signal.SIGINT)
        _, messages = listener.communicate(timeout=60)
    assert events[-1]["text"] == "left right stop"
    assert listener.returncode == 0
    assert "1 results" in messages
    assert "Traceback" not in messages
