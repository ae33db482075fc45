import home_assistant_intents
import pytest
from hassil import Intents, recognize_all
from hassil.parse_expression import parse_sentence
from hassil.sample import sample_sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.document import Document, Source
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import CommandsFile
from oyez.models.grammar.samples import MANY, count_sentences, draw_samples
from oyez.models.grammar.understanding import Understanding

words = st.text("aeo", min_size=1, max_size=3)


def sequences(items):
    return st.lists(items, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from(["", " "]).map(lambda gap: gap.join(parts))
    )


templates = st.recursive(
    words,
    lambda inner: st.one_of(
        sequences(inner),
        sequences(inner).map(lambda inside: f"[{inside}]"),
        st.lists(sequences(inner), min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.lists(sequences(inner), min_size=2, max_size=2).map(lambda parts: f" ({';'.join(parts)}) "),
    ),
    max_leaves=7,
)


@settings(max_examples=150, deadline=None)
@given(template=templates.map(lambda template: f"{template} z"))
def test_templates_mean_the_sentences_that_hassil_samples(of_sentences, language, template):
    sampled = {" ".join(text.split()) for text in sample_sentence(parse_sentence(template))}
    assert language(of_sentences(template).automaton) == sampled


@pytest.mark.parametrize(
    ("template", "sentences"),
    [
        ("turn on [the] light[s]", {"turn on light", "turn on lights", "turn on the light", "turn on the lights"}),
        ("[please] go", {"go", "please go"}),
        ("go [now]", {"go", "go now"}),
        ("[a] [b] c [d]", {"c", "a c", "b c", "a b c", "c d", "a c d", "b c d", "a b c d"}),
        ("(re|dis)connect", {"reconnect", "disconnect"}),
        ("a;b;c", {"a b c", "a c b", "b a c", "b c a", "c a b", "c b a"}),
        ("set {0..2}%", {f"set {n} percent" for n in ("zero", "one", "two")}),
        ("it's 5", {"it's five"}),
        ("it['s] 'so'", {"it so", "it's so"}),
        ("[it]'s on", {"it's on", "s on"}),
        ("go to Straße", {"go to strasse"}),
    ],
)
def test_spaces_come_out_single(of_sentences, language, template, sentences):
    assert language(of_sentences(template).automaton) == sentences


def test_home_assistants_sentences_mean_what_hassil_says():
    data = dict(home_assistant_intents.get_intents("en"))
    data["lists"] = {
        **data["lists"],
        "area": {"values": ["kitchen", {"in": "living[ ]room", "out": "lounge"}]},
        "floor": {"values": ["ground floor", "attic"]},
        "name": {
            "values": [
                {"in": "reading lamp", "out": "lamp", "context": {"domain": "light"}},
                {"in": "garage door", "out": "garage", "context": {"domain": "cover"}},
                {"in": "front door", "out": "front", "context": {"domain": "lock"}},
                {"in": "radio", "out": "radio", "context": {"domain": "media_player"}},
            ]
        },
    }
    file = CommandsFile.model_validate(data)
    understanding = Understanding(compile_commands(file, Document({}, {})))
    intents = Intents.from_dict(data)
    agreed = 0
    for sample in draw_samples(file, 150, seed=3):
        if not sample.is_whole or "volume_step_down" in sample.template:  # hassil forgets its multiplier for words
            continue
        expected = [
            (result.intent.name, {entity.name: entity.value for entity in result.entities_list})
            for result in recognize_all(sample.text, intents, intent_context={"area": "kitchen"})
        ]
        ours = [(match.intent, dict(match.slots), match.block) for match in understanding.meanings(sample.text)]
        assert ours, sample
        for intent, slots, block in ours:
            fixed = file.intents[intent].data[block].slots
            at_home = {**fixed, **slots}
            if any(intent == name and at_home.items() <= {**found}.items() for name, found in expected):
                agreed += 1
                break
        else:
            pytest.fail(f"{sample}: {ours}, and hassil says {expected}")
    assert agreed > 80


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("sentences: ['turn {x} on']", r"line 4: there is no list \{x\}; none is defined"),
        ("sentences: ['turn {x} on']\nlists: {y: {values: [a]}}", r"line 4: there is no list \{x\}; there are y"),
        ("sentences: ['go <r>']\nexpansion_rules:\n  r: a <s>", "line 6: there is no rule <s>; there are r"),
        ("sentences: ['go <r>']\nexpansion_rules:\n  r: a <s>\n  s: b <r>", "line 7: the rule <r> contains itself"),
        ("sentences: ['go {x}']\nlists:\n  x: {values: []}", r"line 6: the list \{x\} is empty"),
        ("sentences: ['go {x}']\nlists:\n  x:\n    values:\n      - a\n      - 'b 🙂'", "line 9: .*SLIGHTLY SMILING"),
        ("sentences: ['go {x}']\nlists:\n  x:\n    values:\n      - '!'", "line 8: nothing to say"),
        ("sentences:\n          - go\n          - go 🙂", "line 6: unsupported character '🙂'"),
        (
            "sentences: [go 🙂, go 📺]\nlists:\n  x:\n    values: [a👍]",
            r"line 4: unsupported character '🙂' .*; also unsupported: '📺' \(line 4\), '👍' \(line 7\)$",
        ),
        (
            "sentences: ['in {area}']",
            r"there is no list \{area\}; none is defined. Home Assistant fills it in by itself: "
            r"write its names under `lists:`, as in area: \{values",
        ),
        ("sentences: ['on <name>']", "there is no rule <name>.*: write it under `expansion_rules:`"),
        ("sentences: ['(a']", "line 4: '\\(a' is not a sentence template"),
        ("sentences: ['']", "line 4: '' is not a sentence template"),
        ("sentences: ['{9..1}']", r"line 4: \{9..1\} is not a range"),
        ("sentences: ['{0..99999999}']", r"line 4: \{0..99999999\} is not a range"),
        ("sentences: []", "no sentence in this file can be said"),
        ("sentences: [go]\nskip_words: [please, '{x}']", r"line 5: there is no list \{x\}"),
        ("sentences: [go]\noyez: {wake: '...'}", "line 5: the wake phrase is empty"),
        ("sentences: [go]\noyez:\n  wake: hey", "line 6: the wake phrase 'hey' has 1 syllable;"),
        ("sentences: [go]\noyez: {spellings: {a: '🙂'}}", "line 5: unsupported character '🙂'"),
        ("sentences: [go]\noyez: {spellings: {please: '...'}}", "line 5: nothing to say in '...'"),
        ("sentences: []\noyez: {wake: hey computer}", "no sentence in this file can be said"),
        (f"sentences: ['{{0..{10**19 - 1}:n}}']", "is not a range of numbers"),
        (f"sentences: ['{{n}}']\nlists: {{n: {{range: {{from: {10**19}, to: {10**19 + 1}}}}}}}", "less than or equal"),
        ("sentences: ['{n}']\nlists: {n: {range: {from: 0, to: 9, multiplier: inf}}}", "finite number"),
        (f"sentences: ['{'[' * 400}a{']' * 400}']", "line 4: this is nested too deeply"),
        (
            f"sentences: ['{';'.join('abcdefghijk')}']",
            "line 4: too many ways to say this: 11 parts in any order .limit 8",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(compiled, file, message):
    with pytest.raises(CommandsError, match=message):
        compiled(f"intents:\n  Go:\n    data:\n      - {file}\n")


def test_a_bomb_of_nested_optionals_is_a_small_graph(of_sentences):
    bomb = of_sentences(" ".join(f"[a{chr(97 + n)} [b{chr(97 + n)} (c|d)]]" for n in range(26)) + " end")
    assert count_sentences(bomb.file) > 10**9
    assert bomb.grammar().states < 10_000
    assert [match.intent for match in Understanding(bomb).meanings("aa ac bc d az end")] == ["Go"]


@pytest.mark.parametrize("leaf", ["a", "[a]", "[]a", "(a|b|c)"])
def test_rules_that_double_and_double_are_refused(compiled, leaf):
    rules = "".join(f"  r{n}: '<r{n - 1}><r{n - 1}>'\n" for n in range(1, 40))
    text = f"intents:\n  Go:\n    data:\n      - sentences: [<r39>]\nexpansion_rules:\n  r0: '{leaf}'\n{rules}"
    with pytest.raises(CommandsError, match=r"too many ways to say this|not a sentence template"):
        compiled(text)


def test_too_large_a_graph_is_refused_before_it_is_built(compiled):
    names = ", ".join(f"name {chr(97 + n // 26)}{chr(97 + n % 26)} {'x' * (n % 40 + 1)}" for n in range(600))
    sentences = ", ".join(f"'{chr(97 + n % 26) * (n // 26 + 1)} {{n}} {{n}} {n}'" for n in range(400))
    commands = compiled(
        f"intents:\n  Go:\n    data:\n      - sentences: [{sentences}]\nlists: {{n: {{values: [{names}]}}}}"
    )
    with pytest.raises(CommandsError, match="graph of these sentences is too large"):
        commands.grammar()


def test_blocks_see_the_values_that_their_context_allows(compiled):
    commands = compiled(
        """
intents:
  Dim: {data: [{sentences: ["dim {name}"], requires_context: {domain: light}}]}
  Open: {data: [{sentences: ["open {name}"], requires_context: {domain: [cover, valve], area: {slot: true}}}]}
  Ask: {data: [{sentences: ["is {name} on"]}]}
lists:
  name:
    values:
      - {in: lamp, context: {domain: light}}
      - {in: blind, context: {domain: {value: cover}}}
      - clock
"""
    )
    meant = Understanding(commands)
    heard = {text for text in ("dim lamp", "dim blind", "dim clock", "open blind", "open lamp", "is blind on")
             if meant.meanings(text)}  # fmt: skip
    assert heard == {"dim lamp", "dim clock", "open blind", "is blind on"}


def test_blocks_do_not_see_the_values_that_their_context_excludes(compiled):
    meant = Understanding(
        compiled(
            """
intents:
  Switch: {data: [{sentences: ["switch on {name}"], excludes_context: {domain: [cover, valve]}}]}
  Ask: {data: [{sentences: ["is {name} on"]}]}
lists: {name: {values: [{in: lamp, context: {domain: light}}, {in: blind, context: {domain: cover}}, clock]}}
"""
        )
    )
    heard = {text for name in ("lamp", "blind", "clock") for text in (f"switch on {name}", f"is {name} on")
             if meant.meanings(text)}  # fmt: skip
    assert heard == {"switch on lamp", "switch on clock", "is lamp on", "is blind on", "is clock on"}


def test_the_slot_of_a_templated_value_without_out_holds_what_was_said(compiled):
    meant = Understanding(
        compiled(
            """
intents: {Go: {data: [{sentences: ["go to {room}"]}]}}
lists: {room: {values: ["(living[ ]room|lounge)", {in: "bed[ ]room"}, {in: "(den|study)", out: den}]}}
"""
        )
    )
    slots = {text: meant.meanings(f"go to {text}")[0].slots["room"] for text in ("lounge", "bed room", "study")}
    assert slots == {"lounge": "lounge", "bed room": "bed room", "study": "den"}


def test_a_template_whose_list_is_empty_here_is_remembered_and_the_others_count(compiled):
    commands = compiled(
        "intents:\n  Dim:\n    data:\n      - sentences:\n          - stop\n          - dim {name}\n"
        "        requires_context: {domain: light}\n"
        "lists: {name: {values: [{in: blind, context: {domain: cover}}]}}"
    )
    assert commands.unsayable == (("dim {name}", Source(6)),)
    assert Understanding(commands).meanings("stop")


def test_a_value_may_hold_a_list(compiled, language):
    commands = compiled(
        """
intents:
  Go: {data: [{sentences: ["go {a}"]}]}
lists:
  a: {values: ["big {b} <c>", home]}
  b: {values: [dog, "{d}"]}
  d: {values: [cat, cow]}
expansion_rules: {c: "[now]"}
"""
    )
    animals = {f"go big {animal}{now}" for animal in ("dog", "cat", "cow") for now in ("", " now")}
    assert language(commands.automaton) == {"go home", *animals}
    assert [match.slots["b"] for match in Understanding(commands).meanings("go big dog now")] == ["dog"]


def test_a_list_of_the_file_is_read_with_the_rules_of_each_block(compiled):
    commands = compiled(
        """
intents:
  See: {data: [{sentences: ["see {p}"], expansion_rules: {x: red}}]}
  Find: {data: [{sentences: ["find {p}"], expansion_rules: {x: blue}}]}
lists: {p: {values: ["<x> one"]}}
"""
    )
    said = ("see red one", "find blue one", "see blue one", "find red one")
    assert [bool(Understanding(commands).meanings(text)) for text in said] == [True, True, False, False]


def test_values_that_python_takes_for_equal_stay_apart(compiled):
    commands = compiled(
        """
intents:
  See: {data: [{sentences: ["see {p}"], lists: {p: {values: [{in: "on", out: true}]}}}]}
  Find: {data: [{sentences: ["find {p}"], lists: {p: {values: [{in: one, out: 1}]}}}]}
"""
    )
    [match] = Understanding(commands).meanings("find one")
    assert match.slots == {"p": 1}
    assert match.slots["p"] is not True


def test_a_phrase_of_several_words_may_be_said_otherwise_in_a_sentence(compiled):
    commands = compiled(
        """
intents:
  Go: {data: [{sentences: ["[please] left turn off [now]"]}]}
oyez: {spellings: {turn off: right stop}}
"""
    )
    meant = Understanding(commands)
    [match] = meant.meanings("please left right stop now")
    assert match.text == "please left turn off now"
    assert match.spans == ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4))
    assert meant.meanings("left turn off")


def test_local_rules_and_lists_come_before_those_of_the_file(compiled):
    commands = compiled(
        "intents:\n  Go:\n    data:\n      - sentences: ['<r> {x}']\n        expansion_rules: {r: go}\n"
        "        lists: {x: {values: [home]}}\n      - sentences: ['<r> {x}']\n"
        "expansion_rules: {r: run}\nlists: {x: {values: [away]}}"
    )
    meant = Understanding(commands)
    assert meant.meanings("go home")[0].slots == {"x": "home"}
    assert meant.meanings("run away")[0].slots == {"x": "away"}
    assert not meant.meanings("go away")


def test_counts_and_samples_agree(of_sentences, language):
    commands = of_sentences("[a] (b|c) {n}", "d;e", rest="lists: {n: {values: [x, 'y[z]']}}")
    assert count_sentences(commands.file) == 2 * 2 * 3 + 2
    samples = draw_samples(commands.file, 100)
    assert {sample.text for sample in samples} <= language(commands.automaton)
    assert len(samples) == len({sample.text for sample in samples}) >= 12
    assert draw_samples(commands.file, 5, seed=1) == draw_samples(commands.file, 5, seed=1)


def test_a_number_without_end_is_many(of_sentences):
    bomb = of_sentences("[a] " * 200 + "z")
    assert count_sentences(bomb.file) == MANY
