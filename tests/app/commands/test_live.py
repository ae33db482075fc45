from dataclasses import dataclass, replace

import pytest

from app.commands.live import heeded, summary
from models.commands.attention import Attention
from models.commands.command import Command, NoCommand, Refusal
from models.recognizer import Transcript
from models.streaming import Final, SpeechStarted

STOP = Command("Stop", {"what": "radio", "level": 5}, "stop it", 0.9)


@dataclass(frozen=True)
class Heard:
    events: list


def final(command, start):
    return Final(Transcript("text", (), 0.5, 1.0, "model", command), start, start + 1)


def test_commands_are_performed_once_they_count_and_everything_is_passed_on():
    wake, unwoken = NoCommand(Refusal.WAKE_ONLY), NoCommand(Refusal.NOT_WOKEN, STOP)
    heard = [
        Heard([SpeechStarted(0.0), final(unwoken, 0)]),
        Heard([]),
        Heard([final(wake, 2), final(unwoken, 4)]),
        Heard([final(NoCommand(Refusal.OTHER, STOP), 6), final(STOP, 8), final(None, 9)]),
    ]
    performed = []
    passed = list(heeded(heard, Attention(5.0), performed.append))
    assert performed == [STOP, STOP]
    assert [len(each.events) for each in passed] == [2, 0, 2, 3]
    assert passed[2].events[1].transcript.command == STOP
    assert passed[0] == heard[0]


def test_what_is_heard_is_shown_before_its_action_begins():
    order = []
    stream = heeded([Heard([final(STOP, 0)])], Attention(5.0), lambda _: order.append("action"))
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
