"""Connections by ADBC's driver: the way without our own decoder, the way to write, and for URLs that only libpq reads."""

from __future__ import annotations

import contextlib
import re
import threading
import time

import adbc_driver_manager as adbc
import adbc_driver_postgresql  # type: ignore[import-untyped]
import pyarrow as pa
from adbc_driver_manager._reader import AdbcRecordBatchReader
from adbc_driver_postgresql import StatementOptions

from connectors.postgres import session, wire
from connectors.postgres.errors import QUERY_CANCELED
from watersmeet.spi import Read, arrow_type

_INTERVAL = re.compile(r"Interval with time value (-?\d+) usec")
"""The driver's words: Arrow's interval counts nanoseconds, which hold 292 years of hours."""


class Reader:
    """A query's batches as the driver makes them."""

    def __init__(self, connection: adbc.AdbcConnection, sql: str) -> None:
        self._statement = adbc.AdbcStatement(connection)
        self._reader: AdbcRecordBatchReader | None = None
        try:
            size = str(session.BATCH_BYTES)
            self._statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: size})
            self._statement.set_sql_query(sql)
            handle, _ = self._statement.execute_query()
            self._reader = AdbcRecordBatchReader._import_from_c(handle.address)
        except BaseException:
            self.close()
            raise

    @property
    def schema(self) -> pa.Schema:
        assert self._reader is not None
        return self._reader.schema

    def next(self) -> pa.RecordBatch | None:
        assert self._reader is not None
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            return None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._statement.close()


class Arriving(session.Stream):
    """A read's batches, each turned into the announced types."""

    def __init__(self, reader: Reader, source: str, read: Read) -> None:
        self._reader = reader
        self._source = source
        self._read = read
        self._schema = pa.schema([(column.name, arrow_type(column.type)) for column in read.columns])
        try:
            wire.check_schema(source, read.columns, reader.schema)
        except BaseException:
            self.close()
            raise

    def next(self) -> pa.RecordBatch | None:
        try:
            batch = self._reader.next()
        except (adbc.Error, OSError, pa.ArrowException) as error:
            if (match := _INTERVAL.search(str(error))) is None:
                raise
            column = next(column for column in self._read.columns if column.type.startswith("INTERVAL"))
            raise wire.misfit(self._source, column, f"of {match[1]} microseconds", wire.FILTER) from error
        if batch is None:
            return None
        arrays = [
            wire.arrive(self._source, column, array)
            for column, array in zip(self._read.columns, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def drain(self, until: float) -> bool:
        try:
            while self._reader.next() is not None:
                if time.monotonic() > until:
                    return False
        except adbc.Error as error:
            return error.sqlstate == QUERY_CANCELED
        return True

    def close(self) -> None:
        self._reader.close()


class DriverConnection(session.Connection):
    """One connection of the driver's."""

    def __init__(self, driver: adbc.AdbcConnection) -> None:
        self._driver = driver
        self._alive = threading.Lock()
        self._closed = False

    def run(self, sql: str, row: pa.RecordBatch | None = None) -> int:
        """`row` holds the values of $1, $2 … of a single statement."""
        statement = adbc.AdbcStatement(self._driver)
        try:
            statement.set_sql_query(sql)
            if row is not None:
                schema, array = row.__arrow_c_array__()
                statement.prepare()
                statement.bind(array, schema)
            return int(statement.execute_update())
        finally:
            statement.close()

    def read(self, source: str, read: Read) -> Arriving:
        return Arriving(Reader(self._driver, statement(read)), source, read)

    def rows(self, sql: str) -> list[dict[str, object]]:
        reader, found = Reader(self._driver, sql), []
        try:
            while (batch := reader.next()) is not None:
                found += batch.to_pylist()
        finally:
            reader.close()
        return found

    def cancel(self) -> None:
        with self._alive:
            if not self._closed:
                # What cannot be reached has no cancel; the caller closes the connection then.
                with contextlib.suppress(adbc.Error):
                    self._driver.cancel()

    def close(self) -> None:
        with self._alive:
            if not self._closed:
                self._closed = True
                with contextlib.suppress(adbc.Error):
                    self._driver.close()


class DriverConnector(session.Connector[DriverConnection]):
    """Thread-safe. The driver reads the server's types once for all its connections: 80 ms; each takes 5."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loading = threading.Lock()
        self._database: adbc.AdbcDatabase | None = None

    def connect(self) -> DriverConnection:
        with self._loading:
            if self._database is None:
                self._database = adbc_driver_postgresql.connect(self._url)
            database = self._database
        return DriverConnection(adbc.AdbcConnection(database))

    def statement(self, read: Read) -> str:
        return statement(read)

    def close(self) -> None:
        with self._loading:
            if self._database is not None:
                # Refused while a statement still has a connection; that one's end leaves the rest to the process's.
                with contextlib.suppress(adbc.Error):
                    self._database.close()
                self._database = None


def statement(read: Read) -> str:
    """The SQL text for a read. COPY (…) TO STDOUT (FORMAT binary), which the driver puts around it, is not shown."""
    wrapped = (
        wire.expression(sql, column.type, i)
        for i, (sql, column) in enumerate(zip(read.expressions, read.columns, strict=True))
    )
    return " ".join(part for part in (read.prefix, "SELECT " + ", ".join(wrapped), read.body) if part)
