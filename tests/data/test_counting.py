import pytest

from oyez.data.counting import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 results"), (1, "1 result"), (2, "2 results"), (1_200_000, "1,200,000 results")]
)
def test_only_one_is_singular(number, text):
    assert counted(number, "result") == text


@pytest.mark.parametrize(("number", "text"), [(1, "1 match"), (3, "3 matches")])
def test_a_plural_may_be_given(number, text):
    assert counted(number, "match", "matches") == text
