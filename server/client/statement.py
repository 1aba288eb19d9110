"""Runs one statement for a command: on a server through ADBC, or in this process with the sources of a file."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_manager import AdbcStatusCode, Error

from auth.principal import Principal
from server.app import open_queries
from server.client.failure import CommandFailed
from server.config import load
from server.requests import Request

UNREACHABLE = 3
_OURS = re.compile(r"WM-\d{4}: .*(?= \(\w+; \w+\))", re.DOTALL)
"""An error of a watersmeet server inside the driver's: '[FlightSQL] WM-2001: … (InvalidArgument; Prepare)'."""


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer as it comes in."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


@contextmanager
def answer(options: argparse.Namespace, sql: str) -> Iterator[Rows]:
    """The rows of a statement, run where `options` say. Raises CommandFailed for what the server answers."""
    if options.config is not None:
        with _in_process(options.config, sql) as rows:
            yield rows
    else:
        with _on_server(options.url, options.token, sql) as rows:
            yield rows


def text(options: argparse.Namespace) -> str:
    """The statement's text: the argument, or stdin for -."""
    return sys.stdin.read() if options.sql == "-" else str(options.sql)


@contextmanager
def _in_process(config: Path, sql: str) -> Iterator[Rows]:
    request = Request(query_id=secrets.token_hex(8), sql=sql, now=datetime.now(UTC))
    # Who may read the file has the sources' passwords: restricting him would only look like safety.
    with open_queries(load(config), restricted=False) as queries:
        running = queries.execute(request, Principal(subject="local"), math.inf)
        try:
            yield Rows(running.schema, running.batches())
        finally:
            running.close()


@contextmanager
def _on_server(url: str, token: str | None, sql: str) -> Iterator[Rows]:
    headers = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"} if token else {}
    try:
        with flightsql.connect(url, db_kwargs=headers, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            yield Rows(reader.schema, iter(reader))
    except (Error, pa.ArrowException, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise _failure(error, url) from error


def _failure(error: Exception, url: str) -> CommandFailed:
    message = str(error)
    if ours := _OURS.search(message):
        return CommandFailed(ours[0])
    if isinstance(error, Error) and error.status_code in (AdbcStatusCode.IO, AdbcStatusCode.TIMEOUT):
        return CommandFailed(f"cannot reach a server at {url}: {message}", UNREACHABLE)
    return CommandFailed(message)
