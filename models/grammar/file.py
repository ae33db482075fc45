"""A commands file: Home Assistant's custom sentences, or a plain list of what may be said, one a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from oyez.models.grammar.document import Document, Location, read_yaml
from oyez.models.grammar.errors import CommandsError

LARGEST = 2_000_000  # bytes
_LARGEST_RANGE = 10_000  # numbers
_LARGEST_NUMBER = 10**15  # that is said as one
WAKE_SECONDS = 6.0
YAML_SUFFIXES = (".yaml", ".yml", ".json")


def _like(pattern: str, otherwise: str) -> AfterValidator:
    """Refuse texts of another form, in words; pydantic would show the pattern."""

    def check(text: str) -> str:
        if not re.match(pattern, text):
            raise ValueError(f"{text!r} {otherwise}")
        return text

    return AfterValidator(check)


Template = Annotated[str, Field(max_length=2000)]
Language = Annotated[str, _like(r"(en|EN)([-_]\w+)?$", "cannot be understood; English can: en, en-GB, en-US")]
Address = Annotated[str, _like("https?://", "is no address that begins with http:// or https://")]


class _Part(BaseModel):
    """A part of the file. What Home Assistant knows beyond it (responses, metadata, ...) is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Value(_Part):
    """What is said for a value of a list, and what the slot then holds."""

    said: Template = Field(alias="in")
    out: Any = None
    context: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, dict):
            said = value.get("in")
            return {**value, "in": _text(said), "out": value.get("out", said)}
        return {"in": _text(value), "out": value}


class Range(_Part):
    """Numbers, both ends included."""

    start: int = Field(alias="from", ge=-_LARGEST_NUMBER, le=_LARGEST_NUMBER)
    stop: int = Field(alias="to", ge=-_LARGEST_NUMBER, le=_LARGEST_NUMBER)
    step: int = Field(default=1, ge=1, le=_LARGEST_NUMBER)
    multiplier: float | None = Field(default=None, allow_inf_nan=False)  # the slot holds the number times this
    fractions: Literal["halves", "tenths"] | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Range:
        if self.start > self.stop:
            raise ValueError(f"from {self.start} to {self.stop}: the first number must not be the larger")
        if len(self.whole) > _LARGEST_RANGE:
            raise ValueError(f"{len(self.whole):,} numbers, of at most {_LARGEST_RANGE:,}: take a larger step")
        return self

    @property
    def whole(self) -> range:
        """The numbers without fractions."""
        return range(self.start, self.stop + 1, self.step)

    def numbers(self) -> list[int | float]:
        """Return all numbers, as they are said."""
        fractions = {"halves": [0.5], "tenths": [tenth / 10 for tenth in range(1, 10)]}.get(self.fractions or "", [])
        return [round(whole + part, 1) if part else whole for whole in self.whole for part in (0, *fractions)]


class WordList(_Part):
    """The values of a list: given ones, numbers, or any words at all."""

    values: list[Value] | None = None
    range: Range | None = None
    wildcard: bool = False

    @model_validator(mode="after")
    def _is_one_kind(self) -> WordList:
        if (self.values is not None) + (self.range is not None) + self.wildcard != 1:
            raise ValueError("a list has either `values`, or a `range`, or `wildcard: true`")
        return self


class Block(_Part):
    """Sentences of an intent that have slots and lists in common."""

    sentences: list[Template]
    slots: dict[str, Any] = {}
    requires_context: dict[str, Any] = {}
    excludes_context: dict[str, Any] = {}
    expansion_rules: dict[str, Template] = {}
    lists: dict[str, WordList] = {}


class Intent(_Part):
    """What somebody may want, in blocks of sentences."""

    data: list[Block]


class Action(_Part):
    """What is done when a command is heard: exactly one of these. `{slot}` stands for the slot's value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: list[str] | None = Field(default=None, min_length=1)  # a program and its arguments; no shell is involved
    post: Address | None = None  # where the command is sent, as JSON
    print: str | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Action:
        if sum(each is not None for each in (self.run, self.post, self.print)) != 1:
            raise ValueError("an action is either `run`, or `post`, or `print`")
        return self


class Settings(_Part):
    """The `oyez` section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wake: str | None = None
    wake_seconds: float = Field(default=WAKE_SECONDS, gt=0, le=600)  # within which a command may follow the wake phrase
    threshold: float | None = Field(default=None, ge=0, le=1)  # confidence below which a command is refused
    wake_threshold: float | None = Field(default=None, ge=0, le=1)  # below which the wake phrase alone is not heard
    spellings: dict[str, str | list[str]] = {}  # how a word or phrase may also be said
    actions: dict[str, Action] = {}  # by intent; "*" is for all others


@dataclass(frozen=True)
class Wake:
    """A wake phrase that is given beside a file; None leaves what the file, or else the model, has."""

    phrase: str | None = None
    seconds: float | None = None  # within which something may follow it
    threshold: float | None = None  # confidence below which the phrase is not heard


class CommandsFile(_Part):
    """What may be said, as it is written."""

    language: Language = "en"
    intents: dict[str, Intent] = Field(min_length=1)
    lists: dict[str, WordList] = {}
    expansion_rules: dict[str, Template] = {}
    skip_words: list[Template] = []
    oyez: Settings = Settings()

    def slots(self, intent: str | None, block: int, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was said for the slots of a sentence, and what its block gives to all its sentences."""
        fixed = self.intents[intent].data[block].slots if intent is not None else {}
        return {**fixed, **said}

    def woken_by(self, wake: Wake) -> CommandsFile:
        """Return the file with another wake phrase, as far as one is given."""
        given = {"wake": wake.phrase, "wake_seconds": wake.seconds, "wake_threshold": wake.threshold}
        settings = self.oyez.model_copy(update={name: value for name, value in given.items() if value is not None})
        return self.model_copy(update={"oyez": settings})


def read_commands(path: str | Path) -> tuple[CommandsFile, Document]:
    """Read a commands file: YAML by its suffix (.yaml, .yml, .json), otherwise a list with a sentence on each line.

    Raises:
        CommandsError: it cannot be read, is too large, or is no commands file; with the line.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise CommandsError(f"{path.stat().st_size:,} bytes, of at most {LARGEST:,}")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandsError(f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CommandsError(f"this is no text in UTF-8 (byte {error.start})") from error
    return parse_commands(text, is_yaml=path.suffix.lower() in YAML_SUFFIXES)


def parse_commands(text: str, is_yaml: bool) -> tuple[CommandsFile, Document]:
    """Read the text of a commands file. Raises CommandsError."""
    if len(text) > LARGEST:
        raise CommandsError(f"{len(text):,} characters, of at most {LARGEST:,}")
    document = read_yaml(text) if is_yaml else _read_lines(text)
    if not isinstance(document.data, dict):
        raise CommandsError("a commands file in YAML is a mapping with the key `intents`")
    try:
        return CommandsFile.model_validate(document.data), document
    except ValidationError as error:
        first = error.errors()[0]
        raise CommandsError(*_explained(first["loc"], first["msg"], document)) from error


def _explained(location: Location, message: str, document: Document) -> tuple[str, int]:
    names = ".".join(str(part) for part in location)
    message = re.sub(r"^Value error, ", "", message)
    return (f"{names}: {message}" if names else message), document.line(location)


def _read_lines(text: str) -> Document:
    """Take each line for an intent of its own name with one sentence; empty lines and # comments are left out."""
    intents: dict[str, Any] = {}
    lines: dict[Location, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        sentence = line.strip()
        if not sentence or sentence.startswith("#"):
            continue
        if sentence in intents:
            raise CommandsError(f"{sentence!r} is given twice", number)
        intents[sentence] = {"data": [{"sentences": [sentence]}]}
        lines["intents", sentence] = number
    if not intents:
        raise CommandsError("there is no sentence in this file")
    return Document({"intents": intents}, lines)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
