"""Spoken commands and short speech, recognised offline on an ordinary CPU.

>>> import oyez
>>> recognizer = oyez.load("english")                        # doctest: +SKIP
>>> recognizer.transcribe("talk.m4a").text                   # doctest: +SKIP
>>> for event in oyez.listen(commands="home.yaml"):          # doctest: +SKIP
...     print(event)

The names below are loaded when they are first used: `import oyez` loads neither torch nor onnxruntime.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oyez.app.listen.api import EventStream, listen
    from oyez.data.audio import AudioError
    from oyez.models.checkpoint import CheckpointError, shipped_models
    from oyez.models.grammar.errors import CommandsError
    from oyez.models.recognizer import Recognizer
    from oyez.models.streaming import StreamingRecognizer
    from oyez.models.types import (
        Command,
        Event,
        Final,
        Partial,
        Rejection,
        RejectionCode,
        SpeechStarted,
        Transcript,
        Word,
    )

try:
    __version__ = version("oyez")
except PackageNotFoundError:  # the folders are used as they lie, without installing them
    __version__ = "0+unknown"

_TYPES = (
    "Command", "Event", "Final", "Partial", "Rejection", "RejectionCode", "SpeechStarted", "Transcript", "Word",
)  # fmt: skip
_HOMES = {
    **dict.fromkeys(_TYPES, "oyez.models.types"),
    **dict.fromkeys(("CheckpointError", "shipped_models"), "oyez.models.checkpoint"),
    **dict.fromkeys(("EventStream", "listen"), "oyez.app.listen.api"),
    "AudioError": "oyez.data.audio",
    "CommandsError": "oyez.models.grammar.errors",
    "Recognizer": "oyez.models.recognizer",
    "StreamingRecognizer": "oyez.models.streaming",
}

__all__ = [
    "AudioError", "CheckpointError", "Command", "CommandsError", "Event", "EventStream", "Final", "Partial",
    "Recognizer", "Rejection", "RejectionCode", "SpeechStarted", "StreamingRecognizer", "Transcript", "Word",
    "__version__", "listen", "load", "shipped_models",
]  # fmt: skip


def load(model: str = "english", **options: Any) -> Recognizer:
    """Load a model, ready to recognise: a shipped one by its name (`shipped_models()`), or any by its folder.

    The options are those of `Recognizer.load`: device, decoding, precision, batch_seconds.

    Raises:
        CheckpointError: there is no such model, or it is damaged.
        ValueError: the model cannot be decoded in that way.
    """
    from oyez.models.recognizer import Recognizer  # loads what recognition needs

    return Recognizer.load(model, **options)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'oyez' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
