import pytest

from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.reading import parse_commands
from oyez.models.grammar.review import review

START = "intents:\n  A:\n    data:\n      - sentences: "


def findings(text):
    file, document = parse_commands(text, is_yaml=True)
    return [(finding.line, finding.message) for finding in review(compile_commands(file, document), document)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[go on]\n  B:\n    data:\n      - sentences: ['go [on]']", 4, "'go on' belongs to A and to B"),
        ("[play four]\n  B:\n    data:\n      - sentences: ['play for']", 7, "sound alike"),
        ("['{n}']\nlists:\n  n:\n    values:\n      - fifteen\n      - fifty", 9, "'fifteen' and 'fifty' of {n} sound"),
        ("['{n}']\nlists:\n  n:\n    values:\n      - write it\n      - right it", 9, "sound alike"),
        ("['{n}']\nlists:\n  n:\n    values:\n      - {in: big light, out: l}\n      - {in: Big-light, out: b}", 9,
         "'Big-light' of {n} is both 'l' and 'b'"),
        ("[go]\noyez:\n  actions:\n    Gone: {print: x}", 7, "'Gone', which is not an intent"),
        ("[go, 'dim {x}']\n        requires_context: {d: a}\nlists: {x: {values: [{in: b, context: {d: c}}]}}", 4,
         "'dim {x}' describes no sentence"),
    ],
)  # fmt: skip
def test_what_may_be_a_mistake_is_named_with_its_line(text, line, message):
    found = findings(START + text)
    assert len(found) == 1
    assert found[0][0] == line
    assert message in found[0][1]


@pytest.mark.parametrize(
    "text",
    [
        "['turn on the light', 'turn off the light']",
        "['{n}']\nlists: {n: {values: [kitchen, {in: colour, out: c}, {in: color, out: c}, garden]}}",
        "['{n}']\nlists: {n: {range: {from: 0, to: 100}}}",
        "['go {x}']\n  B:\n    data:\n      - sentences: ['go home']\nlists: {x: {wildcard: true}}",
        "[go]\noyez: {wake: hey computer, actions: {A: {print: x}, '*': {print: y}}}",
        "['{n}']\nlists: {n: {values: [{in: tv, out: a, context: {d: a}}, {in: tv, out: b, context: {d: b}}]}}",
        "[go]\nlists: {unused: {values: [日本]}}",
    ],
)
def test_what_is_no_mistake_is_not_named(text):
    assert findings(START + text) == []
