"""Runs a statement on a server, through ADBC's Flight SQL driver as any other client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_manager import AdbcStatusCode, Error

from server.client.failure import CommandFailed
from server.client.rows import Rows

UNREACHABLE = 3
_OURS = re.compile(r"WM-\d{4}: .*(?= \([A-Z]\w+; \w+)", re.DOTALL)
"""An error of a watersmeet server inside the driver's: '[FlightSQL] WM-2001: … (InvalidArgument; DoGet: endpoint 0…)'."""


def connect(url: str, token: str | None) -> flightsql.Connection:
    """A connection, which the caller closes. Nothing is sent before its first use."""
    headers = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"} if token else {}
    return flightsql.connect(url, db_kwargs=headers, autocommit=True)


@contextmanager
def answer(url: str, token: str | None, sql: str) -> Iterator[Rows]:
    """The rows of a statement. Raises CommandFailed."""
    try:
        with connect(url, token) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            if reader.schema.names:
                yield Rows(reader.schema, iter(reader))
            else:  # a change has no columns, and a count that is not among its rows
                changed = pa.record_batch({"changed": pa.array([cursor.rowcount], pa.int64())})
                yield Rows(changed.schema, iter([changed]))
    except BrokenPipeError:
        raise
    except (Error, pa.ArrowException, OSError) as error:
        raise failure(error, url) from error


def failure(error: Exception, url: str) -> CommandFailed:
    """What the driver raised, in the server's own words where it has some."""
    message = str(error)
    if ours := _OURS.search(message):
        return CommandFailed(ours[0])
    if isinstance(error, Error) and error.status_code in (AdbcStatusCode.IO, AdbcStatusCode.TIMEOUT):
        return CommandFailed(f"cannot reach a server at {url}: {message}", UNREACHABLE)
    return CommandFailed(message)
