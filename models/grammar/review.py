"""What may be a mistake in a commands file: sentences of two intents, or that sound alike, and others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from hassil.util import is_template
from rapidfuzz.distance import Levenshtein

from oyez.data.alphabet import LABELS, SPACE, decode
from oyez.models.grammar.automaton import EPSILON
from oyez.models.grammar.compiler import Compiled, compile_commands
from oyez.models.grammar.document import Document, Location
from oyez.models.grammar.file import WordList, spoken_texts
from oyez.models.grammar.samples import Sample, draw_samples, matches_any_speech, scopes
from oyez.models.grammar.search import FIRST_TAG
from oyez.models.grammar.spoken import SpokenError, spell
from oyez.models.grammar.understanding import Understanding

_SAMPLES = 400  # sentences that are tried
_LONGEST_LIST = 2000  # values that are compared with each other
_ALIKE = 0.34  # distance up to which two words sound alike; see `sound_distance`
_MOST_WORDS = 500_000  # beginnings of words that are tried against a vocabulary


@dataclass(frozen=True)
class Finding:
    """Something that may be a mistake; `path` is that of the file where several are read as one."""

    line: int
    message: str
    path: Path | None = None


def review(compiled: Compiled, document: Document, vocabulary: Collection[str] = ()) -> list[Finding]:
    """Return what may be mistakes, in the order of the file, each once.

    `vocabulary` holds the words of the model that is to recognise the sentences, if it is one that knows some only.
    """

    def at(location: Location, message: str) -> Finding:
        source = document.source(location)
        return Finding(source.line, message, source.path)

    findings = [
        *_unsayable(compiled),
        *_any_speech(compiled, at),
        *_ambiguous(compiled, at),
        *_confusable_values(compiled, at),
        *_sound_alike_intents(compiled, document, at),
        *_settings(compiled, at),
        *_unknown_words(compiled, vocabulary, at),
    ]
    return sorted(dict.fromkeys(findings), key=lambda finding: (str(finding.path or ""), finding.line))


_At = Callable[[Location, str], Finding]


def _unsayable(compiled: Compiled) -> Iterator[Finding]:
    for template, source in compiled.unsayable:
        yield Finding(source.line, f"{template!r} describes no sentence: a list in it is empty here", source.path)


def _any_speech(compiled: Compiled, at: _At) -> Iterator[Finding]:
    for _, scope in scopes(compiled.file):
        for n, template in enumerate(scope.block.sentences):
            if matches_any_speech(template, scope):
                message = f"{template!r} matches any speech: it needs a word of its own beside the wildcard"
                yield at((*scope.location, "sentences", n), message)


def _ambiguous(compiled: Compiled, at: _At) -> Iterator[Finding]:
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
            yield at(_location(sample, compiled), f"{spell(sample.text)!r} belongs to {owners}")


def _confusable_values(compiled: Compiled, at: _At) -> Iterator[Finding]:
    """Find values of a list that are spelled the same, or sound alike, and stand for different things."""
    lists: list[tuple[Location, str, WordList]] = []
    lists += [(("lists", name), name, words) for name, words in compiled.file.lists.items()]
    for _, scope in scopes(compiled.file):
        lists += [((*scope.location, "lists", name), name, words) for name, words in scope.block.lists.items()]
    for location, name, words in lists:
        values = list(enumerate(words.values or []))[:_LONGEST_LIST]
        numbers: dict[str, int] = {}  # of the first value of each spelling
        for n, value in values:
            with suppress(SpokenError):  # no sentence asks for it: compiling would have raised the error
                if not is_template(value.said):
                    _, first = values[numbers.setdefault(spell(value.said), n)]
                    if first.out != value.out and first.context == value.context:
                        message = f"{value.said!r} of {{{name}}} is both {first.out!r} and {value.out!r}"
                        yield at((*location, "values", n), message)
        for text, other in _alike({text: repr(values[n][1].out) for text, n in numbers.items()}):
            here = (*location, "values", max(numbers[text], numbers[other]))
            yield at(here, f"{text!r} and {other!r} of {{{name}}} sound alike")


def _sound_alike_intents(compiled: Compiled, document: Document, at: _At) -> Iterator[Finding]:
    samples = {spell(sample.text): sample for sample in draw_samples(compiled.file, _SAMPLES) if sample.is_whole}
    reported: set[frozenset[str]] = set()
    for text, other in _alike({text: sample.intent for text, sample in samples.items()}):
        intents = frozenset((samples[text].intent, samples[other].intent))
        if intents not in reported:
            reported.add(intents)
            later = max(_location(samples[text], compiled), _location(samples[other], compiled), key=document.line)
            message = f"{text!r} ({samples[text].intent}) and {other!r} ({samples[other].intent}) sound alike"
            yield at(later, message)


def _settings(compiled: Compiled, at: _At) -> Iterator[Finding]:
    for intent in compiled.file.oyez.actions:
        if intent != "*" and intent not in compiled.file.intents:
            yield at(("oyez", "actions", intent), f"an action for {intent!r}, which is not an intent of this file")


def _unknown_words(compiled: Compiled, vocabulary: Collection[str], at: _At) -> Iterator[Finding]:
    unknown = unknown_words(compiled, vocabulary)
    locations: dict[str, Location] = {}
    for location, text in spoken_texts(compiled.file) if unknown else ():
        with suppress(SpokenError):
            for word in spell(text).split():
                locations.setdefault(word, location)
    for word in unknown:
        yield at(locations.get(word, ()), f"the model does not know the word {word!r}")


def unknown_words(compiled: Compiled, vocabulary: Collection[str]) -> list[str]:
    """Return the words of the sentences that a model with a vocabulary does not know; none for a model without one.

    All sentences are looked at, whatever rules and lists their words are put together from. What may be said in several
    ways (tv, t v) is known if one of them is; free text does not count.
    """
    if not vocabulary:
        return []
    known, found = set(vocabulary), set()
    automaton = compile_commands(compiled.file, Document({}, {}), vocabulary).automaton
    following: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for source, symbol, target in automaton.arcs.tolist():
        following[source].append((symbol, target))
    ends = set(automaton.ends.tolist())
    seen = {(0, "")}  # states, and what was said of a word on the way there
    pending = [(0, "")]
    while pending:
        state, word = pending.pop()
        if state in ends and word:
            found.add(word)
        for symbol, target in following[state]:
            if symbol == EPSILON or symbol >= FIRST_TAG:
                step = (target, word)
            elif symbol % LABELS == SPACE:
                found.add(word)
                step = (target, "")
            else:
                step = (target, word if symbol >= LABELS else word + decode([symbol]))
            if step not in seen and len(seen) < _MOST_WORDS:
                seen.add(step)
                pending.append(step)
    return sorted(found - known - {""})


_SOUNDS = [(re.compile(letters), sound) for letters, sound in [
    ("tch", "ch"), ("ph", "f"), ("ight", "ait"), ("gh", ""), ("^kn", "n"), ("^wr", "r"), ("wh", "w"), ("ck|q", "k"),
    ("c(?=[eiy])", "s"), ("c(?!h)", "k"), ("x", "ks"), ("z", "s"), ("dge?", "j"), ("(?<=[^aeiou])e$", ""),
    ("(?<=.)y$", "i"), (r"([aeiou])[aeiou]+", r"\1"), (r"(.)\1", r"\1"),
]]  # fmt: skip


def sound_distance(word: str, other: str) -> float:
    """Return how differently two words sound, 0 to 1: the edit distance of their sounds by their length.

    The sounds keep the vowels. Metaphone drops them and NYSIIS makes them one: both take bedroom for bathroom.
    """
    return Levenshtein.normalized_distance(_sounds(word), _sounds(other))


def _sounds(word: str) -> str:
    """Return roughly how a word sounds: silent letters left out, letters of one sound made one."""
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def _alike(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of texts that mean different things and differ in one word, which sounds alike."""
    rest: defaultdict[tuple[int, tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for text in texts:
        words = text.split()
        for n, word in enumerate(words):
            rest[n, (*words[:n], "", *words[n + 1 :])].append((word, text))
    for candidates in rest.values():
        for (word, text), (other_word, other) in combinations(candidates[:_SAMPLES], 2):
            if texts[text] != texts[other] and sound_distance(word, other_word) <= _ALIKE:
                yield text, other


def _location(sample: Sample, compiled: Compiled) -> Location:
    for intent, scope in scopes(compiled.file):
        if intent == sample.intent and sample.template in scope.block.sentences:
            return (*scope.location, "sentences", scope.block.sentences.index(sample.template))
    return ()
