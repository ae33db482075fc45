import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oyez.data.text import TextError, UnsupportedCharacters, normalise, tokens


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", ""),
        ("  Turn\tthe  LIGHT on!\n", "turn the light on"),
        # numbers
        ("0", "zero"),
        ("21", "twenty one"),
        ("1234", "one thousand two hundred and thirty four"),
        ("1,000,000", "one million"),
        ("007", "zero zero seven"),
        ("1234567890123456", "one two three four five six seven eight nine zero one two three four five six"),
        ("room42b", "room forty two b"),
        ("10:30", "ten thirty"),
        ("3-5", "three five"),
        # ordinals
        ("1st 2nd 3rd 4th", "first second third fourth"),
        ("the 21ST", "the twenty first"),
        ("1,000th", "one thousandth"),
        # decimals
        ("0.5", "zero point five"),
        ("3.14", "three point one four"),
        ("1,000.25", "one thousand point two five"),
        (".5", "point five"),
        ("3.14159265358979", "three point one four one five nine two six five three five eight nine seven nine"),
        ("wait...5", "wait five"),
        ("the end. 5 more", "the end five more"),
        # currency
        ("$5", "five dollars"),
        ("£ 3.50", "three pounds and fifty pence"),
        ("€1,234", "one thousand two hundred and thirty four euros"),
        ("$5, please", "five dollars please"),
        ("＄5", "five dollars"),
        ("$1 or $1.01 or $0.99", "one dollar or one dollar and one cent or ninety nine cents"),
        ("$5.50, 7,25 €, 1 €", "five dollars and fifty cents seven twenty five euros one euro"),
        ("$1.5 million", "one point five million dollars"),
        ("¥500 ₹20", "five hundred yen twenty rupees"),
        # fractions
        ("½ cup, 1½ cups", "half cup one and a half cups"),
        ("¼ ¾ ⅓ ⅛ -2⅔", "a quarter three quarters a third an eighth minus two and two thirds"),
        # minus
        ("-5", "minus five"),
        ("−5 °C", "minus five degrees c"),
        ("-.5", "minus point five"),
        ("-$5", "minus five dollars"),
        ("well-known", "well known"),
        # symbols
        ("50%", "fifty percent"),
        ("R&B", "r and b"),
        ("1+1=2", "one plus one equals two"),
        ("#1 @ home", "number one at home"),
        ("21 ℃", "twenty one degrees c"),
        ("5 m² or 2³", "five m squared or two cubed"),
        ("3 × 4 ÷ 2 ± 1", "three times four divided by two plus or minus one"),
        ("H₂O", "h two o"),
        ("1° or 21° or № 5", "one degree or twenty one degrees or number five"),
        ("Hue® co\N{SOFT HYPHEN}operate", "hue cooperate"),
        # accents and letters
        ("þorn ðat œuvre ħ ŧ ɓ", "thorn dat oeuvre h t b"),
        ("Café naïve", "cafe naive"),
        ("cafe\u0301", "cafe"),
        ("Straße Ærø Łódź İstanbul", "strasse aero lodz istanbul"),
        ("Ǿ ǽ", "o ae"),
        ("ﬁne", "fine"),
        ("𝐁old ＷＩＤＥ", "bold wide"),
        ("２１", "twenty one"),
        # apostrophes and quotes
        ("don't", "don't"),
        ("don’t", "don't"),
        ("don´t", "don't"),
        ("don`t", "don't"),
        ("‘tis “quoted” 'words'", "tis quoted words"),
        ("the dogs'", "the dogs"),
        ("'", ""),
        ("wait… — what?!", "wait what"),
        ("\ufefftext\x00\u200b", "text"),
    ],
)
def test_text_is_written_as_it_is_said(written, said):
    assert normalise(written) == said


@pytest.mark.parametrize(
    ("text", "character", "name"),
    [
        ("привет", "п", "CYRILLIC SMALL LETTER PE"),
        ("你好", "你", "CJK UNIFIED IDEOGRAPH-4F60"),
        ("a < b", "<", "LESS-THAN SIGN"),
        ("5⁴", "⁴", "SUPERSCRIPT FOUR"),
        ("①", "①", "CIRCLED DIGIT ONE"),
        ("ok 👍", "👍", "THUMBS UP SIGN"),
        ("\ue000", "\ue000", "unnamed"),
        ("a\ud800", "\ud800", "unnamed"),
    ],
)
def test_what_cannot_be_spelled_is_refused_by_name(text, character, name):
    with pytest.raises(TextError) as error:
        normalise(text)

    assert repr(character) in str(error.value)
    assert name in str(error.value)


def test_all_characters_without_a_reading_are_named_at_once():
    with pytest.raises(
        UnsupportedCharacters, match=r"^unsupported characters '💡' \(ELECTRIC LIGHT BULB\), '🛋' "
    ) as error:
        normalise("🛋\N{VARIATION SELECTOR-16} and 💡 and 🛋")
    assert error.value.characters == ["💡", "🛋"]


@pytest.mark.parametrize("digits", [400, 5000])
def test_an_ordinal_that_nobody_can_say_is_refused(digits):
    with pytest.raises(TextError, match="number"):
        normalise("1" * digits + "th")


def test_a_number_of_any_length_is_read_digit_by_digit():
    assert normalise("1" * 5000) == " ".join(["one"] * 5000)


TEXTS = st.one_of(
    st.text(alphabet=st.characters(codec=None)),
    st.text(alphabet="aZéß 0123456789.,-−$£€%&'’‘`´stndrh½²"),
)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example("1,2,3.4.5th")
@example("0th 00.0 -0.-0")
def test_any_text_is_spelled_in_the_alphabet_or_refused(text):
    try:
        spelled = normalise(text)
    except TextError:
        return
    assert re.fullmatch(r"(?:[a-z](?:[a-z']*[a-z])?(?: (?!$)|$))*", spelled)
    assert normalise(spelled) == spelled


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**12))
def test_every_whole_number_has_words(number):
    spelled = normalise(f"{number}")

    assert normalise(f"{number:,}") == spelled
    assert normalise(f"-{number}") == f"minus {spelled}"
    assert normalise(f"{number}.5") == f"{spelled} point five"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ", max_size=40))
def test_plain_words_are_left_as_they_are(text):
    assert normalise(text) == " ".join(text.split())


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="aB 1.,-'½²€"))
def test_no_two_gaps_follow_each_other_and_numbers_stand_apart(text):
    kinds = "".join({" ": " "}.get(token) or ("w" if token.strip("'").isalpha() else "n") for token in tokens(text))
    assert "  " not in kinds
    assert not re.search(r"n\S|\Sn|ww", kinds)
