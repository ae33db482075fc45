import pytest

from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.reading import LARGEST, parse_commands, read_commands

INTENT = "intents:\n  Go:\n    data:\n      - sentences: [go]\n"


def test_home_assistants_keys_that_say_nothing_about_speech_are_left_alone():
    file, _ = parse_commands(
        INTENT + "        response: done\n        metadata: {a: 1}\nresponses: {intents: {}}\nsettings: {x: 1}\n", True
    )
    assert file.intents["Go"].data[0].sentences == ["go"]


def test_values_are_words_numbers_or_in_and_out():
    file, _ = parse_commands(INTENT + "lists: {n: {values: [red, 5, on, {in: a, out: [1]}, {in: b}]}}", True)
    assert [(value.said, value.out) for value in file.lists["n"].values] == [
        ("red", "red"), ("5", 5), ("on", "on"), ("a", [1]), ("b", "b")
    ]  # fmt: skip


def test_plain_list_is_an_intent_a_line(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeff# words\nyes\n\n  turn (on|off)\n", encoding="utf-8")
    file, document = read_commands(path)
    assert list(file.intents) == ["yes", "turn (on|off)"]
    assert document.line(("intents", "turn (on|off)", "data", 0)) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "a mapping with the key `intents`"),
        ("{}", "intents: Field required"),
        ("intents: {}", "line 1: intents:"),
        ("intents:\n  A:\n    data:\n      - sentence: [x]", "line 4: intents.A.data.0.sentences: Field required"),
        (INTENT + "lists:\n  n: {}", "line 6: lists.n: a list has either"),
        (INTENT + "lists:\n  n:\n    values: [a]\n    wildcard: true", "line 6: lists.n: a list has either"),
        (INTENT + "lists:\n  n:\n    range: {from: 5, to: 1}", "line 7: lists.n.range: from 5 to 1"),
        (INTENT + "lists:\n  n:\n    range: {from: 0, to: 100000000}", "limit 10,000"),
        (INTENT + "lists:\n  n:\n    range: {from: 0, to: 5, step: 0}", "line 7: lists.n.range.step"),
        (INTENT + "lists:\n  n:\n    values:\n      - {in: [a]}", "line 8: lists.n.values.0.in"),
        (INTENT + "oyez:\n  actions:\n    Go: {run: [a], print: b}", "line 7: oyez.actions.Go: an action is either"),
        (INTENT + "oyez:\n  actions:\n    Go: {post: 'file:///etc'}", "Go.post: 'file:///etc' is not an address"),
        (INTENT + "oyez:\n  treshold: 0.4", "line 6: oyez.treshold: Extra inputs"),
        (INTENT + "oyez:\n  threshold: 4", "line 6: oyez.threshold"),
        ("language: de\n" + INTENT, "line 1: language: 'de' is not supported; English is: en, en-GB, en-US$"),
        ("intents:\n  A:\n    data:\n      - sentences: ['" + "a" * 3000 + "']", "line 4: .* at most 2000"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, message):
    with pytest.raises(CommandsError, match=message):
        parse_commands(text, is_yaml=True)


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_a_list_of_nothing_is_refused(text):
    with pytest.raises(CommandsError, match="no sentence"):
        parse_commands(text, is_yaml=False)


def test_the_same_line_twice_is_refused():
    with pytest.raises(CommandsError, match="line 3: 'yes' is given twice"):
        parse_commands("yes\nno\nyes\n", is_yaml=False)


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a" * 10_000_000)
    with pytest.raises(CommandsError, match=f"10,000,000 bytes .limit {LARGEST:,}"):
        read_commands(path)


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CommandsError, match="No such file"):
        read_commands(tmp_path / "none.yaml")
    with pytest.raises(CommandsError, match=r"no \.yaml, \.yml or \.json file in this folder"):
        read_commands(tmp_path)
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandsError, match="UTF-8"):
        read_commands(tmp_path / "binary.txt")
