"""How a command ends when it cannot do what it was asked."""

from __future__ import annotations


class CommandFailed(Exception):
    """Ends a command with a message for stderr and an exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
