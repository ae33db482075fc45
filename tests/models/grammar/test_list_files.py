import json

import pytest

from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.list_files import read_list_values
from oyez.models.grammar.reading import parse_commands, read_commands

ENTITIES = {
    "version": 1,
    "key": "core.entity_registry",
    "data": {
        "entities": [
            {
                "entity_id": "light.lamp",
                "name": None,
                "original_name": "Reading Lamp",
                "aliases": ["lamp"],
            },
            {"entity_id": "cover.door", "name": "Garage (left)", "original_name": "Door 1", "aliases": []},
            {"entity_id": "light.old", "original_name": "Old", "disabled_by": "user"},
            {"entity_id": "sensor.none"},
        ]
    },
}


def test_a_text_file_holds_a_value_a_line(tmp_path):
    (tmp_path / "names.txt").write_text("\ufeffkitchen\n\n# upstairs\nbed[ ]room # the large one\n", encoding="utf-8")
    assert read_list_values("names.txt", tmp_path) == ["kitchen", "bed[ ]room"]


@pytest.mark.parametrize("content", ["[a, 5, {in: b, out: c}]", "values: [a, 5, {in: b, out: c}]"])
def test_yaml_holds_values_as_a_list_does(tmp_path, content):
    (tmp_path / "names.yaml").write_text(content)
    assert read_list_values("names.yaml", tmp_path) == ["a", 5, {"in": "b", "out": "c"}]


@pytest.mark.parametrize("name", ["entities.json", "core.entity_registry"])
def test_home_assistants_entities_are_names_and_aliases_with_their_ids(tmp_path, name):
    (tmp_path / name).write_text(json.dumps(ENTITIES))
    light, cover = {"domain": "light"}, {"domain": "cover"}
    assert read_list_values(name, tmp_path) == [
        {"in": "Reading Lamp", "out": "light.lamp", "context": light},
        {"in": "lamp", "out": "light.lamp", "context": light},
        {"in": "Garage left", "out": "cover.door", "context": cover},
    ]


def test_home_assistants_areas_and_states_are_read(tmp_path):
    areas = {"data": {"areas": [{"id": "living_room", "name": "Living room", "aliases": ["lounge"]}]}}
    states = [{"entity_id": "fan.hall", "state": "off", "attributes": {"friendly_name": "Hall fan"}}]
    (tmp_path / "areas.json").write_text(json.dumps(areas))
    (tmp_path / "states.json").write_text(json.dumps(states))
    assert [value["in"] for value in read_list_values("areas.json", tmp_path)] == ["Living room", "lounge"]
    assert read_list_values("states.json", tmp_path) == [
        {"in": "Hall fan", "out": "fan.hall", "context": {"domain": "fan"}}
    ]


def test_a_list_of_a_commands_file_is_read_from_beside_it(tmp_path):
    (tmp_path / "rooms.txt").write_text("kitchen\nattic\n")
    path = tmp_path / "home.yaml"
    path.write_text("intents: {Go: {data: [{sentences: ['go to {room}']}]}}\nlists:\n  room: {file: rooms.txt}\n")
    for source in (path, tmp_path):
        file, _ = read_commands(source)
        assert [value.said for value in file.lists["room"].values] == ["kitchen", "attic"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{file: none.txt}", r"line 3: lists\.room: none\.txt: cannot be read \(No such file"),
        ("{file: 5}", "line 3: lists.room: `file` is the path of a file"),
        ("{file: empty.txt}", "line 3: lists.room: empty.txt: there are no names"),
        ("{file: binary.txt}", "line 3: lists.room: binary.txt: not a text in UTF-8"),
        ("{file: many.txt}", r"many.txt: 10,001 values \(limit 10,000\)"),
        ("{file: wrong.json}", "line 3: lists.room: .*invalid YAML"),
        ("{file: one.txt, values: [a]}", "either `values` or a `file`"),
        ("{file: one.txt, wildcard: true}", "a list has either"),
        ('{file: "a\\0b"}', "not a text"),
    ],
)
def test_what_is_wrong_with_a_list_from_a_file_is_named(tmp_path, content, message):
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "one.txt").write_text("one\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "many.txt").write_text("\n".join(f"n{n}" for n in range(10_001)))
    (tmp_path / "wrong.json").write_text("[")
    path = tmp_path / "home.yaml"
    path.write_text(f"intents: {{Go: {{data: [{{sentences: ['go {{room}}']}}]}}}}\nlists:\n  room: {content}\n")
    with pytest.raises(CommandsError, match=message):
        read_commands(path)


def test_a_text_without_a_file_of_its_own_reads_no_others():
    text = "intents: {Go: {data: [{sentences: ['go {room}']}]}}\nlists: {room: {file: /etc/hostname}}"
    with pytest.raises(CommandsError, match="a list from a file needs a commands file on disk"):
        parse_commands(text)
