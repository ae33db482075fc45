"""The options for samples without a header, which `oyez transcribe` and `oyez listen` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oyez.app.console import usage_error

if TYPE_CHECKING:
    from oyez.data.audio import RawFormat

RateOption = Annotated[
    int | None,
    typer.Option(help="Of samples without a header: their rate in Hz.", show_default="16000", min=1),
]
RawChannelsOption = Annotated[
    int | None,
    typer.Option("--channels", help="Of samples without a header: how many channels.", show_default="1", min=1),
]
ChannelOption = Annotated[
    int | None,
    typer.Option(help="Listen to this channel alone, counted from 1.", show_default="all, mixed", min=1, max=256),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        help="Of samples without a header: s16le, s24le, s32le, f32le, f64le (or with be), u8, s8, mulaw, alaw.",
        show_default="s16le",
    ),
]

_DEFAULTS: dict[str, Any] = {"rate": 16_000, "channels": 1, "encoding": "s16le"}


def raw_format(rate: int | None, channels: int | None, encoding: str | None) -> RawFormat | None:
    """Return how samples without a header are to be read; None if no option says that there are any.

    A mistake in the options ends the command.
    """
    from oyez.data.audio import AudioError, RawFormat

    given = {"rate": rate, "channels": channels, "encoding": encoding.lower() if encoding else None}
    if all(value is None for value in given.values()):
        return None
    try:
        return RawFormat(**_DEFAULTS | {name: value for name, value in given.items() if value is not None})
    except AudioError as error:
        usage_error(error)
