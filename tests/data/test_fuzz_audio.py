"""A hundred damaged recordings of all formats: each is read, read in part, or refused, and none is lost."""

from __future__ import annotations

from collections import Counter

from tests.data.fuzz_audio import FORMATS, check


def test_no_damaged_file_crashes_hangs_takes_much_memory_or_is_lost() -> None:
    account = check(116, seed=7)
    assert len(FORMATS) >= 20
    assert len(account.outcomes) == 116
    assert account.failures == {}
    assert set(Counter(account.outcomes.values())) == {"read", "incomplete", "refused"}
