"""What can be wrong with a commands file."""

from __future__ import annotations


class CommandsError(ValueError):
    """A commands file that cannot be used. The message says what is wrong, in which line, and what would be right."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line
