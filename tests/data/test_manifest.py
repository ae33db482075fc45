import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oyez.data.manifest import ManifestError, Utterance, read_manifest, write_manifest

TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)))  # lone surrogates are in no file
SECONDS = st.floats(0, 1e9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, SECONDS, st.none() | SECONDS), min_size=1, max_size=5))
@example([('she said "go"\tand\nleft \\', "O'Neill\u2028", 0.0, None)])
def test_what_was_written_is_read_back(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp()
    utterances = [
        Utterance(folder / f"{n}.wav", text, speaker, offset, duration)
        for n, (text, speaker, offset, duration) in enumerate(rows)
    ]

    write_manifest(folder / "round.jsonl", utterances)

    assert read_manifest(folder / "round.jsonl") == utterances


def test_a_folder_with_its_manifest_can_be_moved(tmp_path):
    (tmp_path / "here").mkdir()
    write_manifest(tmp_path / "here/manifest.jsonl", [Utterance(tmp_path / "here/clips/a.wav", "yes")])
    (tmp_path / "here").rename(tmp_path / "there")

    assert read_manifest(tmp_path / "there/manifest.jsonl")[0].path == tmp_path / "there/clips/a.wav"


def test_files_elsewhere_keep_their_whole_path(tmp_path):
    (tmp_path / "lists").mkdir()
    write_manifest(tmp_path / "lists/manifest.jsonl", [Utterance(tmp_path / "audio/a.wav", "yes")])

    assert json.loads((tmp_path / "lists/manifest.jsonl").read_text())["path"] == str(tmp_path / "audio/a.wav")
    assert read_manifest(tmp_path / "lists/manifest.jsonl")[0].path == tmp_path / "audio/a.wav"


def test_an_interrupted_writing_leaves_the_old_manifest(tmp_path):
    def interrupted():
        yield Utterance(tmp_path / "new.wav", "new")
        raise KeyboardInterrupt

    old = [Utterance(tmp_path / "old.wav", "old")]
    write_manifest(tmp_path / "m.jsonl", old)

    with pytest.raises(KeyboardInterrupt):
        write_manifest(tmp_path / "m.jsonl", interrupted())

    assert read_manifest(tmp_path / "m.jsonl") == old


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "m.jsonl",
            '{"path": "a.wav", "text": "it\'s \\"on\\"", "speaker": "kim", "offset": 1.5, "duration": 2, "mood": 1}\n'
            '\n{"path": "/b.wav", "text": "", "speaker": null, "offset": null}\n',
        ),
        (
            "m.tsv",
            'path\ttext\tmood\tspeaker\toffset\tduration\na.wav\tit\'s "on"\t1\tkim\t1.5\t2\n\n/b.wav\tnothing\n',
        ),
    ],
    ids=["jsonl", "tsv"],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_manifests_by_hand_are_read(tmp_path, name, content, mark, line_end):
    (tmp_path / name).write_bytes((mark + content.replace("\n", line_end)).encode())

    first, second = read_manifest(tmp_path / name)

    assert first == Utterance(tmp_path / "a.wav", 'it\'s "on"', "kim", 1.5, 2.0)
    assert (second.path, second.speaker, second.offset, second.duration) == (Path("/b.wav"), "", 0.0, None)


@pytest.mark.parametrize(("speaker", "name"), [("7", "7"), ("0", "0"), ('"kim"', "kim"), ("null", ""), ('""', "")])
def test_speakers_may_be_numbers(tmp_path, speaker, name):
    (tmp_path / "m.jsonl").write_text(f'{{"path": "a.wav", "text": "yes", "speaker": {speaker}}}')

    assert read_manifest(tmp_path / "m.jsonl")[0].speaker == name


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("yes", "not a JSON object"),
        ('{"path": "a.wav", "text": "yes"', "not a JSON object"),
        ('["a.wav", "yes"]', "not a JSON object but list"),
        ("1" * 5000, "not a JSON object"),
        ('{"text": "yes"}', "'path' is missing"),
        ('{"path": "a.wav"}', "'text' is missing"),
        ('{"path": 7, "text": "yes"}', "'path' is missing or no text"),
        ('{"path": "a.wav", "text": null}', "'text' is missing or no text"),
        ('{"path": "a.wav", "text": "yes", "offset": -1}', "'offset' is -1"),
        ('{"path": "a.wav", "text": "yes", "offset": "soon"}', "'offset' is 'soon'"),
        ('{"path": "a.wav", "text": "yes", "offset": [1]}', "'offset'"),
        ('{"path": "a.wav", "text": "yes", "duration": NaN}', "'duration' is nan"),
        ('{"path": "a.wav", "text": "yes", "duration": 1e999}', "'duration' is inf"),
        ('{"path": "a.wav", "text": "yes", "duration": 1' + "0" * 400 + "}", "'duration' is 1000"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path, line, reason):
    (tmp_path / "bad.jsonl").write_text('{"path": "a.wav", "text": "yes"}\n\n' + line + "\n")

    with pytest.raises(ManifestError, match=r"bad\.jsonl, line 3: .*" + reason.replace("[", r"\[")):
        read_manifest(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1: the header row lacks path and text"),
        ("a.wav\tyes\n", "line 1: the header row lacks path and text"),
        ("path\tspeaker\n", "line 1: the header row lacks text"),
        ("path\ttext\na.wav\tyes\nb.wav\n", "line 3: 'text' is missing"),
        ("path\ttext\na.wav\tyes\n\tno\n", "line 3: 'path' is missing"),
        ("path\ttext\toffset\na.wav\tyes\t0\nb.wav\tno\t-2\n", "line 3: 'offset' is '-2'"),
        ("path\ttext\tduration\na.wav\tyes\t1\nb.wav\tno\tlong\n", "line 3: 'duration' is 'long'"),
    ],
)
def test_a_bad_tsv_line_is_named(tmp_path, content, reason):
    (tmp_path / "bad.tsv").write_text(content)

    with pytest.raises(ManifestError, match=rf"bad\.tsv, {reason}"):
        read_manifest(tmp_path / "bad.tsv")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.csv", b"path,text\n", "a .jsonl or a .tsv"),
        ("none.jsonl", b"", "no utterance"),
        ("none.jsonl", b"\n \n", "no utterance"),
        ("none.tsv", b"path\ttext\n", "no utterance"),
        ("latin.jsonl", '{"path": "a.wav", "text": "café"}'.encode("latin-1"), "not UTF-8"),
        ("latin.tsv", "path\ttext\na.wav\tcafé".encode("latin-1"), "not UTF-8"),
        ("missing.jsonl", None, "No such file"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ManifestError, match=rf"{name}: .*{reason}"):
        read_manifest(tmp_path / name)
