"""A bounded pool of driver connections, and what is done on one of them outside of a stream."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable

import adbc_driver_manager as adbc
import adbc_driver_postgresql  # type: ignore[import-untyped]
import pyarrow as pa
from adbc_driver_manager._reader import AdbcRecordBatchReader
from adbc_driver_postgresql import StatementOptions

from connectors.postgres import errors
from connectors.postgres.literals import literal
from watersmeet.spi import PoolExhausted, SourceError

BATCH_BYTES = 4 << 20
"""Bytes of COPY data that one batch is made from. Measured: 1 MiB costs 20 % more CPU, 16 MiB 15 % (cache misses)."""

_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    # Our SQL names built-in functions and operators only; in any other schema somebody may have put a better-fitting
    # one of the same name (CVE-2018-1058).
    "search_path": "pg_catalog",
    "default_transaction_read_only": "on",
}
"""What each of our transactions is set to; local to it, so that it holds behind a transaction pooler, too."""


class Stream:
    """A running query: its batches, pulled one by one. Close it before anything else runs on its connection."""

    def __init__(self, connection: adbc.AdbcConnection, sql: str) -> None:
        self._statement = adbc.AdbcStatement(connection)
        self._reader: AdbcRecordBatchReader | None = None
        try:
            self._statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)})
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
        """The next batch; None at the end. Raises what the driver raises."""
        assert self._reader is not None
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            return None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._statement.close()


class Connection:
    """One connection. One thread at a time uses it; only `cancel` may come from another one."""

    def __init__(self, driver: adbc.AdbcConnection) -> None:
        self._driver = driver
        self._alive = threading.Lock()
        self._closed = False

    def run(self, sql: str) -> None:
        """Run statements of our own making whose answer nobody reads; several, with ';', in one round trip."""
        statement = adbc.AdbcStatement(self._driver)
        try:
            statement.set_sql_query(sql)
            statement.execute_update()
        finally:
            statement.close()

    def stream(self, sql: str) -> Stream:
        return Stream(self._driver, sql)

    def rows(self, sql: str) -> list[dict[str, object]]:
        """All rows of a small query."""
        stream, found = self.stream(sql), []
        try:
            while (batch := stream.next()) is not None:
                found += batch.to_pylist()
        finally:
            stream.close()
        return found

    def begin(self, settings: Iterable[tuple[str, str]], snapshot: str | None = None) -> None:
        """Start a read-only transaction with one snapshot: a new one, or that which another transaction exported."""
        share = f"SET TRANSACTION SNAPSHOT '{snapshot}'; " if snapshot else ""
        assigned = ", ".join(
            f"pg_catalog.set_config({literal(name, 'VARCHAR')}, {literal(value, 'VARCHAR')}, true)"
            for name, value in (*_SETTINGS.items(), *settings)
        )
        self.run(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {share}SELECT {assigned}")

    def cancel(self) -> None:
        """Ask the server to end what runs here: from any thread, about 3 ms. Does nothing on a closed connection."""
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


class Pool:
    """At most `size` connections of one source. Thread-safe. Connections in doubt are discarded, never given again."""

    def __init__(self, source: str, url: str, size: int) -> None:
        self.source = source
        self._url = url
        self._size = size
        self._free = threading.Condition()
        self._idle: list[Connection] = []
        self._open = 0
        self._closed = False
        self._database: adbc.AdbcDatabase | None = None
        self._loading = threading.Lock()
        self.watches_client = True
        """Whether the server can notice by itself that a client went away (PostgreSQL 14 or newer, on most systems)."""

    def take(self, deadline: float) -> Connection:
        """A connection, waiting for one until `deadline` (of time.monotonic). Raises PoolExhausted, SourceError."""
        with self._free:
            while not self._idle and self._open >= self._size and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolExhausted(
                        self.source, f"none of its {self._size} connections became free in time; see the setting pool"
                    )
                self._free.wait(left)
            idle = self._claim()
        return idle or self._connect()

    def take_now(self) -> Connection | None:
        """A connection if one is free or may be made; None otherwise. Raises SourceError."""
        with self._free:
            if not self._idle and self._open >= self._size:
                return None
            idle = self._claim()
        return idle or self._connect()

    def _claim(self) -> Connection | None:
        """An idle connection, or None: the right to make one. Called with the lock held."""
        if self._closed:
            raise SourceError(self.source, "is closed")
        if self._idle:
            return self._idle.pop()
        self._open += 1
        return None

    def _connect(self) -> Connection:
        try:
            with self._loading:
                first = self._database is None
                if self._database is None:  # reads the server's types: 80 ms, once
                    self._database = adbc_driver_postgresql.connect(self._url)
                database = self._database
            made = Connection(adbc.AdbcConnection(database))  # 5 ms
        except (adbc.Error, OSError) as error:
            with self._free:
                self._open -= 1
                self._free.notify()
            raise errors.connecting(self.source, error) from None
        if first:
            self.watches_client = _can_watch_client(made)
        return made

    def give(self, connection: Connection) -> None:
        """Take back a connection that is between transactions."""
        with self._free:
            if not self._closed:
                self._idle.append(connection)
                self._free.notify()
                return
        connection.close()

    def discard(self, connection: Connection) -> None:
        """Close a connection that is in doubt and make room for another one."""
        connection.close()
        with self._free:
            self._open -= 1
            self._free.notify()

    def clear(self) -> None:
        """Discard all idle connections: one of them turned out to be dead, as after a restart of the server."""
        with self._free:
            idle, self._idle = self._idle, []
        for connection in idle:
            self.discard(connection)

    def close(self) -> None:
        with self._free:
            self._closed = True
            self._free.notify_all()
        self.clear()
        with self._loading:
            # Refused while a statement still has a connection; that one's end leaves the rest to the process's.
            if self._database is not None and self._open == 0:
                self._database.close()
                self._database = None


def _can_watch_client(connection: Connection) -> bool:
    try:
        connection.run("BEGIN; SET LOCAL client_connection_check_interval = '1s'; COMMIT")
    except adbc.Error:
        with contextlib.suppress(adbc.Error):
            connection.run("ROLLBACK")
        return False
    return True
