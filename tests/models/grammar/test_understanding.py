import time

import pytest

from oyez.models.grammar.spoken import SpokenError
from oyez.models.grammar.understanding import Understanding

HOME = """
intents:
  Light: {data: [{sentences: ["turn (on|off) the {room} light"], slots: {device: light}}]}
  Any: {data: [{sentences: ["turn {thing}", "{thing} {thing} {thing} {thing}"]}]}
  Same: {data: [{sentences: ["turn on the kitchen light"]}]}
  Set: {data: [{sentences: ["set {room} to {0..100:level}[ ]%"]}]}
lists:
  room: {values: [kitchen, {in: "living[ ]room", out: lounge}]}
  thing: {wildcard: true}
skip_words: [please]
"""


@pytest.fixture(scope="module")
def home(compiled):
    return Understanding(compiled(HOME))


def test_all_meanings_come_in_the_order_of_the_file_and_free_text_last(home):
    matches = home.meanings("Turn on the kitchen light, please!")
    assert [match.intent for match in matches][:3] == ["Light", "Same", "Any"]
    assert matches[0].slots == {"room": "kitchen"}


@pytest.mark.parametrize(("text", "slots"), [
    ("set livingroom to 42%", {"room": "lounge", "level": 42}),
    ("SET living room TO one hundred percent", {"room": "lounge", "level": 100}),
    ("set kitchen to a hundred percent", {"room": "kitchen", "level": 100}),
])  # fmt: skip
def test_numbers_may_be_digits_or_words(home, text, slots):
    assert home.meanings(text)[0].slots == slots


@pytest.mark.parametrize("text", ["", "turn", "set kitchen", "set to", "please"])
def test_what_is_none_of_the_sentences_means_nothing(home, text):
    assert home.meanings(text) == []


def test_free_text_of_many_words_ends(home):
    assert home.meanings("la " * 150)


def test_free_text_that_cannot_end_is_given_up_soon(of_sentences):
    rest = "lists: {any: {wildcard: true}}"
    understanding = Understanding(of_sentences("{any} x {any} x {any} x {any} stop", rest=rest))
    began = time.process_time()
    assert understanding.meanings("la x " * 60) == []
    assert time.process_time() - began < 2  # each way to share the words out, tried to its end, would take 10 s


@pytest.mark.parametrize("text", ["", "!!!"])
def test_nothing_is_nearest_to_a_text_without_letters(home, text):
    assert home.nearest(text) is None


def test_nobody_can_say_what_is_not_in_the_alphabet(home):
    with pytest.raises(SpokenError):
        home.meanings("turn on 🙂")


@pytest.mark.parametrize(("text", "nearest"), [
    ("set livng room to forty percnt", "set living room to forty percent"),
    ("set kitchen to", "set kitchen to"),
])  # fmt: skip
def test_nearest_sentence_is_spelled_alike(compiled, text, nearest):
    without_free_text = HOME.replace("  Any:", "  # Any:")
    assert Understanding(compiled(without_free_text)).nearest(text).text.startswith(nearest)
