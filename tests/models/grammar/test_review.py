import pytest

from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.reading import parse_commands, read_commands
from oyez.models.grammar.review import review, unknown_words

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
        ("['{n}']\nlists: {n: {wildcard: true}}", 4, "'{n}' matches any speech"),
        ("[go, '[please] ({n}|stop) [<r>]']\nexpansion_rules: {r: '[now]'}\nlists: {n: {wildcard: true}}", 4,
         "matches any speech"),
        ("[go]\n  B:\n    data:\n      - sentences: ['{n}']\nlists: {n: {values: [a, '{m}']}, m: {wildcard: true}}", 7,
         "matches any speech"),
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
        "['go {n}', '({n};now)', '[{n}] <r>']\nexpansion_rules: {r: 'stop [now]'}\nlists: {n: {wildcard: true}}",
    ],
)
def test_what_is_no_mistake_is_not_named(text):
    assert findings(START + text) == []


@pytest.mark.parametrize(
    ("text", "vocabulary", "unknown"),
    [
        ("[go home]", (), []),
        ("[go home]", ("go", "home"), []),
        ("['light[s] (on|off)']", ("light", "on"), ["lights", "off"]),
        ("['{n}s <r>']\nlists: {n: {values: [cat, dog]}}\nexpansion_rules: {r: run}", ("cats", "run"), ["dogs"]),
        ("['TV on']", ("tv", "on"), []),
        ("['TV on']", ("t", "v", "on"), []),
        ("['TV on']", ("on",), ["tv"]),
        (
            "['{0..101:n}']",
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
            None,
        ),
        ("['go {x}']\nlists: {x: {wildcard: true}}", ("go",), []),
        ("[go]\noyez: {wake: hey computer}\nskip_words: [please]", ("go", "hey"), ["computer", "please"]),
        ("[go]\noyez: {spellings: {go: run}}", ("run",), []),
    ],
)
def test_words_that_a_model_does_not_know_are_found(text, vocabulary, unknown):
    compiled = compile_commands(*parse_commands(START + text, is_yaml=True))
    found = unknown_words(compiled, vocabulary)
    if unknown is None:
        assert "hundred" in found
        assert "zero" not in found
    else:
        assert found == sorted(unknown)


def test_unknown_words_are_findings_with_a_line():
    file, document = parse_commands(START + "[go]\nskip_words:\n  - please\n", is_yaml=True)
    findings = review(compile_commands(file, document), document, vocabulary=["go"])
    assert [(finding.line, finding.message) for finding in findings] == [
        (6, "the model does not know the word 'please'")
    ]


def test_findings_of_a_folder_name_their_file(tmp_path):
    (tmp_path / "a.yaml").write_text(START + "[go]")
    (tmp_path / "b.yaml").write_text((START + "[go]").replace("A:", "B:"))
    file, document = read_commands(tmp_path)
    [finding] = review(compile_commands(file, document), document)
    assert finding.path in (tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert finding.line == 4
