import itertools
import json

import numpy as np
import pytest
import torch

from oyez.data.alphabet import BLANK, LABELS, encode
from oyez.data.audio import SAMPLE_RATE, read_audio
from oyez.models.grammar.errors import CommandsError
from oyez.models.grammar.file import Wake
from oyez.models.network import Model
from oyez.models.recognizer import LONGEST, Recognizer
from oyez.models.runtime.torch import TorchRuntime
from oyez.models.types import Command, RejectionCode

HOME = """
intents:
  Light:
    data:
      - sentences: ["turn (on|off) the {room} light"]
        slots: {device: light}
  Radio: {data: [{sentences: ["play {song} on the wi-fi TV"]}]}
  Stop: {data: [{sentences: [stop, no]}]}
lists:
  room: {values: [kitchen, {in: "living[ ]room", out: lounge}]}
  song: {wildcard: true}
"""


def as_heard(text, noise=1.0, seed=0):
    """Log-probabilities of a text as a model of 30 ms a step might give them."""
    rows = [row for label in encode(text) for row in (label, BLANK)]
    rows = [BLANK] * 4 + rows + [BLANK] * 4
    scores = noise * torch.randn(len(rows), LABELS, generator=torch.Generator().manual_seed(seed))
    scores[torch.arange(len(rows)), torch.tensor(rows)] += 9
    return torch.log_softmax(scores, dim=-1).numpy()


@pytest.fixture
def hear(tiny_recognizer, tmp_path, monkeypatch):
    """(text, commands file, ...) -> the transcript of it being said."""

    def transcribe(text, file=HOME, seconds=2.0, noise=1.0, **options):
        path = tmp_path / "commands.yaml"
        path.write_text(file)
        recognizer = tiny_recognizer().with_commands(path, **options)
        texts = [text] if isinstance(text, str) else text
        said = [as_heard(each, noise) for each in texts]
        monkeypatch.setattr(recognizer, "log_probs", lambda _: said)
        [transcript] = recognizer.transcribe([np.zeros(round(seconds * SAMPLE_RATE), np.float32)])
        return transcript

    return transcribe


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        ("turn on the kitchen light", "Light", {"device": "light", "room": "kitchen"}),
        ("turn off the livingroom light", "Light", {"device": "light", "room": "lounge"}),
        ("stop", "Stop", {}),
        ("play the beatles on the wi fi t v", "Radio", {"song": "the beatles"}),
    ],
)
def test_what_is_said_is_a_command_with_its_slots(hear, text, intent, slots):
    transcript = hear(text)
    assert isinstance(transcript.command, Command)
    assert (transcript.command.intent, transcript.command.slots) == (intent, slots)
    assert transcript.confidence == transcript.command.confidence > 0.5
    assert transcript.text == transcript.command.text == " ".join(word.text for word in transcript.words)
    times = [time for word in transcript.words for time in (word.start, word.end)]
    assert times == sorted(times)


def test_words_that_are_said_in_several_have_the_time_of_all(hear):
    words = hear("play it on the wi fi t v").words
    assert [word.text for word in words][-1] == "tv"
    assert words[-1].end - words[-1].start > words[-2].end - words[-2].start


@pytest.mark.parametrize(
    "text",
    ["turn on the garden light", "what a lovely day", "turn on the kitchen light and the radio", "go", "know it"],
)
def test_what_is_none_of_the_sentences_is_refused_with_what_was_heard(hear, text):
    without_free_text = HOME.replace("  Radio:", "  # Radio:")
    transcript = hear(text, file=without_free_text)
    assert transcript.command is None
    assert transcript.rejection.code is RejectionCode.NO_MATCH
    assert transcript.text == text


def test_silence_is_no_command(hear):
    transcript = hear("")
    assert transcript.rejection.code is RejectionCode.NO_SPEECH
    assert transcript.text == ""


def test_no_samples_are_no_command(tiny_recognizer, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("yes\n")
    [transcript] = tiny_recognizer().with_commands(path).transcribe([np.zeros(0, np.float32)])
    assert transcript.rejection.code is RejectionCode.NO_SPEECH


def test_threshold_is_the_given_one_or_the_files_or_the_models(hear):
    unsure = "turn off the kichn lght"
    confidence = hear(unsure, threshold=0.0).command.confidence
    assert 0 < confidence < 1
    assert isinstance(hear(unsure, threshold=confidence - 0.001).command, Command)
    assert hear(unsure, threshold=confidence + 0.001).rejection.code is RejectionCode.NO_MATCH
    low, high = (HOME + f"oyez: {{threshold: {confidence + difference}}}" for difference in (-0.001, 0.001))
    assert isinstance(hear(unsure, file=low).command, Command)
    assert hear(unsure, file=high).rejection.nearest.confidence == confidence
    assert isinstance(hear(unsure, file=high, threshold=0.0).command, Command)


def test_alternatives_are_other_commands_and_less_sure(hear):
    assert hear("turn on the kitchen light").command.alternatives == ()
    file = HOME.replace("[kitchen, ", "[kitchen, chicken, children, ")
    transcript = hear("turn on the chiken light", file=file, alternatives=3, threshold=0.0)
    command = transcript.command
    everything = [command, *command.alternatives]
    assert 1 < len(everything) <= 4
    assert all(one.confidence >= other.confidence for one, other in itertools.pairwise(everything))
    assert all((a.intent, a.slots) != (b.intent, b.slots) for a, b in itertools.combinations(everything, 2))
    assert json.loads(json.dumps(transcript.to_dict()))["alternatives"]


@pytest.fixture
def woken(hear):
    return lambda text: hear(text, file=HOME + "oyez: {wake: hey computer}")


def test_wake_phrase_comes_first_or_the_command_is_not_heard(woken):
    assert woken("hey computer stop").command.intent == "Stop"
    assert woken("hey computer").rejection.code is RejectionCode.WAKE_ONLY
    rejected = woken("stop")
    assert rejected.rejection.code is RejectionCode.NOT_WOKEN
    assert rejected.rejection.nearest.intent == "Stop"


def test_a_call_is_heard_though_what_follows_it_is_no_command(woken):
    rejected = woken("hey computer what a lovely day")
    assert rejected.rejection.code is RejectionCode.WAKE_ONLY
    assert rejected.text == "hey computer"


def test_a_faint_call_is_not_taken_for_a_short_sentence_in_it(tiny_recognizer, tmp_path, monkeypatch):
    path = tmp_path / "commands.yaml"
    path.write_text("intents:\n  Oh: {data: [{sentences: [o]}]}\noyez: {wake: hey computer}\n")
    recognizer = tiny_recognizer().with_commands(path)
    faint = torch.from_numpy(as_heard("hey computer"))
    blank = faint.argmax(dim=-1) != BLANK
    faint[blank, BLANK] = 0.3  # a step may always be silence instead
    monkeypatch.setattr(recognizer, "log_probs", lambda _: [torch.log_softmax(faint, dim=-1).numpy()])
    [transcript] = recognizer.transcribe([np.zeros(SAMPLE_RATE, np.float32)])
    assert transcript.rejection.code is RejectionCode.WAKE_ONLY
    assert transcript.rejection.nearest.intent == "Oh"


def test_the_wake_phrase_has_a_threshold_of_its_own(hear):
    settings = "oyez: {wake: hey computer, threshold: %s, wake_threshold: %s}"
    assert hear("hey computer", file=HOME + settings % (1, 0.1)).rejection.code is RejectionCode.WAKE_ONLY
    assert hear("hey computer", file=HOME + settings % (0.1, 1)).rejection.code is RejectionCode.NO_MATCH


def test_a_given_wake_phrase_takes_the_place_of_the_files(hear):
    def reason(text, **options):
        return hear(text, file=HOME + "oyez: {wake: hey computer}", **options).rejection.code

    assert reason("hey computer", wake=Wake("okay radio")) is RejectionCode.NO_MATCH
    assert reason("okay radio", wake=Wake("okay radio")) is RejectionCode.WAKE_ONLY
    assert reason("hey computer", wake=Wake(seconds=1.0)) is RejectionCode.WAKE_ONLY
    assert hear("stop", wake=Wake("okay radio")).rejection.code is RejectionCode.NOT_WOKEN


@pytest.fixture
def hear_pieces(hear, monkeypatch):
    """(commands file, texts of the pieces of a long recording, one a second) -> its transcript."""

    def transcribe(file, *texts):
        pieces = [
            type("Segment", (), {"start": float(n), "waveform": np.zeros(SAMPLE_RATE, np.float32)})
            for n in range(len(texts))
        ]
        monkeypatch.setattr("oyez.models.recognizer.segments_in", lambda *_: pieces)
        return hear(texts, file=file, seconds=LONGEST + 1)

    return transcribe


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        (("stop", "hm", "no"), RejectionCode.MULTIPLE),
        (("hm", "what"), RejectionCode.NO_MATCH),
        (("", "what", ""), RejectionCode.NO_MATCH),
        (("", ""), RejectionCode.NO_SPEECH),
        ((), RejectionCode.NO_SPEECH),
    ],
)
def test_a_long_recording_without_a_command_or_with_several_tells_why(hear_pieces, pieces, reason):
    assert hear_pieces(HOME, *pieces).rejection.code is reason


def test_one_command_among_the_pieces_of_a_long_recording_is_heard_as_it_is_alone(hear, hear_pieces):
    alone, among = hear("stop", seconds=1.0), hear_pieces(HOME, "hm", "stop", "what a day")
    assert among.command == alone.command
    assert (among.text, among.confidence) == ("stop", alone.confidence)
    assert among.words == tuple(word.shifted(1.0) for word in alone.words)
    assert among.duration == LONGEST + 1


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        (("hey computer", "stop"), "Stop"),
        (("stop", "hey computer", "hm", "stop"), "Stop"),
        (("hey computer stop", "no"), "Stop"),
        (("hey computer", "stop", "hey computer no"), RejectionCode.MULTIPLE),
        (("stop", "hey computer", "what a day"), RejectionCode.WAKE_ONLY),
        (("hey computer", "", "", "", "stop"), RejectionCode.WAKE_ONLY),  # too late
        (("what a day", "stop", ""), RejectionCode.NOT_WOKEN),
    ],
)
def test_the_wake_phrase_may_stand_in_a_piece_before_the_command(hear_pieces, pieces, heard):
    transcript = hear_pieces(HOME + "oyez: {wake: hey computer, wake_seconds: 2}", *pieces)
    command, rejection = transcript.command, transcript.rejection
    assert heard == (rejection.code if command is None else command.intent)
    if heard is RejectionCode.NOT_WOKEN:
        assert rejection.nearest.intent == "Stop"


def test_a_wrong_file_is_an_error(tiny_recognizer, tmp_path):
    with pytest.raises(CommandsError, match="No such file"):
        tiny_recognizer().with_commands(tmp_path / "none.yaml")


def test_shipped_model_hears_typed_commands(tmp_path, spoken):
    """The whole way, with synthetic speech: words of the file are heard, others are not."""
    path = tmp_path / "words.txt"
    path.write_text("stop\nyes\n(left|right) right stop\n")
    recognizer = Recognizer.load("commands").with_commands(path)
    names = ("stop", "yes", "seven", "right", "left_right_stop")
    heard = recognizer.transcribe([read_audio(spoken / f"{name}.flac") for name in names])
    assert [transcript.command.intent if transcript.command else None for transcript in heard] == [
        "stop", "yes", None, None, "(left|right) right stop"
    ]  # fmt: skip


@pytest.mark.parametrize("threshold", [0.0, None])
def test_words_end_with_the_recording_wherever_it_is_cut(tmp_path, spoken, threshold):
    path = tmp_path / "words.txt"
    path.write_text("left right stop\nseven\n")
    recognizer = Recognizer.load("commands").with_commands(path, threshold)
    whole = [read_audio(spoken / f"{name}.flac") for name in ("left_right_stop", "seven")]
    cut = [waveform[:length] for waveform in whole for length in range(len(waveform) * 3 // 5, len(waveform), 997)]
    ends = [(t.words[-1].end, t.duration) for t in recognizer.transcribe(cut) if t.command]
    assert ends
    assert all(end <= duration + 0.0005 for end, duration in ends)  # rounded to milliseconds


def test_with_no_threshold_the_nearest_command_is_taken_however_long_the_recording(tmp_path, spoken):
    path = tmp_path / "words.txt"
    path.write_text("backward\nforward visual\n")
    recognizer = Recognizer.load("commands").with_commands(path, threshold=0.0)
    waveforms = [read_audio(spoken / f"{name}.flac") for name in ("left_right_stop", "seven", "stop", "yes")]
    assert all(transcript.command for transcript in recognizer.transcribe(waveforms))


def test_a_classifier_writes_no_letters_to_search_in(tiny_model, tmp_path):
    model = tiny_model(vocabulary=("yes", "no"))
    path = tmp_path / "words.txt"
    path.write_text("yes\n")
    pooled = model.config.acoustic.model_copy(update={"pooling": "last"})
    recognizer = Recognizer(TorchRuntime(Model(model.config.model_copy(update={"acoustic": pooled}))))
    for refused in (lambda: recognizer.with_commands(path), lambda: recognizer.with_wake_phrase("hey computer")):
        with pytest.raises(CommandsError, match="does not write letters"):
            refused()


def test_streaming_gives_commands(tmp_path, spoken):
    path = tmp_path / "words.txt"
    path.write_text("seven\n")
    stream = Recognizer.load("commands").with_commands(path).stream()
    waveform = read_audio(spoken / "seven.flac")
    events = [
        event for start in range(0, len(waveform), 1000) for event in stream.accept(waveform[start : start + 1000])
    ]
    [final] = [event for event in events + stream.flush() if hasattr(event, "transcript")]
    assert final.transcript.command.intent == "seven"
