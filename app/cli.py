"""The `oyez` command: its subcommands by name, each a function of its room.

Results go to stdout, progress and messages to stderr. Exit codes: 0 all done, 1 some inputs failed, 2 usage error.
The functions import torch when they run, and so `oyez --help` answers at once.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from oyez.app.commands.command import calibrate, check, parse, train_intents, tune
from oyez.app.console import CommandGroup
from oyez.app.data.command import download, synthesise
from oyez.app.data.curation import cut_words, phrases, pseudo_labels
from oyez.app.evaluate.command import evaluate_corpus, evaluate_recipe
from oyez.app.listen.command import listen
from oyez.app.lm.command import lm_app
from oyez.app.model.command import model_app
from oyez.app.model.listing import models
from oyez.app.process import run
from oyez.app.train.adapt import adapt
from oyez.app.train.command import train
from oyez.app.transcribe.command import transcribe
from oyez.app.web.command import web

app = CommandGroup(context_settings={"help_option_names": ["-h", "--help"]})
commands_app = CommandGroup(help="Work on a commands file: what may be said, written down.")
evaluate_app = CommandGroup(help="Measure a model on speech whose text is known.")
data_app = CommandGroup(help="Get the corpora that models learn from.")

app.command()(transcribe)
app.command()(listen)
app.command()(web)
app.command()(models)

app.add_typer(commands_app, name="commands")
commands_app.command()(check)
commands_app.command()(parse)
commands_app.command()(tune)
commands_app.command()(train_intents)
commands_app.command()(calibrate)

app.command()(train)
app.command()(adapt)

app.add_typer(evaluate_app, name="evaluate")
evaluate_app.command("recipe")(evaluate_recipe)
evaluate_app.command("corpus")(evaluate_corpus)

app.add_typer(data_app, name="data")
data_app.command()(download)
data_app.command()(synthesise)
data_app.command()(cut_words)
data_app.command()(pseudo_labels)
data_app.command()(phrases)

app.add_typer(lm_app, name="lm")
app.add_typer(model_app, name="model")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"oyez {version('oyez')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # its callback does the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Recognise spoken commands and short speech, offline, on an ordinary CPU."""


def main() -> None:
    """Run the command line."""
    worker = sys.modules.get("__mp_main__")  # by this name multiprocessing imports a script without a guard
    if worker in (None, sys.modules["__main__"]):
        run(lambda: app(prog_name="oyez"))


if __name__ == "__main__":
    main()
