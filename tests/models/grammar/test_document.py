import pytest

from oyez.models.grammar.document import read_yaml
from oyez.models.grammar.errors import CommandsError


def test_every_node_knows_its_line():
    document = read_yaml("intents:\n  On:\n    data:\n      - sentences:\n          - turn on\n          - go\n")
    assert document.data == {"intents": {"On": {"data": [{"sentences": ["turn on", "go"]}]}}}
    assert document.line(("intents", "On", "data", 0, "sentences", 1)) == 6
    assert document.line(("intents", "On")) == 2
    assert document.line(("intents", "Off", "data")) == 1  # the nearest that is there


def test_only_true_and_false_are_truth_values():
    data = read_yaml("[on, off, yes, no, true, false, null, 5, -5, 1.5, '5', 1e3, 0x1]").data
    assert data == ["on", "off", "yes", "no", True, False, None, 5, -5, 1.5, "5", "1e3", "0x1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", r"^line \d+: invalid YAML"),
        ("a: b: c", "line 1: invalid YAML"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is given twice"),
        ("a: 1\nb: *x", "line 2: there is no anchor &x"),
        ("a: &x [1, *x]", r"line 1: the alias \*x is inside its own anchor"),
        ("a: &x 5\nb: {<<: *x}", "line 2: << takes mappings"),
        ("a: !include b.yaml", "line 1: tags are not supported: !include"),
        ("? [1]\n: 2", "line 1: a key must be a word"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("x: \x07", "invalid YAML"),
        ("[" * 100_000, "line 1: nested too deeply .limit 30"),
        ("{a: " * 100_000, "line 1: nested too deeply .limit 30"),
    ],
)
def test_what_is_no_harmless_yaml_is_named_with_its_line(text, message):
    with pytest.raises(CommandsError, match=message):
        read_yaml(text)


def test_aliases_repeat_their_anchors():
    document = read_yaml("a: &a {x: [1, 2], y: &y on}\nb: *a\nc: [*y, *y]\nd: {<<: *a, y: off}\ne: {<<: [{z: 1}, *a]}")
    content = {"x": [1, 2], "y": "on"}
    assert document.data == {
        "a": content, "b": content, "c": ["on", "on"], "d": {"x": [1, 2], "y": "off"}, "e": {**content, "z": 1}
    }  # fmt: skip
    assert document.line(("b", "x", 1)) == 2


def test_a_billion_laughs_end_at_the_bound():
    text = "a0: &a0 ha\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    with pytest.raises(CommandsError, match=r"line 7: aliases repeat too much \(limit 2,000,000"):
        read_yaml(text)


def test_a_long_text_cannot_be_repeated_without_end():
    with pytest.raises(CommandsError, match="aliases repeat too much"):
        read_yaml(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]")


def test_aliases_do_not_nest_deeper_than_allowed():
    text = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(CommandsError, match="line 30: nested too deeply"):
        read_yaml(text)


def test_json_and_a_byte_order_mark_are_read():
    assert read_yaml('\ufeff{"a": ["on", true, null, 1.5]}').data == {"a": ["on", True, None, 1.5]}


@pytest.mark.parametrize("text", ["", "# nothing\n", "just words"])
def test_what_holds_no_mapping_is_read_as_it_is(text):
    assert not isinstance(read_yaml(text).data, dict)
