from dataclasses import dataclass

import pytest

from oyez.app.commands.live import performed, summary
from oyez.models.types import Command, Final, Rejection, RejectionCode, SpeechStarted, Transcript

STOP = Command("Stop", {"what": "radio", "level": 5}, "stop it", 0.9)


@dataclass(frozen=True)
class Heard:
    events: list


def transcript_of(meaning):
    """A transcript with a command, a rejection, or neither."""
    command = meaning if isinstance(meaning, Command) else None
    rejection = meaning if isinstance(meaning, Rejection) else None
    return Transcript("text", (), 0.5, 1.0, "model", command, rejection)


def final(meaning, start):
    return Final(transcript_of(meaning), start, start + 1)


def test_commands_are_performed_and_everything_is_passed_on():
    heard = [
        Heard([SpeechStarted(0.0), final(Rejection(RejectionCode.NOT_WOKEN, STOP), 0)]),
        Heard([]),
        Heard([final(Rejection(RejectionCode.WAKE_ONLY), 2), final(STOP, 4)]),
        Heard([final(Rejection(RejectionCode.NO_MATCH, STOP), 6), final(STOP, 8), final(None, 9)]),
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
    ("meaning", "line"),
    [(STOP, "Stop\twhat=radio\tlevel=5\tstop it"), (Rejection(RejectionCode.NO_MATCH, STOP), ""), (None, "text")],
)
def test_a_command_is_a_line_and_no_command_is_none(meaning, line):
    assert summary(transcript_of(meaning)) == line
