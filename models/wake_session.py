"""Who is being spoken to: what follows a wake phrase within some seconds is meant for the recognizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from oyez.models.types import RejectionCode, Transcript

# from what says most to what says least; None: something is meant for us
_ORDER = (
    RejectionCode.MULTIPLE,
    None,
    RejectionCode.WAKE_ONLY,
    RejectionCode.NOT_WOKEN,
    RejectionCode.NO_MATCH,
    RejectionCode.NO_SPEECH,
)
_ROUNDING = 1e-6  # seconds; a segment that begins where another ends may do so a rounding error later


class WakeSession:
    """Takes the transcripts of a stream and accepts what follows the wake phrase. There is no clock inside.

    One wake phrase is for one command, but for all the free text that begins in time.
    """

    def __init__(self, timeout: float, only_addressed: bool = False) -> None:
        """Begin asleep.

        Args:
            timeout: seconds of the stream after the wake phrase in which something may begin.
            only_addressed: nothing is to be reported of what is not meant for us, not even that there is speech.
        """
        self.only_addressed = only_addressed
        self._timeout = timeout
        self._awake_until = -math.inf

    def awake(self, start: float) -> bool:
        """Whether what begins at `start`, in seconds into the stream, is meant for us."""
        return start <= self._awake_until + _ROUNDING

    def update(self, transcript: Transcript, start: float, end: float) -> Transcript:
        """Return the transcript of a segment as it counts after those before; `start` and `end` are in the stream."""
        rejection = transcript.rejection
        if transcript.command is not None:
            self._awake_until = -math.inf
        elif rejection is None or rejection.code is RejectionCode.WAKE_ONLY:
            self._awake_until = end + self._timeout
        elif rejection.code is RejectionCode.NOT_WOKEN and self.awake(start):
            # text that goes on after a cut begins where the segment ends
            self._awake_until = max(self._awake_until, end) if rejection.nearest is None else -math.inf
            return replace(transcript, command=rejection.nearest, rejection=None)
        return transcript


def addressed_parts(parts: Sequence[tuple[Transcript, float]], timeout: float) -> list[tuple[Transcript, float]]:
    """Return those pieces of a recording of which a stream would say most: what is meant for us, if anything is.

    Args:
        parts: the pieces and their starts, in order, in seconds.
        timeout: seconds after the wake phrase in which something may begin.
    """
    session = WakeSession(timeout)
    updated = [(session.update(piece, start, start + piece.duration), start) for piece, start in parts]
    codes = [None if piece.rejection is None else piece.rejection.code for piece, _ in updated]
    most = min(codes, key=_ORDER.index, default=None)
    return [part for part, code in zip(updated, codes, strict=True) if code is most]
