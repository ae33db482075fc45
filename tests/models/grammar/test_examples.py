"""The commands files that people start from: each is right, and means what it seems to mean."""

from pathlib import Path

import pytest

from oyez.models.grammar.compiler import compile_commands
from oyez.models.grammar.reading import read_commands
from oyez.models.grammar.review import review
from oyez.models.grammar.samples import draw_samples
from oyez.models.grammar.understanding import Understanding

FOLDER = Path(__file__).parents[3] / "examples"
JOURNEYS = {
    "home.yaml": [
        ("please turn on the kitchen lights", "TurnOn", {"device": "light", "room": "kitchen"}),
        ("switch the living room light off", "TurnOff", {"device": "light", "room": "living_room"}),
        ("turn on the TV", "TurnOn", {"device": "tv"}),
        ("dim the bedroom lights to 40%", "SetBrightness", {"room": "bedroom", "brightness": 40}),
        ("set a timer for twenty five minutes", "SetTimer", {"minutes": 25}),
        ("put oat milk on my shopping list", "AddToList", {"item": "oat milk"}),
        ("never mind", "Stop", {}),
    ],
    "media-player.yaml": [
        ("play so what by miles davis", "Play", {"title": "so what", "artist": "miles davis"}),
        ("put on some Hip-Hop", "Play", {"genre": "hip hop"}),
        ("please pause", "Pause", {}),
        ("next track", "Next", {}),
        ("set the volume to 30", "SetVolume", {"level": 30}),
        ("turn it up", "ChangeVolume", {"change": 10}),
        ("quieter", "ChangeVolume", {"change": -10}),
        ("jump back 15 seconds", "Seek", {"direction": -1, "amount": 15, "unit": "seconds"}),
        ("turn shuffle off", "Shuffle", {"state": False}),
    ],
    "robot.yaml": [
        ("emergency stop", "Stop", {}),
        ("drive forward 2½ metres", "Move", {"direction": "forward", "metres": 2.5}),
        ("go backwards", "Move", {"direction": "backward"}),
        ("turn left by 90 degrees", "Turn", {"side": "left", "degrees": 90}),
        ("turn around", "Turn", {"side": "left", "degrees": 180}),
        ("shut the gripper", "Gripper", {"grip": "close"}),
        ("navigate to the charging station", "GoTo", {"place": "dock"}),
        ("report your battery level", "Report", {"reading": "battery"}),
    ],
    "desktop.yaml": [
        ("open the web browser", "OpenProgram", {"program": "browser"}),
        ("start e mail", "OpenProgram", {"program": "mail"}),
        ("previous window", "SwitchWindow", {"direction": "previous"}),
        ("go to workspace 3", "Workspace", {"number": 3}),
        ("scroll down 5 times", "Scroll", {"direction": "down", "times": 5}),
        ("press the escape key", "Key", {"key": "escape"}),
        ("type dear all", "Type", {"text": "dear all"}),
        ("undo that", "Edit", {"edit": "undo"}),
    ],
    "museum-guide.yaml": [
        ("hello museum what is the Rosetta Stone", "TellAbout", {"exhibit": "rosetta_stone"}),
        ("hello museum excuse me where is the café", "FindRoom", {"room": "cafe"}),
        ("hello museum how do I get to gallery 12", "FindRoom", {"number": 12}),
        ("hello museum take me on the family tour", "StartTour", {"theme": "family"}),
        ("hello museum how much is a child ticket", "Price", {"ticket": "child"}),
        ("hello museum speak french", "Language", {"language": "French"}),
        ("hello museum tell me more", "More", {}),
    ],
    "words.txt": [("yes", "yes", {}), ("move left", "(go|move) left", {})],
}


@pytest.fixture(scope="module", params=sorted(JOURNEYS))
def example(request):
    file, document = read_commands(FOLDER / request.param)
    return request.param, compile_commands(file, document), document


def test_every_example_is_tried_here():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(JOURNEYS)


def test_the_review_finds_nothing(example):
    _, compiled, document = example
    assert review(compiled, document) == []


def test_sentences_mean_their_intent_and_slots(example):
    name, compiled, _ = example
    understanding = Understanding(compiled)
    for text, intent, slots in JOURNEYS[name]:
        meanings = understanding.meanings(text)
        assert meanings, text
        best = meanings[0]
        assert (best.intent, compiled.file.slots(best.intent, best.block, best.slots)) == (intent, slots), text


def test_every_intent_is_in_the_samples_and_every_sample_means_it(example):
    _, compiled, _ = example
    understanding = Understanding(compiled)
    samples = [sample for sample in draw_samples(compiled.file, 150) if sample.is_whole]
    wake = f"{compiled.file.oyez.wake} " if compiled.file.oyez.wake else ""
    for sample in samples:
        assert sample.intent in [match.intent for match in understanding.meanings(wake + sample.text)], sample
    wildcards = {sample.intent for sample in draw_samples(compiled.file, 150) if not sample.is_whole}
    assert {sample.intent for sample in samples} | wildcards == set(compiled.file.intents)
