import json
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from oyez.app.cli import app
from oyez.data.audio import read_audio

EXAMPLES = Path(__file__).parents[3] / "examples"
SPOKEN = Path(__file__).parents[2] / "audio"


@pytest.fixture
def oyez():
    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)

    return run


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.yaml"
    path.write_text(
        "intents:\n  Stop: {data: [{sentences: [stop]}]}\n  Digit: {data: [{sentences: ['{0..9:digit}']}]}\n"
        "oyez: {actions: {Stop: {print: 'I stop'}}}\n"
    )
    return path


@pytest.mark.parametrize("example", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_examples_have_nothing_to_find_fault_with(oyez, example):
    result = oyez("commands", "check", example, "--samples", 5)
    assert result.exit_code == 0
    assert "no findings" in result.stderr
    assert len(result.stdout.splitlines()) == 5


def test_samples_of_check_are_understood_by_parse(oyez):
    lines = oyez("commands", "check", EXAMPLES / "home.yaml", "--samples", 30).stdout.splitlines()
    for line in lines:
        intent, text = line.split("\t")
        result = oyez("commands", "parse", EXAMPLES / "home.yaml", "--json", text.replace("{item}", "milk"))
        assert json.loads(result.stdout.splitlines()[0])["command"] == intent


def test_findings_go_to_stdout_with_file_and_line(oyez, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("intents:\n  A: {data: [{sentences: [go]}]}\n  B:\n    data:\n      - sentences: [go]\n")
    result = oyez("commands", "check", path, "--samples", 0)
    assert result.stdout == f"{path}:2: 'go' belongs to A and to B\n"


@pytest.mark.parametrize("command", ["check", "parse", "transcribe", "listen", "tune"])
def test_a_wrong_file_is_wrong_use_and_names_the_line(oyez, tmp_path, command):
    path = tmp_path / "a.yaml"
    path.write_text("intents:\n  A:\n    data:\n      - sentences: [go 🙂]\n")
    arguments = {
        "check": ("commands", "check", path),
        "parse": ("commands", "parse", path, "go"),
        "transcribe": ("transcribe", "-c", path, SPOKEN),
        "listen": ("listen", "-c", path, "--source", SPOKEN / "stop.flac"),
        "tune": ("commands", "tune", path, "--recordings", SPOKEN),
    }
    result = oyez(*arguments[command])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"error: {path}:4: unsupported character '🙂' (SLIGHTLY SMILING FACE)" in result.stderr.replace("\n", " ")


def test_parse_tells_the_nearest_sentence(oyez):
    result = oyez("commands", "parse", EXAMPLES / "home.yaml", "turn", "on", "the", "kichen", "light")
    assert result.exit_code == 1
    assert "nearest is 'turn on the kitchen light" in result.stderr


def test_transcribe_writes_commands_as_jsonl(oyez, words):
    result = oyez("transcribe", "-c", words, "-f", "jsonl", SPOKEN)
    heard = {Path(line["path"]).stem: line for line in map(json.loads, result.stdout.splitlines())}
    assert (heard["stop"]["command"], heard["stop"]["slots"], heard["stop"]["rejection"]) == ("Stop", {}, None)
    assert (heard["seven"]["command"], heard["seven"]["slots"]) == ("Digit", {"digit": 7})
    assert heard["yes"]["command"] is None
    assert heard["yes"]["rejection"]["code"] == "no_match"
    assert heard["yes"]["text"] == "yes"
    assert heard["stop"]["confidence"] > 0.9


@pytest.mark.parametrize("subcommand", ["tune", "calibrate"])
def test_a_device_that_is_not_there_is_told(oyez, words, subcommand):
    of = {
        "tune": ("tune", words, "--recordings", SPOKEN),
        "calibrate": ("calibrate", "commands", "--recipe", "commands"),
    }
    result = oyez("commands", *of[subcommand], "--device", "nonsense")
    assert result.exit_code == 2
    assert "--device" in result.stderr
    assert "nonsense" in result.stderr


def test_alternatives_are_those_of_a_commands_file(oyez):
    result = oyez("transcribe", "--alternatives", "3", SPOKEN / "stop.flac")
    assert result.exit_code == 2
    assert "--alternatives belongs to --commands" in result.stderr


def test_transcripts_without_commands_have_neither_command_nor_rejection(oyez):
    [line] = map(json.loads, oyez("transcribe", "-f", "jsonl", SPOKEN / "stop.flac").stdout.splitlines())
    assert list(line) == ["path", "text", "words", "confidence", "duration", "model", "command", "slots", "rejection"]


@pytest.mark.parametrize(("name", "lines"), [("stop", ["Stop\tstop", "I stop"]), ("yes", [])])
def test_listen_prints_commands_acts_and_is_silent_at_everything_else(oyez, words, name, lines):
    result = oyez("listen", "-c", words, "--source", SPOKEN / f"{name}.flac")
    assert result.stdout.splitlines() == lines


def test_listen_hears_what_follows_a_wake_phrase_and_tells_nothing_else(oyez):
    def records(name, *options):
        result = oyez(
            "listen", "--source", SPOKEN / f"{name}.flac", "--wake", "left right stop", "-f", "jsonl", *options
        )
        assert result.exit_code == 0
        return [json.loads(line) for line in result.stdout.splitlines()]

    speech, call = records("left_right_stop")
    assert (speech["event"], call["event"], call["text"]) == ("speech", "wake", "left right stop")
    assert call["rejection"]["code"] == "wake_only"
    assert records("seven") == []
    assert records("left_right_stop", "--wake-threshold", "1") == []


def test_listen_has_a_wake_phrase_for_a_commands_file(oyez, words):
    called = ("listen", "-c", words, "--wake", "left right seven")
    refused = oyez(*called, "--source", SPOKEN / "stop.flac", "-f", "jsonl")
    assert json.loads(refused.stdout.splitlines()[-1])["rejection"]["code"] == "not_woken"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--wake", "hey"), "'hey' has 1 syllable"),
        (("--wake", ""), "the wake phrase is empty"),
        (("--wake", "hey computer 🙂"), "unsupported character '🙂'"),
        (("--wake", "oyez " * 30), "150 characters"),
        (("--wake-timeout", "3"), "need a wake phrase"),
    ],
)
@pytest.mark.parametrize("with_file", [True, False])
def test_a_wrong_wake_phrase_is_told(oyez, words, options, message, with_file):
    result = oyez("listen", *options, *(("-c", words) if with_file else ()), "--source", SPOKEN / "stop.flac")
    assert result.exit_code == 2
    assert message in result.stderr


def test_words_of_a_wake_phrase_that_the_model_does_not_know_are_named(oyez, words):
    for file in ((), ("-c", words)):
        result = oyez(
            "listen", "--model", "commands", "--wake", "hey computer", *file, "--source", SPOKEN / "stop.flac"
        )
        assert "but not: computer, hey" in result.stderr


def test_listen_tells_programs_the_command_and_nothing_else_on_stdout(oyez, words):
    result = oyez("listen", "-c", words, "--source", SPOKEN / "stop.flac", "-f", "jsonl")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[-1]["command"] == "Stop"
    assert "I stop" in result.stderr


def test_tune_recommends_a_threshold(oyez, words, tmp_path):
    rows = [f"{SPOKEN / name}.flac\t{text}" for name, text in
            [("stop", "stop"), ("seven", "7"), ("yes", "yes"), ("left_right_stop", "left right stop")]]  # fmt: skip
    (tmp_path / "manifest.tsv").write_text("\n".join(["path\ttext", *rows]))
    other = tmp_path / "other.wav"
    soundfile.write(other, read_audio(SPOKEN / "right.flac"), 16_000)
    plot = tmp_path / "plot.png"
    result = oyez("commands", "tune", words, "--recordings", tmp_path, "--other-speech", other, "--plot", plot)
    assert result.exit_code == 0
    assert "2 commands" in result.stdout
    assert "recommended" in result.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("manifest", "message"), [
    (None, "no manifest"), ("path\ttext\nstop.flac\thello\n", "none of the texts is a sentence"),
])  # fmt: skip
def test_tune_needs_recordings_of_the_commands(oyez, words, tmp_path, manifest, message):
    if manifest:
        (tmp_path / "manifest.tsv").write_text(manifest)
        (tmp_path / "stop.flac").write_bytes((SPOKEN / "stop.flac").read_bytes())
    result = oyez("commands", "tune", words, "--recordings", tmp_path)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")


def test_what_is_none_of_the_sentences_is_guessed_or_refused(oyez, tmp_path):
    home = EXAMPLES / "home.yaml"
    folder = tmp_path / "intents"
    learned = oyez("commands", "train-intents", home, "--out", folder, "--sentences", 400)
    assert learned.exit_code == 0
    assert "trained on" in learned.stderr
    [sample] = [line for line in oyez("commands", "check", home, "--samples", 1).stdout.splitlines() if "\t" in line]
    intent, text = sample.split("\t")
    guessed = oyez("commands", "parse", home, "well then", text, "if you would", "--intents", folder, "--json")
    told = json.loads(guessed.stdout)
    assert (told["command"], told["guessed"]) == (intent, True)
    assert 0.5 <= told["confidence"] <= 1
    stranger = oyez("commands", "parse", home, "quite another thing entirely", "--intents", folder)
    assert stranger.exit_code == 1
    assert "means none of the intents" in stranger.stderr


@pytest.mark.parametrize(("arguments", "message"), [
    (("parse", "flibbertigibbet", "--intents", "nowhere"), "nowhere"),
    (("train-intents", "--out", "x", "--out-of-scope", "nowhere.txt"), "nowhere.txt"),
])  # fmt: skip
def test_mistakes_about_guessing_are_named(oyez, words, arguments, message):
    command, *rest = arguments
    result = oyez("commands", command, words, *rest)
    assert result.exit_code == 2
    assert message in result.stderr
