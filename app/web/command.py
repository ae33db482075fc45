"""`oyez web`: the page of this folder, served."""

from __future__ import annotations

from typing import Annotated

import typer

from oyez.app.console import say_loading, usage_error
from oyez.app.options import DEFAULT_MODEL, ModelOption

_FIRST_PORT = 7860  # Gradio's, from which on it looks for a free one


def web(
    model: ModelOption = DEFAULT_MODEL,
    host: Annotated[
        str, typer.Option(help="127.0.0.1 is this computer only; 0.0.0.0 is everybody on its network.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            help="The port to serve on.", min=1, max=65535, show_default=f"the first free one from {_FIRST_PORT}"
        ),
    ] = None,
) -> None:
    """Open a web page that listens to the microphone."""
    from oyez.models.checkpoint import CheckpointError, find_checkpoint, read_config

    try:
        read_config(find_checkpoint(model))  # a wrong name is reported before anything heavy is loaded
        say_loading()

        from oyez.app.web.page import serve

        serve(model, host, port)
    except CheckpointError as error:
        usage_error(error)
    except (OSError, UnicodeError) as error:  # a name may be one that no host can have
        usage_error(f"http://{host}:{port or _FIRST_PORT} is unavailable ({error}); choose another --port or --host")
