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


def intents(folder):
    file, _ = read_commands(folder)
    return {name: [block.sentences for block in intent.data] for name, intent in file.intents.items()}


def test_comments_and_bullets_of_a_plain_list_are_no_part_of_its_sentences():
    text = "left\nright # to the right\n- stop\n* go on\n#no sentence\n  # nor this\nchannel #1\n-5 degrees\n"
    file, document = parse_commands(text)
    assert list(file.intents) == ["left", "right", "stop", "go on", "channel #1", "-5 degrees"]
    assert document.line(("intents", "channel #1")) == 7


@pytest.mark.parametrize(
    "text",
    [
        INTENT,
        "\ufeff" + INTENT,
        '"intents":\n  Go:\n    data:\n      - sentences: [go]\n',
        '{"language": "en", "intents": {"Go": {"data": [{"sentences": ["go"]}]}}}',
        "{language: en, intents: {Go: {data: [{sentences: [go]}]}}}",
        "'intents' : {Go: {data: [{sentences: [go]}]}}",
    ],
)
def test_yaml_and_json_are_known_by_their_key(text, tmp_path):
    for file, _ in (parse_commands(text), parse_commands(text, is_yaml=True)):
        assert file.intents["Go"].data[0].sentences == ["go"]
    for suffix in (".yaml", ".json", ".txt", ""):
        (tmp_path / f"file{suffix}").write_text(text, encoding="utf-8")
        assert intents(tmp_path / f"file{suffix}") == {"Go": [["go"]]}


@pytest.mark.parametrize("text", ["intents\n", "my intents: none", "go {intents:x}"])
def test_other_texts_are_plain_lists(text):
    assert list(parse_commands(text)[0].intents) == [text.strip()]


def test_a_folder_is_read_as_one_file(tmp_path):
    folder = tmp_path / "custom_sentences" / "en"
    folder.mkdir(parents=True)
    (tmp_path / "custom_sentences" / "de").mkdir()
    (tmp_path / "custom_sentences" / "de" / "a.yaml").write_text("language: de\n" + INTENT)
    (folder / "notes.txt").write_text("not for this")
    first = INTENT + "lists: {x: {values: [a]}}\nskip_words: [please]\nresponses: {a: 2}\n"
    more = INTENT.replace("[go]", "[run, walk]") + "lists: {x: {values: [a]}, y: {values: [b]}}\nresponses: {a: 1}\n"
    (folder / "a.yaml").write_text("language: en\n" + first)
    (folder / "b.yml").write_text("language: en\n" + more)
    (folder / "c.json").write_text('{"intents": {"Stop": {"data": [{"sentences": ["stop"]}]}}, "skip_words": ["now"]}')
    (folder / "d.yaml").write_text("# nothing yet\n")
    for path in (folder, tmp_path / "custom_sentences"):
        assert intents(path) == {"Go": [["go"], ["run", "walk"]], "Stop": [["stop"]]}
    file, document = read_commands(folder)
    assert file.skip_words == ["please", "now"]
    assert list(file.lists) == ["x", "y"]
    assert document.source(("intents", "Go", "data", 1, "sentences", 1)) == (5, folder / "b.yml")
    assert document.source(("intents", "Go", "data", 0, "sentences", 0)) == (5, folder / "a.yaml")
    assert document.source(("skip_words", 1)) == (1, folder / "c.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lists:\n  x: {values: [b]}", r"b\.yaml, line 2: lists\.x is also given in .*a\.yaml, line 5$"),
        ("a: [", r"b\.yaml, line \d: invalid YAML"),
        ("- go", r"b\.yaml, line 1: a commands file in YAML is a mapping"),
        ("language: de", r"b\.yaml, line 1: language is also given"),
        ("intents:\n  Run:\n    data: [{sentence: [x]}]", r"b\.yaml, line 3: intents\.Run\.data\.0\.sentences: Field"),
    ],
)
def test_mistakes_in_a_folder_are_named_with_their_file(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(INTENT + "lists: {x: {values: [a]}}\nlanguage: en\n")
    (tmp_path / "b.yaml").write_text(text)
    with pytest.raises(CommandsError, match=message):
        read_commands(tmp_path)


def test_the_files_of_a_folder_are_bounded_together(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text("#" + "x" * (LARGEST // 2))
    with pytest.raises(CommandsError, match="too large together"):
        read_commands(tmp_path)


def test_yaml_that_is_a_plain_list_says_where_that_belongs():
    with pytest.raises(CommandsError, match=r"a plain list of sentences is a \.txt file"):
        parse_commands("- left\n- right\n", is_yaml=True)
