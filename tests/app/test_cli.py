"""What the command line adds of its own; as a user meets it, it is run in end_to_end/."""

from __future__ import annotations

import pytest

from oyez.app.cli import listen


def test_where_there_is_no_microphone_the_list_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oyez.app.listen.microphone.devices", lambda: [])
    listen(list_devices=True)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "there is no microphone\n")
