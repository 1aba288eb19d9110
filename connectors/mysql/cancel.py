"""Stop what a server does under a statement's tag, whichever process of ours began it."""

from __future__ import annotations

import time

from connectors.mysql.connection import Pool
from connectors.mysql.reader import comment

_LOOKS = 20
"""Looks in a row that must find nothing: between two reads of a lane a session shows no statement for a moment, on a busy
machine for longer (ten looks missed one)."""
_EVERY = 0.01
"""Seconds between two looks."""
_PATIENCE = 1.0
"""Seconds of looking at most."""

# Compared by bytes and as a whole, not by LIKE. This statement itself begins with another word.
_FIND = "SELECT ID FROM information_schema.PROCESSLIST WHERE CAST(LEFT(INFO, {length}) AS BINARY) = X'{tag}'"


def cancel(pool: Pool, query_id: str) -> int:
    """End the sessions that run the statement; how many there were. Raises SourceError.

    Without the privilege PROCESS a user sees its own sessions, and that is all it has to.
    """
    tag = comment(query_id)
    find = _FIND.format(length=len(tag), tag=tag.encode().hex())
    told: set[int] = set()
    quiet, end = 0, time.monotonic() + _PATIENCE
    with pool.beyond() as asker:
        while True:
            found = {int(number) for (number,) in asker.run(find)} - told
            for number in found:
                asker.kill(number)
            told |= found
            quiet = 0 if found else quiet + 1
            if quiet == _LOOKS or time.monotonic() > end:
                return len(told)
            time.sleep(_EVERY)
