"""Sentences of a commands file: how many there are, and some of them drawn at random."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from hassil.expression import Alternative, Expression, Group, ListReference, Permutation, RuleReference, TextChunk

from oyez.data.text import normalise
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.scope import ListUse, Scope, parse
from oyez.models.grammar.spoken import number_readings

MANY = 10**18  # sentences; more are counted as this many


@dataclass(frozen=True)
class Sample:
    """A sentence as it is written in the file, with a value for each list; free text is left as `{list}`."""

    intent: str
    text: str
    template: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left open."""
        return "{" not in self.text


def scopes(file: CommandsFile) -> Iterator[tuple[str, Scope]]:
    """Yield each block's intent and scope."""
    for intent, definition in file.intents.items():
        for number, block in enumerate(definition.data):
            yield intent, Scope(file, block, ("intents", intent, "data", number))


def count_sentences(file: CommandsFile) -> int:
    """Return how many sentences the templates describe, at most MANY. Free text counts as one, skip words as none."""
    return min(MANY, sum(_count_block(scope) for _, scope in scopes(file)))


def _count_block(scope: Scope) -> int:
    rules: dict[str, int] = {}

    def count(expression: Expression) -> int:
        match expression:
            case TextChunk():
                return 1
            case RuleReference(rule_name=name):
                if name not in rules:
                    rules[name] = count(scope.rule(name)[0])
                return rules[name]
            case ListReference():
                use = scope.list(expression)
                if use.words.range is not None:
                    return len(use.words.range.numbers())
                return 1 if use.words.wildcard else min(MANY, sum(count(parse(value.said)) for _, value in use.values))
            case Alternative():
                return min(MANY, sum(count(item) for item in expression.items))
            case Permutation():
                return min(MANY, math.factorial(len(expression.items)) * math.prod(map(count, expression.items)))
            case Group():
                return min(MANY, math.prod(map(count, expression.items)))
        raise TypeError(expression)

    return sum(count(parse(template)) for template in scope.block.sentences)


def matches_any_speech(template: str, scope: Scope) -> bool:
    """Whether a template can be said with free text alone."""
    rules: dict[str, tuple[bool, bool]] = {}
    lists: dict[str, bool] = {}

    def kinds(expression: Expression) -> tuple[bool, bool]:
        """Return whether an expression can be said with nothing, and whether with free text alone."""
        match expression:
            case TextChunk():
                return not normalise(expression.original_text), False
            case RuleReference(rule_name=name):
                if name not in rules:
                    rules[name] = kinds(scope.rule(name)[0])
                return rules[name]
            case ListReference():
                use = scope.list(expression)
                if use.name not in lists:
                    lists[use.name] = use.words.wildcard or any(kinds(parse(value.said))[1] for _, value in use.values)
                return False, lists[use.name]
            case Alternative():
                parts = [kinds(item) for item in expression.items]
                return any(silent for silent, _ in parts), any(free for _, free in parts)
            case Permutation() | Group():
                parts = [kinds(item) for item in expression.items]
                is_free = any(free for _, free in parts) and all(silent or free for silent, free in parts)
                return all(silent for silent, _ in parts), is_free
        raise TypeError(expression)

    return kinds(parse(template))[1]


def draw_samples(file: CommandsFile, number: int, seed: int = 0) -> list[Sample]:
    """Draw sentences at random: an intent, one of its templates, then one of the ways to say it. None comes twice."""
    chance = random.Random(seed)
    blocks: dict[str, list[Scope]] = {}
    for intent, scope in scopes(file):
        if scope.block.sentences:
            blocks.setdefault(intent, []).append(scope)
    drawn: dict[str, Sample] = {}
    for attempt in range(5 * number):
        if len(drawn) == number:
            break
        intent = list(blocks)[attempt % len(blocks)]
        scope, template = chance.choice(
            [(scope, template) for scope in blocks[intent] for template in scope.block.sentences]
        )
        try:
            text = " ".join(_say(parse(template), scope, chance).split())
        except IndexError:  # nothing to choose from: a list is empty here
            continue
        if text:
            drawn.setdefault(text, Sample(intent, text, template))
    return list(drawn.values())


def _say(expression: Expression, scope: Scope, chance: random.Random) -> str:
    match expression:
        case TextChunk():
            return str(expression.original_text)
        case RuleReference():
            return _say(scope.rule(expression.rule_name)[0], scope, chance)
        case ListReference():
            return _say_value(scope.list(expression), scope, chance)
        case Alternative():
            return _say(chance.choice(expression.items), scope, chance)
        case Permutation():
            return "".join(_say(item, scope, chance) for item in chance.sample(expression.items, len(expression.items)))
        case Group():
            return "".join(_say(item, scope, chance) for item in expression.items)
    raise TypeError(expression)


def _say_value(use: ListUse, scope: Scope, chance: random.Random) -> str:
    if use.words.wildcard:
        return f"{{{use.name}}}"
    if use.words.range is not None:
        return number_readings(chance.choice(use.words.range.numbers()))[0]
    return _say(parse(chance.choice(use.values)[1].said), scope, chance)
