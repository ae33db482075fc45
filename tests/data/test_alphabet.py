import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oyez.data.alphabet import BLANK, CHARACTERS, LABELS, SPACE, decode, encode


@settings(deadline=None, max_examples=60)
@given(st.text(CHARACTERS))
def test_text_survives_encoding(text):
    assert decode(encode(text)) == text


def test_labels_are_dense_and_none_is_the_blank():
    assert sorted([BLANK, *encode(CHARACTERS)]) == list(range(LABELS))


def test_alphabet_is_letters_apostrophe_and_space():
    assert sorted(CHARACTERS) == sorted("abcdefghijklmnopqrstuvwxyz' ")
    assert decode([SPACE]) == " "


def test_decoding_leaves_blanks_out():
    assert decode([BLANK, *encode("a"), BLANK, BLANK, *encode("b"), BLANK]) == "ab"


@pytest.mark.parametrize("foreign", ["Yes", "naïve", "7", "a\n", "—"])
def test_foreign_character_is_refused_by_name(foreign):
    with pytest.raises(ValueError, match="is not in the alphabet") as caught:
        encode(foreign)
    assert repr(next(c for c in foreign if c not in CHARACTERS)) in str(caught.value)
