import pytest

from oyez.app.measuring import RecordingsError, attempts_of
from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.reading import read_commands
from oyez.models.recognizer import Recognizer


@pytest.fixture
def tune(tmp_path, spoken):
    """(commands file, {recording: text}, other speech) -> (is a command, is right, is sure) of each attempt."""

    def run(text, texts, other=None):
        path = tmp_path / "commands.yaml"
        path.write_text(text)
        rows = [f"{spoken / name}.flac\t{text}" for name, text in texts.items()]
        (tmp_path / "manifest.tsv").write_text("\n".join(["path\ttext", *rows]))
        recognizer = Recognizer.load("commands").with_commands(path, threshold=0.0)
        attempts, skipped = attempts_of(
            recognizer, compile_commands(*read_commands(path)), tmp_path, spoken / other if other else None
        )
        return [(each.is_command, each.right, each.confidence > 0.5) for each in attempts], skipped

    return run


WORDS = "intents:\n  Stop: {data: [{sentences: [stop]}]}\n  Digit: {data: [{sentences: ['{0..9:digit}']}]}\n"


def test_a_text_of_the_file_is_a_command_and_any_other_is_speech_to_refuse(tune):
    attempts, _ = tune(WORDS, {"stop": "stop", "seven": "7", "yes": "yes"}, other="right.flac")
    assert attempts == [(True, True, True), (True, True, True), (False, False, False), (False, False, False)]


def test_a_command_with_another_slot_is_wrong(tune):
    assert tune(WORDS, {"seven": "six"})[0] == [(True, False, True)]


def test_with_a_wake_phrase_only_what_begins_with_it_counts(tune, monkeypatch):
    monkeypatch.setattr("oyez.models.grammar.wake_phrase.FEWEST_SYLLABLES", 2)
    woken = WORDS + "oyez: {wake: left right}\n"
    attempts, _ = tune(woken, {"left_right_stop": "left right stop", "stop": "stop"})
    assert attempts == [(True, True, True), (False, False, False)]


def test_a_wake_phrase_alone_is_measured_too(tune):
    woken = "intents:\n  Go: {data: [{sentences: [go]}]}\noyez: {wake: left right stop}\n"
    assert tune(woken, {"left_right_stop": "left right stop"})[0] == [(True, True, True)]


def test_what_cannot_be_read_or_said_is_skipped_by_name(tune):
    attempts, skipped = tune(WORDS, {"stop": "stop", "gone": "stop", "yes": "🙂"})
    assert len(attempts) == 1
    assert "gone.flac" in skipped[0]
    assert "🙂" in skipped[1]


def test_nothing_to_measure_on_is_an_error(tune):
    with pytest.raises(RecordingsError, match="none of the texts"):
        tune(WORDS, {"yes": "yes"})


def test_other_speech_is_a_folder_a_manifest_or_a_recording(tune, spoken, tmp_path):
    folder, manifest = tmp_path / "folder" / "below", tmp_path / "part.jsonl"
    folder.mkdir(parents=True)
    (folder / "right.flac").write_bytes((spoken / "right.flac").read_bytes())
    (folder / "notes.txt").write_text("no audio")
    manifest.write_text(f'{{"path": "{spoken / "right.flac"}", "text": ""}}\n')
    counts = {len(tune(WORDS, {"stop": "stop"}, other=other)[0]) for other in ("right.flac", folder.parent, manifest)}
    assert counts == {2}


@pytest.mark.parametrize(("other", "message"), [("nowhere", "no such file"), ("empty", "no audio in this folder")])
def test_other_speech_that_is_not_there_is_an_error(tune, tmp_path, other, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingsError, match=message):
        tune(WORDS, {"stop": "stop"}, other=tmp_path / other)
