"""What live listening looks like in a terminal: results stay, below them one line that moves."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from oyez.app.console import console
from oyez.app.listen.listening import Heard
from oyez.models.types import Final, Partial, SpeechStarted, Transcript

SURE = 0.8  # a result with less confidence is shown as doubtful
_METER_WIDTH = 16
_METER_RANGE_DB = 60.0
_DEAD_DB = -90.0  # no microphone in a room is as quiet as this: it is muted
_DEAD_AFTER = 3.0  # seconds


class LiveView:
    """A calm view: a level meter, what goes on, and what is being said, its unstable end dimmed.

    Results go to stdout, one a line, and so can be piped; the moving line goes to stderr.
    """

    def __init__(self, console: Console = console) -> None:
        self._console = console
        self._live = Live(console=self._console, transient=True, refresh_per_second=15, redirect_stdout=False)
        self._said = Text()
        self._speaking = False
        self._alive_at = 0.0  # seconds into the stream

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._live.stop()

    def show(self, heard: Heard) -> None:
        """Take the next chunk's level and events."""
        for event in heard.events:
            if isinstance(event, SpeechStarted):
                self._speaking = True
            elif isinstance(event, Partial):
                self._said = Text.assemble((event.stable, "bold"), (event.text[len(event.stable) :], "dim"))
            elif isinstance(event, Final):
                self._speaking, self._said = False, Text()
                self._result(event)
        if heard.level_db > _DEAD_DB:
            self._alive_at = heard.seconds
        self._live.update(self._line(heard))

    def _line(self, heard: Heard) -> Text:
        filled = round(_METER_WIDTH * min(1.0, max(0.0, 1 + heard.level_db / _METER_RANGE_DB)))
        meter = Text.assemble(("▮" * filled, "green"), ("▯" * (_METER_WIDTH - filled), "dim"))
        if heard.seconds - self._alive_at >= _DEAD_AFTER:
            state = Text("no sound at all: is the microphone muted?", style="yellow")
        elif self._speaking:
            state = Text("speaking   ", style="green")
        elif heard.awake:
            state = Text("listening  ", style="dim")
        else:
            state = Text("asleep     ", style="dim")
        line = Text.assemble(meter, "  ", state, no_wrap=True)
        said = self._said[-max(1, self._console.width - len(line) - 1) :]  # of a long text the end is what is new
        return line.append_text(said)

    def _result(self, final: Final) -> None:
        if line := summary(final.transcript):
            print_line(line, result_line(final), self._console)


def summary(transcript: Transcript) -> str:
    """Return the line that a result is shown as: the text, or the command with its slots; nothing for no command."""
    if transcript.rejection is not None:
        return ""
    if (command := transcript.command) is None:
        return transcript.text
    return "\t".join([command.intent, *(f"{name}={value}" for name, value in command.slots.items()), command.text])


def print_line(line: str, shown: Text | None = None, console: Console = console) -> None:
    """Print a line to stdout, or, where that is the terminal, as it is `shown` above the line that moves."""
    if sys.stdout.isatty() and console.is_terminal:
        console.print(shown or Text(line), soft_wrap=True)
    else:
        print(line, flush=True)


def result_line(final: Final) -> Text:
    """Return a result as it stands in the terminal: when, what, how sure."""
    transcript = final.transcript
    minutes, seconds = divmod(round(final.start, 1), 60)
    sure = transcript.confidence >= SURE
    return Text.assemble(
        (f"{minutes:4.0f}:{seconds:04.1f}  ", "dim"),
        (summary(transcript), "bold" if sure else "yellow"),
        (f"  {transcript.confidence:.0%}{'' if sure else ' ?'}", "dim"),
    )


def show_live(heard: Iterable[Heard]) -> None:
    """Show a session in the terminal."""
    with LiveView() as view:
        for chunk in heard:
            view.show(chunk)
