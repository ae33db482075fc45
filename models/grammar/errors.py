"""What can be wrong with a commands file."""

from __future__ import annotations

from pathlib import Path


class CommandsError(ValueError):
    """A commands file that cannot be used. The message says what is wrong, in which line, and what would be right."""

    def __init__(self, reason: str, line: int | None = None, path: Path | None = None) -> None:
        """Make an error; `path` names the file where several were read as one."""
        place = ", ".join(([str(path)] if path else []) + ([f"line {line}"] if line is not None else []))
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.line = line
        self.path = path
