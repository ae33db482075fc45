"""What a study leaves behind: a picture, and a page with the command, the settings and the tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated

import torch
import typer
from matplotlib.figure import Figure
from PIL import Image

from oyez.data.audio import AudioError
from oyez.models.checkpoint import CheckpointError
from oyez.training.errors import RunInterruptedError, TrainingError

OutOption = Annotated[Path, typer.Option(help="Where the picture and the page go.")]
SmallOption = Annotated[bool, typer.Option("--small", help="Only to see that it runs.")]

DOTS_PER_INCH = 80
_COLOURS = 64


@dataclass(frozen=True)
class Table:
    """Rows of text under headings."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        return f"**{self.title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


@dataclass(frozen=True)
class Report:
    """The result of a study."""

    name: str  # of the files
    title: str
    setting: str  # what was done, in a paragraph
    figure: Figure
    tables: Sequence[Table]

    def write(self, folder: Path, command: str) -> Path:
        """Write NAME.png and NAME.md into the folder, and return the path of the latter."""
        folder.mkdir(parents=True, exist_ok=True)
        drawn = BytesIO()
        self.figure.savefig(drawn, dpi=DOTS_PER_INCH)
        # a palette is enough for a diagram, and a third of the size
        Image.open(drawn).convert("RGB").quantize(_COLOURS).save(folder / f"{self.name}.png", optimize=True)
        page = folder / f"{self.name}.md"
        tables = "\n".join(table.markdown() for table in self.tables)
        page.write_text(
            f"# {self.title}\n\n```\n{command}\n```\n\n{self.setting}\n\n![{self.title}]({self.name}.png)\n\n{tables}",
            encoding="utf-8",
        )
        return page


class StudyError(Exception):
    """A study that cannot be carried out. The message names what is wrong."""


def run(study: Callable[[], Report], out: Path, command: str) -> None:
    """Carry a study out on one thread, and print where its page is; what it cannot read ends it with exit code 2."""
    torch.set_num_threads(1)  # see training/processes.py
    with usage_errors():
        print(study().write(out, command))


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what a study cannot do into a line on stderr and exit code 2, and a signal into that of the signal."""
    try:
        yield
    except (AudioError, CheckpointError, TrainingError, StudyError, OSError, ValueError) as error:
        progress(f"error: {error}")
        raise typer.Exit(2) from error
    except RunInterruptedError as stop:
        progress(str(stop))
        raise typer.Exit(128 + stop.signal) from stop


def progress(message: str) -> None:
    """Report on stderr how far a study is."""
    print(message, file=sys.stderr, flush=True)
