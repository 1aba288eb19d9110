"""A transaction that changes a PostgreSQL source.

Rows travel as arrays, one for each column, that the server unfolds: INSERT … SELECT … FROM unnest($1, $2 …). Unlike COPY
that lets the server's own casts make a uuid, an enum or a jsonb of a text, and it keeps row-level security, views that
can be inserted into and defaults. Measured on 100,000 rows of an int4 and a text: 0.11 s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import adbc_driver_manager as adbc
import pyarrow as pa

from connectors.postgres import errors, reader, rows
from connectors.postgres.datatypes import STORED
from connectors.postgres.driver import DriverConnection
from connectors.postgres.literals import types
from connectors.postgres.pool import Pool
from watersmeet.spi import (
    Column,
    OutcomeUnknown,
    SourceCancelled,
    SourceError,
    SourceQueryFailed,
    SourceTimeout,
    SourceUnavailable,
    Table,
    Tag,
    ValueDoesNotFit,
)

_PIECE = 1 << 20
"""Bytes of rows that one INSERT carries, as far as whole rows allow."""
_PATIENCE = 0.9
"""Seconds in which a cancel has either found the writing thread outside of the driver, or gives up."""
_LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps; it cuts the rest with no more than a notice."""
_DRIVER_ERRORS = (adbc.Error, OSError, pa.ArrowException)


class PostgresWriter:
    """Implements `watersmeet.spi.Writer`."""

    def __init__(self, pool: Pool[DriverConnection], tag: Tag) -> None:
        """Begin. Raises SourceError."""
        self._source = pool.source
        self._pool = pool
        self._deadline = time.monotonic() + tag.timeout
        self._connection: DriverConnection = reader.transaction(pool, tag, self._deadline, writes=True)
        self._inside = threading.Lock()
        """Held while a thread is inside the driver."""
        self._cancelled = threading.Event()
        self._committing = False
        self._closed = False

    # ------------------------------------------------------------ the writing thread

    def run(self, table: Table, sql: str) -> int:
        """See the contract."""
        return self._inside_driver(lambda: self._connection.run(sql))

    def insert(self, table: Table, batches: Iterator[pa.RecordBatch]) -> int:
        """See the contract."""
        sql = _insertion(table)
        count = 0
        for batch in batches:
            for piece in rows.pieces(batch, _PIECE):
                row = rows.parameters(self._source, table, piece)
                count += self._inside_driver(lambda row=row: self._connection.run(sql, row))  # type: ignore[misc]
        return count

    def create(self, table: Table, *, replaces: bool) -> Table:
        """See the contract."""
        for name in (table.name, *(column.name for column in table.columns)):
            if len(name.encode()) > _LONGEST_NAME:
                raise SourceQueryFailed(
                    self._source, f"the name {name} has more than {_LONGEST_NAME} bytes: PostgreSQL would cut it"
                )
        columns = tuple(self._stored(table, column) for column in table.columns)
        listed = ", ".join(f"{_quoted(column.name)} {_native(column)}" for column in columns)
        if replaces:
            self._inside_driver(lambda: self._connection.run(f"DROP TABLE {_path(table)}"))
        self._inside_driver(lambda: self._connection.run(f"CREATE TABLE {_path(table)} ({listed})"))
        return replace(table, columns=columns)

    def _stored(self, table: Table, column: Column) -> Column:
        """The column as PostgreSQL can have it."""
        item, brackets = column.type.removesuffix("[]"), "[]" if column.type.endswith("[]") else ""
        type_ = STORED.get(item, item) + brackets
        if types(type_) is None:
            where = f"{table.schema}.{table.name}.{column.name}"
            raise ValueDoesNotFit(self._source, f"column {where}: PostgreSQL has no type for {column.type}")
        return Column(name=column.name, type=type_)

    def commit(self) -> None:
        """See the contract."""
        with self._inside:
            self._check()
            self._committing = True
            try:
                self._connection.run("COMMIT")
            except _DRIVER_ERRORS as error:
                failure = errors.querying(self._source, error)
                if isinstance(failure, SourceUnavailable):
                    raise OutcomeUnknown(
                        self._source,
                        "the connection was lost while the source was committing: look there whether the change was made",
                        sqlstate=failure.sqlstate,
                    ) from error
                raise failure from error

    def close(self) -> None:
        """See the contract."""
        with self._inside:
            if self._closed:
                return
            self._closed = True
            if self._cancelled.is_set():
                self._pool.discard(self._connection)
            else:  # after a COMMIT that went well a ROLLBACK does nothing
                reader.give_back(self._pool, self._connection)

    def _inside_driver(self, work: Callable[[], int]) -> int:
        with self._inside:
            self._check()
            try:
                made = work()
            except _DRIVER_ERRORS as error:
                raise self._failure(error) from error
            self._check()
            return made

    def _check(self) -> None:
        if self._closed or self._cancelled.is_set():
            raise SourceCancelled(self._source, "the statement was cancelled")
        if time.monotonic() > self._deadline:
            raise SourceTimeout(self._source, "the statement reached its time limit")

    def _failure(self, error: Exception) -> SourceError:
        if self._cancelled.is_set():
            return SourceCancelled(self._source, "the statement was cancelled")
        return errors.querying(self._source, error, late=time.monotonic() > self._deadline - 0.05)

    # ------------------------------------------------------------ any thread

    def cancel(self) -> None:
        """See the contract: what runs is cancelled; a transaction that waits for rows ends with its connection."""
        self._cancelled.set()
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and not (self._committing or self._closed):
            if self._inside.acquire(timeout=0.02):
                try:
                    if not (self._committing or self._closed):
                        self._connection.close()
                finally:
                    self._inside.release()
                return
            self._connection.cancel()  # repeated, since the statement may not have begun yet


def _insertion(table: Table) -> str:
    """The INSERT of rows that come as arrays."""
    names = ", ".join(_quoted(column.name) for column in table.columns)
    values = ", ".join(
        column.write.format(rows.arrived(f'r."c{i}"', column.type)) for i, column in enumerate(table.columns)
    )
    arrays = ", ".join(f"${i + 1}" for i in range(len(table.columns)))
    given = ", ".join(f'"c{i}"' for i in range(len(table.columns)))
    return f"INSERT INTO {_path(table)} ({names}) SELECT {values} FROM unnest({arrays}) AS r({given})"


def _native(column: Column) -> str:
    name = types(column.type)
    assert name is not None
    return name


def _path(table: Table) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
