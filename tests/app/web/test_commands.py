import gradio as gr
import pytest

from oyez.app.web.commands import EXAMPLE, LONGEST_FILE, check, hear, say
from oyez.models.recognizer import Recognizer


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load("commands")


def test_example_has_nothing_to_find_fault_with():
    shown = check(EXAMPLE)
    assert shown.startswith("3 intents, 15 sentences")
    assert "line" not in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("intents:\n  A: {data: [{sentences: ['go {x}']}]}", "line 2: there is no list {x}"),
        ("yes\nno\nyes", "line 3: &#x27;yes&#x27; is given twice"),
        ("", "there is no sentence"),
        ("a" * (LONGEST_FILE + 1), "at most 50,000 here"),
        ("intents:\n  <script>: {data: [{sentences: [a <b>]}]}", "no rule &lt;b&gt;"),
    ],
)
def test_what_is_wrong_is_told_and_is_no_markup(text, message):
    shown = check(text)
    assert "cannot be used" in shown
    assert message in shown
    assert "<script>" not in shown


def test_a_plain_list_works_too():
    assert check("yes\nno\n").startswith("2 intents, 2 sentences")


@pytest.mark.parametrize(("said", "shown"), [
    ("go forward", "**Go** `direction=ahead`"), ("7", "**Count** `digit=7`"), ("go lft", "Nearest is *go left*"),
    ("🙂", "unsupported character"), (" ", ""),
])  # fmt: skip
def test_typed_text_is_understood(said, shown):
    assert shown in say(EXAMPLE, said)


def test_recordings_are_heard_with_the_edited_file(recognizer, spoken):
    assert "### Count `digit=7`" in hear(recognizer, EXAMPLE, str(spoken / "seven.flac"))
    refused = hear(recognizer, EXAMPLE, str(spoken / "stop.flac"))
    assert "### No command" in refused
    assert "recognised: *stop*" in refused
    assert "does not know: music" in hear(recognizer, "stop\nmusic\n", str(spoken / "stop.flac"))
    assert hear(recognizer, EXAMPLE, None) == ""


def test_what_is_no_recording_is_an_error(recognizer, tmp_path):
    (tmp_path / "x.wav").write_text("no sound")
    with pytest.raises(gr.Error):
        hear(recognizer, EXAMPLE, str(tmp_path / "x.wav"))
    with pytest.raises(gr.Error, match="deleted within a minute"):
        hear(recognizer, EXAMPLE, str(tmp_path / "gone.wav"))
