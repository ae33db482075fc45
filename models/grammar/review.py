"""What a commands file is worth a second look for: sentences nobody can say, of two intents, or that sound alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from hassil.util import is_template
from rapidfuzz.distance import Levenshtein

from oyez.models.grammar.compiler import Compiled
from oyez.models.grammar.document import Document, Location
from oyez.models.grammar.file import WordList
from oyez.models.grammar.samples import Sample, draw_samples, scopes
from oyez.models.grammar.spoken import SpokenError, spell
from oyez.models.grammar.understanding import Understanding

_SAMPLES = 400  # sentences that are tried
_LONGEST_LIST = 2000  # values that are compared with each other
_ALIKE = 0.34  # share of a word's sounds, to which two words may differ and be taken for each other


@dataclass(frozen=True)
class Finding:
    """Something that may be a mistake."""

    line: int
    message: str


def review(compiled: Compiled, document: Document) -> list[Finding]:
    """Return what may be mistakes, in the order of the file, each once."""
    found = [
        *_unsayable(compiled),
        *_ambiguous(compiled, document),
        *_confusable_values(compiled, document),
        *_sound_alike_intents(compiled, document),
        *_settings(compiled, document),
    ]
    return sorted(dict.fromkeys(found), key=lambda finding: finding.line)


def _unsayable(compiled: Compiled) -> Iterator[Finding]:
    for template, line in compiled.unsayable:
        yield Finding(line, f"no sentence can come of {template!r}: a list in it is empty here")


def _ambiguous(compiled: Compiled, document: Document) -> Iterator[Finding]:
    understanding = Understanding(compiled)
    seen: set[frozenset[str]] = set()
    for sample in draw_samples(compiled.file, _SAMPLES):
        if not sample.is_whole:
            continue
        matches = understanding.meanings(sample.text)
        intents = frozenset(match.intent for match in matches if match.intent and not match.free_letters)
        if len(intents) > 1 and intents not in seen:
            seen.add(intents)
            owners = " and to ".join(sorted(intents))
            yield Finding(_line(sample, compiled, document), f"{spell(sample.text)!r} belongs to {owners}")


def _confusable_values(compiled: Compiled, document: Document) -> Iterator[Finding]:
    """Find values of a list that are spelled the same, or sound alike, and stand for different things."""
    lists: list[tuple[Location, str, WordList]] = []
    lists += [(("lists", name), name, words) for name, words in compiled.file.lists.items()]
    for _, scope in scopes(compiled.file):
        lists += [((*scope.location, "lists", name), name, words) for name, words in scope.block.lists.items()]
    for location, name, words in lists:
        values = list(enumerate(words.values or []))[:_LONGEST_LIST]
        numbers: dict[str, int] = {}  # of the first value of each spelling
        for n, value in values:
            with suppress(SpokenError):  # nobody can say it, and no sentence asks for it: compiling would have told
                if not is_template(value.said):
                    _, first = values[numbers.setdefault(spell(value.said), n)]
                    if first.out != value.out and first.context == value.context:
                        line = document.line((*location, "values", n))
                        yield Finding(line, f"{value.said!r} of {{{name}}} is both {first.out!r} and {value.out!r}")
        for one, other in _alike({text: repr(values[n][1].out) for text, n in numbers.items()}):
            line = document.line((*location, "values", max(numbers[one], numbers[other])))
            yield Finding(line, f"{one!r} and {other!r} of {{{name}}} sound alike")


def _sound_alike_intents(compiled: Compiled, document: Document) -> Iterator[Finding]:
    samples = {spell(sample.text): sample for sample in draw_samples(compiled.file, _SAMPLES) if sample.is_whole}
    told: set[frozenset[str]] = set()
    for one, other in _alike({text: sample.intent for text, sample in samples.items()}):
        intents = frozenset((samples[one].intent, samples[other].intent))
        if intents not in told:
            told.add(intents)
            line = max(_line(samples[one], compiled, document), _line(samples[other], compiled, document))
            yield Finding(line, f"{one!r} ({samples[one].intent}) and {other!r} ({samples[other].intent}) sound alike")


def _settings(compiled: Compiled, document: Document) -> Iterator[Finding]:
    settings = compiled.file.oyez
    for intent in settings.actions:
        if intent != "*" and intent not in compiled.file.intents:
            line = document.line(("oyez", "actions", intent))
            yield Finding(line, f"an action for {intent!r}, which is no intent here")


def _alike(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of texts that mean different things and differ in one word, which sounds alike."""
    rest: defaultdict[tuple[int, tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for text in texts:
        words = text.split()
        for n, word in enumerate(words):
            rest[n, (*words[:n], "", *words[n + 1 :])].append((word, text))
    for several in rest.values():
        for (word, text), (other_word, other) in combinations(several[:_SAMPLES], 2):
            if (
                texts[text] != texts[other]
                and Levenshtein.normalized_distance(_sound(word), _sound(other_word)) <= _ALIKE
            ):
                yield text, other


_SOUNDS = [(re.compile(letters), sound) for letters, sound in [
    ("tch", "ch"), ("ph", "f"), ("ight", "ait"), ("gh", ""), ("^kn", "n"), ("^wr", "r"), ("wh", "w"), ("ck|q", "k"),
    ("c(?=[eiy])", "s"), ("c(?!h)", "k"), ("x", "ks"), ("z", "s"), ("dge?", "j"), ("(?<=[^aeiou])e$", ""),
    ("(?<=.)y$", "i"), (r"([aeiou])[aeiou]+", r"\1"), (r"(.)\1", r"\1"),
]]  # fmt: skip


def _sound(word: str) -> str:
    """Return roughly how a word sounds: silent letters left out, letters of one sound made one."""
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def _line(sample: Sample, compiled: Compiled, document: Document) -> int:
    for intent, scope in scopes(compiled.file):
        if intent == sample.intent and sample.template in scope.block.sentences:
            return document.line((*scope.location, "sentences", scope.block.sentences.index(sample.template)))
    return 1
