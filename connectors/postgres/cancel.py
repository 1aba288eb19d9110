"""Stop what a server does under a statement's tag, whichever process of ours began it."""

from __future__ import annotations

import time

import adbc_driver_manager as adbc

from connectors.postgres import errors
from connectors.postgres.literals import literal
from connectors.postgres.pool import Pool
from connectors.postgres.reader import application_name
from connectors.postgres.session import Connection

_LOOKS = 2
"""Looks in a row that must find nothing."""
_EVERY = 0.05
"""Seconds between two looks."""
_PATIENCE = 1.0
"""Seconds of looking at most."""

# The name is a transaction's own, so a connection between two transactions does not have it. A backend that a cancel
# did not end hears none: it waits for its client, to send rows or for the next query. Only the end of its session is
# left. Roles may do both to their own sessions.
_TELL = """
SELECT pid, CASE WHEN pid IN ({told}) THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END AS heard
FROM pg_stat_activity
WHERE application_name = {name} AND usename = current_user AND backend_type = 'client backend'
  AND pid <> pg_backend_pid()
"""


def cancel(pool: Pool[Connection], query_id: str) -> int:
    """End the statement's transactions; how many there were. Raises SourceError.

    It has a connection of its own: those of the pool may all be taken by what is to be stopped.
    """
    name = literal(application_name(query_id), "VARCHAR")
    told: set[int] = set()
    quiet, end = 0, time.monotonic() + _PATIENCE
    connection = pool.beyond()
    try:
        while True:
            sessions = ", ".join(map(str, sorted(told))) or "0"
            found = connection.rows(_TELL.format(told=sessions, name=name))
            told |= {int(str(row["pid"])) for row in found}
            quiet = 0 if found else quiet + 1
            if quiet == _LOOKS or time.monotonic() > end:
                return len(told)
            time.sleep(_EVERY)
    except (adbc.Error, OSError) as error:
        raise errors.querying(pool.source, error) from error
    finally:
        connection.close()
