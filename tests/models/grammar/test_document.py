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
        ("a: [1, 2", r"^line \d+: this is no YAML"),
        ("a: b: c", "line 1: this is no YAML"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is given twice"),
        ("a: &x [1]\nb: *x", "line 2: aliases"),
        ("? [1]\n: 2", "line 1: a key must be a word"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("x: \x07", "this is no YAML"),
        ("[" * 100_000, "line 1: nested deeper than"),
        ("{a: " * 100_000, "line 1: nested deeper than"),
    ],
)
def test_what_is_no_harmless_yaml_is_named_with_its_line(text, message):
    with pytest.raises(CommandsError, match=message):
        read_yaml(text)


def test_a_billion_laughs_end_at_the_first():
    text = "a0: &a0 ha\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    with pytest.raises(CommandsError, match="line 2: aliases"):
        read_yaml(text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "just words"])
def test_what_holds_no_mapping_is_read_as_it_is(text):
    assert not isinstance(read_yaml(text).data, dict)
