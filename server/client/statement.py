"""Runs the statement of a command line where its options say: on a server, or in this process."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager

from server.client.failure import CommandFailed
from server.client.rows import Rows


def answer(options: argparse.Namespace, sql: str) -> AbstractContextManager[Rows]:
    """The rows of a statement. Raises CommandFailed, and for -c what the rooms below raise."""
    # Either way loads half a second of libraries that the other one has no use for.
    if options.config is not None:
        from server.client import local

        return local.answer(options.config, sql)
    from server.client import remote

    return remote.answer(options.url, options.token, sql)


def text(options: argparse.Namespace) -> str:
    """The statement's text: the argument, or stdin for -. Raises CommandFailed when there is none."""
    sql = sys.stdin.read() if options.sql == "-" else str(options.sql)
    if not sql.strip():  # ADBC's driver would ask for its own SetSqlQuery
        raise CommandFailed("the statement is empty: write some SQL", 2)
    return sql
