"""The form of a commands file: Home Assistant's custom sentences, and the section `oyez`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_MARKS = re.compile(r"<[^<>]*>|\{[^{}]*\}|[][(){}<>|;\\]")  # names of rules and lists, too
_LARGEST_RANGE = 10_000  # numbers
_LARGEST_NUMBER = 10**15  # that is said as one
WAKE_SECONDS = 6.0


def _like(pattern: str, otherwise: str) -> AfterValidator:
    """Refuse texts of another form, in words; pydantic would show the pattern."""

    def check(text: str) -> str:
        if not re.match(pattern, text):
            raise ValueError(f"{text!r} {otherwise}")
        return text

    return AfterValidator(check)


Template = Annotated[str, Field(max_length=2000)]
Language = Annotated[str, _like(r"(en|EN)([-_]\w+)?$", "is not supported; English is: en, en-GB, en-US")]
Address = Annotated[str, _like("https?://", "is not an address that begins with http:// or https://")]


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
            raise ValueError(f"from {self.start} to {self.stop}: the first number must not be the larger one")
        if len(self.whole) > _LARGEST_RANGE:
            raise ValueError(f"{len(self.whole):,} numbers (limit {_LARGEST_RANGE:,}): take a larger step")
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
            raise ValueError("a list has either `values`, a `range`, a `file`, or `wildcard: true`")
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
    """What is done when a command is recognised: exactly one of these. `{slot}` stands for the slot's value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: list[str] | None = Field(default=None, min_length=1)  # a program and its arguments; no shell is involved
    post: Address | None = None  # where the command is sent, as JSON
    print: str | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Action:
        if sum(action is not None for action in (self.run, self.post, self.print)) != 1:
            raise ValueError("an action is either `run`, or `post`, or `print`")
        return self


class Settings(_Part):
    """The `oyez` section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wake: str | None = None
    wake_seconds: float = Field(default=WAKE_SECONDS, gt=0, le=600)  # within which a command may follow the wake phrase
    threshold: float | None = Field(default=None, ge=0, le=1)  # confidence below which a command is refused
    wake_threshold: float | None = Field(default=None, ge=0, le=1)  # below which the wake phrase alone is not detected
    spellings: dict[str, str | list[str]] = {}  # how a word or phrase may also be said
    actions: dict[str, Action] = {}  # by intent; "*" is for all others


@dataclass(frozen=True)
class Wake:
    """A wake phrase that is given next to a file; None leaves what the file, or else the model, has."""

    phrase: str | None = None
    seconds: float | None = None  # within which something may follow it
    threshold: float | None = None  # confidence below which the phrase is not detected


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


def spoken_texts(file: CommandsFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield all that is written to be spoken, without the marks of templates, and its location in the file."""
    blocks: list[tuple[tuple[str | int, ...], CommandsFile | Block]] = [((), file)]
    for intent, definition in file.intents.items():
        blocks += [(("intents", intent, "data", n), block) for n, block in enumerate(definition.data)]
    texts: list[tuple[tuple[str | int, ...], str]] = []
    for location, block in blocks:
        if isinstance(block, Block):
            texts += [((*location, "sentences", n), text) for n, text in enumerate(block.sentences)]
        for name, words in block.lists.items():
            here = (*location, "lists", name, "values")
            texts += [((*here, n), value.said) for n, value in enumerate(words.values or [])]
        texts += [((*location, "expansion_rules", name), text) for name, text in block.expansion_rules.items()]
    texts += [(("skip_words", n), text) for n, text in enumerate(file.skip_words)]
    if file.oyez.wake:
        texts.append((("oyez", "wake"), file.oyez.wake))
    for location, text in texts:
        yield location, _MARKS.sub(" ", text)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
