import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from oyez.app.commands.actions import Actions, filled
from oyez.models.grammar.command import Command
from oyez.models.grammar.file import Action

COMMAND = Command("Light", {"room": "living room; rm -rf $HOME", "level": 40}, "turn it on", 0.93)


@pytest.fixture
def perform():
    """(actions, command) -> what was said, what went wrong."""

    def run(actions, command=COMMAND):
        said, told = [], []
        with Actions({name: Action(**each) for name, each in actions.items()}, said.append, told.append) as todo:
            todo.perform(command)
        return said, told

    return run


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{intent} {level} in {room}", "Light 40 in living room; rm -rf $HOME"),
        ("{text} {confidence} {nothing}!", "turn it on 0.93 !"),
        ("{slots}", json.dumps(dict(COMMAND.slots))),
        ("{level.__class__} {} {{level}} {level!r}", "{level.__class__} {} {40} {level!r}"),
    ],
)
def test_slots_are_filled_in_and_nothing_else_is(template, text):
    assert filled(template, COMMAND) == text


def test_a_slot_is_one_argument_and_no_shell_sees_it(perform, tmp_path):
    out = tmp_path / "seen.json"
    program = (
        "import json, os, sys; json.dump([sys.argv[2:], os.environ['OYEZ_SLOT_ROOM'], os.environ['OYEZ_SLOT_LEVEL'],"
        "os.environ['OYEZ_INTENT'], os.environ['OYEZ_TEXT']], open(sys.argv[1], 'w'))"
    )
    said, told = perform({"*": {"run": [sys.executable, "-c", program, str(out), "{room}", "--level={level}"]}})
    assert (said, told) == ([], [])
    room = COMMAND.slots["room"]
    assert json.loads(out.read_text()) == [[room, "--level=40"], room, "40", "Light", "turn it on"]


def test_an_address_is_told_in_json(perform):
    received = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        said, told = perform({"Light": {"post": f"http://127.0.0.1:{server.server_port}/{{room}}?level={{level}}"}})
    assert (said, told) == ([], [])
    [(path, kind, body)] = received
    assert (path, kind) == ("/living%20room%3B%20rm%20-rf%20%24HOME?level=40", "application/json")
    assert body == {"command": "Light", "slots": dict(COMMAND.slots), "text": "turn it on", "confidence": 0.93}


def test_the_intents_own_action_comes_before_that_of_all_others(perform):
    actions = {"Light": {"print": "light"}, "*": {"print": "other {intent}"}}
    assert perform(actions) == (["light"], [])
    assert perform(actions, Command("Stop", {}, "stop", 1.0)) == (["other Stop"], [])
    assert perform({"Stop": {"print": "stopped"}}) == ([], [])


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({"run": ["/no/such/program"]}, "No such file"),
        ({"run": [sys.executable, "-c", "raise SystemExit(3)"]}, "exit status 3"),
        ({"run": ["a\0b"]}, "null"),
        ({"post": "http://127.0.0.1:9/"}, "refused"),
        ({"post": "http://{room}/"}, "Light"),
    ],
)
def test_a_failure_is_told_and_stops_nothing(perform, action, reason):
    said, [line] = perform({"*": action})
    assert said == []
    assert line.startswith("action of Light: ")
    assert reason in line


def test_a_program_that_hangs_is_given_up(perform, monkeypatch):
    monkeypatch.setattr("oyez.app.commands.actions._PROGRAM_SECONDS", 0.2)
    _, [line] = perform({"*": {"run": [sys.executable, "-c", "import time; time.sleep(60)"]}})
    assert "timed out" in line
