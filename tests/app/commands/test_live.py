from dataclasses import dataclass, replace

import pytest

from oyez.app.commands.live import performed, summary
from oyez.models.grammar.command import Command, NoCommand, Refusal
from oyez.models.recognizer import Transcript
from oyez.models.streaming import Final, SpeechStarted

STOP = Command("Stop", {"what": "radio", "level": 5}, "stop it", 0.9)


@dataclass(frozen=True)
class Heard:
    events: list


def final(command, start):
    return Final(Transcript("text", (), 0.5, 1.0, "model", command), start, start + 1)


def test_commands_are_performed_and_everything_is_passed_on():
    heard = [
        Heard([SpeechStarted(0.0), final(NoCommand(Refusal.NOT_WOKEN, STOP), 0)]),
        Heard([]),
        Heard([final(NoCommand(Refusal.WAKE_ONLY), 2), final(STOP, 4)]),
        Heard([final(NoCommand(Refusal.OTHER, STOP), 6), final(STOP, 8), final(None, 9)]),
    ]
    done = []
    assert list(performed(heard, done.append)) == heard
    assert done == [STOP, STOP]


def test_what_is_heard_is_shown_before_its_action_begins():
    order = []
    stream = performed([Heard([final(STOP, 0)])], lambda _: order.append("action"))
    next(stream)
    order.append("shown")
    assert list(stream) == []
    assert order == ["shown", "action"]


@pytest.mark.parametrize(
    ("command", "line"),
    [(STOP, "Stop\twhat=radio\tlevel=5\tstop it"), (NoCommand(Refusal.OTHER, STOP), ""), (None, "text")],
)
def test_a_command_is_a_line_and_no_command_is_none(command, line):
    assert summary(replace(final(None, 0).transcript, command=command)) == line
