"""The view in the terminal: what is sure stands out, what may change is dim, and the line never breaks."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from oyez.app.listen.listening import Heard
from oyez.app.listen.view import LiveView, result_line, summary
from oyez.models.types import Command, Final, Partial, Rejection, RejectionCode, SpeechStarted, Transcript


@pytest.fixture
def view() -> LiveView:
    return LiveView(Console(file=io.StringIO(), force_terminal=True, width=80))


def partial(text: str, stable: str = "") -> Partial:
    return Partial(text, stable, 0.5, 1.0, 2.0)


def line_of(view: LiveView, *heard: Heard):
    for each in heard:
        view.show(each)
    return view._line(heard[-1])


def test_silence_is_listened_to(view: LiveView) -> None:
    assert "listening" in line_of(view, Heard(-60.0, 1.0, [])).plain


def test_who_waits_for_the_wake_phrase_is_asleep(view: LiveView) -> None:
    assert "asleep" in line_of(view, Heard(-60.0, 1.0, [], awake=False)).plain


def test_meter_grows_with_the_level(view: LiveView) -> None:
    filled = [line_of(view, Heard(level, 1.0, [])).plain.count("▮") for level in (-80.0, -40.0, -20.0, 0.0, 10.0)]
    assert filled == sorted(filled)
    assert (filled[0], filled[-2], filled[-1]) == (0, 16, 16)


def test_unstable_end_is_dim_and_the_stable_beginning_bold(view: LiveView) -> None:
    line = line_of(view, Heard(-20.0, 1.0, [SpeechStarted(0.9), partial("left right st", "left right")]))
    assert line.plain.endswith("speaking   left right st")
    styles = {line.plain[span.start : span.end]: span.style for span in line.spans}
    assert styles["left right"] == "bold"
    assert styles[" st"] == "dim"


def test_of_a_long_text_the_end_is_shown_on_one_line(view: LiveView) -> None:
    text = " ".join(f"word{n}" for n in range(60))
    line = line_of(view, Heard(-20.0, 1.0, [SpeechStarted(0.9), partial(text)]))
    assert line.plain.endswith("word59")
    assert len(line) < 80


def test_after_the_result_nothing_is_being_said(view: LiveView, capsys: pytest.CaptureFixture[str]) -> None:
    said = Final(Transcript("stop", (), 0.9, 1.0, "m"), 0.9, 1.9)
    line = line_of(view, Heard(-20.0, 1.0, [SpeechStarted(0.9), partial("stop")]), Heard(-60.0, 2.0, [said]))
    assert "listening" in line.plain
    assert "stop" not in line.plain
    assert capsys.readouterr().out == "stop\n"


def test_dead_microphone_is_told_after_a_while_and_no_longer_when_it_lives(view: LiveView) -> None:
    assert "muted" not in line_of(view, Heard(-50.0, 1.0, []), Heard(-100.0, 3.9, [])).plain
    assert "muted" in line_of(view, Heard(-100.0, 4.1, [])).plain
    assert "muted" not in line_of(view, Heard(-70.0, 4.2, [])).plain


def test_doubtful_result_is_marked() -> None:
    sure, doubtful = (result_line(Final(Transcript("go", (), sure, 1.0, "m"), 83.25, 84.0)) for sure in (0.95, 0.4))
    assert sure.plain == "   1:23.2  go  95%"
    assert doubtful.plain == "   1:23.2  go  40% ?"
    assert result_line(Final(Transcript("go", (), 0.9, 1.0, "m"), 119.97, 121.0)).plain == "   2:00.0  go  90%"


STOP = Command("Stop", {"what": "radio", "level": 5}, "stop it", 0.9)


def transcript_of(meaning):
    """A transcript with a command, a rejection, or neither."""
    command = meaning if isinstance(meaning, Command) else None
    rejection = meaning if isinstance(meaning, Rejection) else None
    return Transcript("text", (), 0.5, 1.0, "model", command, rejection)


@pytest.mark.parametrize(
    ("meaning", "line"),
    [(STOP, "Stop\twhat=radio\tlevel=5\tstop it"), (Rejection(RejectionCode.NO_MATCH, STOP), ""), (None, "text")],
)
def test_a_command_is_a_line_and_no_command_is_none(meaning: Command | Rejection | None, line: str) -> None:
    assert summary(transcript_of(meaning)) == line
