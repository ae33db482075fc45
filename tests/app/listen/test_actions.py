import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from oyez.app.listen.actions import Actions, filled, performed
from oyez.app.listen.listening import Heard
from oyez.models.grammar.file import Action
from oyez.models.types import Command, Final, Rejection, RejectionCode, SpeechStarted, Transcript

COMMAND = Command("Light", {"room": "living room; rm -rf $HOME", "level": 40}, "turn it on", 0.93)


@pytest.fixture
def perform():
    """(actions, command) -> what was printed, what went wrong."""

    def run(actions, command=COMMAND):
        printed, failures = [], []
        parsed = {name: Action(**action) for name, action in actions.items()}
        with Actions(parsed, printed.append, failures.append) as todo:
            todo.perform(command)
        return printed, failures

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
    printed, failures = perform({"*": {"run": [sys.executable, "-c", program, str(out), "{room}", "--level={level}"]}})
    assert (printed, failures) == ([], [])
    room = COMMAND.slots["room"]
    assert json.loads(out.read_text()) == [[room, "--level=40"], room, "40", "Light", "turn it on"]


def test_an_address_is_sent_json(perform):
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
        printed, failures = perform(
            {"Light": {"post": f"http://127.0.0.1:{server.server_port}/{{room}}?level={{level}}"}}
        )
    assert (printed, failures) == ([], [])
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
def test_a_failure_is_reported_and_stops_nothing(perform, action, reason):
    printed, [line] = perform({"*": action})
    assert printed == []
    assert line.startswith("action of Light: ")
    assert reason in line


def test_a_program_that_hangs_is_given_up(perform, monkeypatch):
    monkeypatch.setattr("oyez.app.listen.actions._PROGRAM_SECONDS", 0.2)
    _, [line] = perform({"*": {"run": [sys.executable, "-c", "import time; time.sleep(60)"]}})
    assert "timed out" in line


STOP = Command("Stop", {"what": "radio", "level": 5}, "stop it", 0.9)


def transcript_of(meaning):
    """A transcript with a command, a rejection, or neither."""
    command = meaning if isinstance(meaning, Command) else None
    rejection = meaning if isinstance(meaning, Rejection) else None
    return Transcript("text", (), 0.5, 1.0, "model", command, rejection)


def final(meaning, start):
    return Final(transcript_of(meaning), start, start + 1)


def test_commands_are_performed_and_everything_is_passed_on():
    heard = [
        Heard(-20.0, 1.0, [SpeechStarted(0.0), final(Rejection(RejectionCode.NOT_WOKEN, STOP), 0)]),
        Heard(-20.0, 1.0, []),
        Heard(-20.0, 1.0, [final(Rejection(RejectionCode.WAKE_ONLY), 2), final(STOP, 4)]),
        Heard(-20.0, 1.0, [final(Rejection(RejectionCode.NO_MATCH, STOP), 6), final(STOP, 8), final(None, 9)]),
    ]
    done = []
    assert list(performed(heard, done.append)) == heard
    assert done == [STOP, STOP]


def test_a_result_is_shown_before_its_action_begins():
    order = []
    stream = performed([Heard(-20.0, 1.0, [final(STOP, 0)])], lambda _: order.append("action"))
    next(stream)
    order.append("shown")
    assert list(stream) == []
    assert order == ["shown", "action"]
