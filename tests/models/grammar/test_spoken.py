import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.alphabet import encode
from oyez.data.text import TextError, normalise
from oyez.models.grammar.spoken import SpokenError, number_readings, spell, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Turn ON", "turn on"),
        ("wi-fi,  radio!", "wi fi radio"),
        ("café", "cafe"),
        ("what’s up", "what's up"),
        ("the lights' colour", "the lights colour"),
        ("50%", "fifty percent"),
        ("21.5 °C", "twenty one point five degrees c"),
        ("channel 007", "channel zero zero seven"),
        ("12,000 lumen", "twelve thousand lumen"),
        ("the 5th floor", "the fifth floor"),
        ("21st", "twenty first"),
        ("3d", "three d"),
        ("set it to -5 degrees", "set it to minus five degrees"),
        ("at \N{MINUS SIGN}0.5", "at minus zero point five"),
        ("channel 5-7", "channel five seven"),
        ("pay $5 or 7 €", "pay five dollars or seven euros"),
        ("R2D2", "r two d two"),
        ("end. Next", "end next"),
    ],
)
def test_text_is_spelled_as_it_is_said(written, said):
    assert spell(written) == said


@pytest.mark.parametrize("text", ["turn on 🙂", "вкл", "a¹ + b¹", "\ufffd"])
def test_what_nobody_can_say_is_named(text):
    with pytest.raises(SpokenError, match="unsupported character"):
        spell(text)


@pytest.mark.parametrize(
    ("number", "reading"),
    [
        (0, "zero"), (-5, "minus five"), (-5, "negative five"), (21, "twenty one"), (105, "one hundred five"),
        (105, "a hundred and five"), (2700, "twenty seven hundred"), (1984, "nineteen eighty four"),
        (0.5, "half"), (20.5, "twenty and a half"), (20.5, "twenty point five"), (3.1, "three point one"),
        (1_000_000, "one million"), (200_000.5, "two hundred thousand point five"),
        (1234.5678, "one thousand two hundred thirty four point five six seven eight"),
        (0.00002, "zero point zero zero zero zero two"),
    ],
)  # fmt: skip
def test_numbers_have_their_usual_readings(number, reading):
    assert reading in number_readings(number)


@pytest.mark.parametrize("number", [*range(-3, 130), 999, 1000, 1001, 1100, 9999, 10_000, 123_456, 0.1, 99.9])
def test_all_readings_are_in_the_alphabet_and_differ(number):
    readings = number_readings(number)
    assert readings
    assert len(set(readings)) == len(readings)
    for reading in readings:
        encode(reading)
        assert reading == " ".join(reading.split())


def test_no_reading_stands_for_two_whole_numbers():
    readings = [(reading, number) for number in range(10_000) for reading in number_readings(number)]
    assert len({reading for reading, _ in readings}) == len(readings)


@pytest.mark.parametrize(("word", "spelled"), [("TV", "t v"), ("tv", "t v"), ("LED", "l e d"), ("led", None)])
def test_letter_words_may_be_spelled_out(word, spelled):
    [readings] = spoken(word)
    assert readings == ((word.lower(), spelled) if spelled else (word.lower(),))


def first_ways(text):
    """A text as a commands file has it said first, the quotation mark of its beginning left out."""
    words = "".join(readings[0] if readings else " " for readings in spoken(text))
    return " ".join(words.split()).lstrip("'")


@pytest.mark.parametrize(
    "text",
    ["½", "1½", "-½", "$5.50", "7 €", ".5", "-.5", "Straße", "Ærø", "Øystein", "Łódź", "'hello'", "it's 'so'", "dogs'",
     "5 m²", "3 × 4", "H₂O", "1.50", "007", "1,234", "1,2345", "5th", "105th", "TV 21", "R&B", "21 °C", "#1 @ home",
     "0", "-0.0", "12345678901234567", "wi-fi"],
)  # fmt: skip
def test_commands_files_and_training_read_a_text_alike(text):
    assert first_ways(text) == spell(text) == normalise(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aZéß 0123456789.,-−$£€%&'’stndrh½²₂×"))
def test_commands_files_and_training_read_any_text_alike(text):
    try:
        expected = normalise(text)
    except TextError:
        with pytest.raises(SpokenError):
            first_ways(text)
        return
    assert first_ways(text) == expected


@pytest.mark.parametrize(
    ("written", "ways"),
    [
        ("½", {"half", "a half", "one half"}),
        (".5", {"point five", "zero point five", "half", "a half"}),
        ("1.50", {"one point five zero", "one point five", "one and a half", "a point five"}),
        ("-5", {"minus five", "negative five"}),
        ("007", {"zero zero seven"}),
        ("105th", {"one hundred and fifth", "one hundred fifth"}),
    ],
)
def test_numbers_as_they_are_written_have_their_usual_readings(written, ways):
    readings = next(readings for readings in spoken(written) if readings)
    assert set(readings) <= ways
    assert len(readings) >= len(ways) - 1
