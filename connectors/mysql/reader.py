"""One statement's consistent view of the server: snapshots on connections of the pool, and reads that stream over them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator

import pyarrow as pa
import pymysql

from connectors.mysql import lines, packets
from connectors.mysql.config import Config
from connectors.mysql.connection import Connection, Pool
from connectors.mysql.errors import ended_by_server, running
from watersmeet.spi import PoolExhausted, Read, SourceCancelled, SourceError, SourceTimeout, Tag

_BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"


def statement(read: Read) -> str:
    """The SQL of a read. `Snapshot.read` puts nothing but a comment and its time limit before it."""
    way = packets if packets.reads(read.columns) else lines
    selected = way.select(read.expressions, [column.type for column in read.columns])
    return " ".join(part for part in (read.prefix, f"SELECT {selected}", read.body) if part)


def tagged(tag: Tag, sql: str) -> str:
    """The statement with the query's id before it, where the process list shows it."""
    return f"{comment(tag.query_id)} {sql}"


def comment(query_id: str) -> str:
    """A query's mark at the server.

    A comment, not the connection's attributes: those are sent once, and connections are lent to one query after another.
    """
    return f"/* watersmeet/{re.sub('[^0-9A-Za-z_.-]', '', query_id)[:64]} */"


class MysqlSnapshot:
    """A Snapshot: one connection for each lane, in a transaction where several reads see one view."""

    def __init__(self, source: str, pool: Pool, config: Config, tag: Tag, reads: int, more: int) -> None:
        """Take connections and begin. With consistency 'fragment' each read has a snapshot of its own. Raises SourceError."""
        self._source = source
        self._pool = pool
        self._tag = tag
        self._deadline = time.monotonic() + tag.timeout
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._lanes: list[_Lane] = []
        self._shared = config.consistency == "source" and reads > 1
        """Whether several reads see one view. One SELECT sees one without a transaction around it (REPEATABLE READ)."""
        wanted = 1 if config.consistency == "source" else max(reads, 1)
        try:
            self._lanes.append(self._begin(tag.timeout))
            while len(self._lanes) < wanted:
                self._lanes.append(self._begin(0.0))
            if config.consistency == "fragment":
                while len(self._lanes) < wanted + more and pool.free > config.pool // 2:  # the rest is for others
                    self._lanes.append(self._begin(0.0))
        except PoolExhausted:
            if not self._lanes:
                raise
        except BaseException:
            self.close()
            raise
        self.lanes = len(self._lanes)

    def _begin(self, timeout: float) -> _Lane:
        connection = self._pool.take(timeout)
        try:
            if self._shared:
                connection.run(_BEGIN)
            return _Lane(connection)
        except BaseException:
            self._pool.give(connection, sound=False)
            raise

    def read(self, lane: int, read: Read) -> Generator[pa.RecordBatch, None, None]:
        """Stream a query's rows in the caller's thread. Closed early, it kills the query and discards the connection."""
        held = self._lanes[lane]
        if held.broken or held.given or held.busy:
            raise SourceCancelled(self._source, "this lane of the snapshot is not free for a read")
        connection = held.connection
        held.busy = True  # before the look at `cancelled`: `cancel` sets and looks the other way round
        ended = False
        try:
            if self._cancelled.is_set():
                raise SourceCancelled(self._source, "the query was cancelled")
            sql = tagged(self._tag, self._limited(connection, statement(read)))
            way = packets if packets.reads(read.columns) else lines
            for batch in way.batches(connection, sql, read.columns, self._deadline):
                # What arrives after KILL looks like a normal, shorter result.
                if self._cancelled.is_set():
                    raise SourceCancelled(self._source, "the query was cancelled")
                yield batch
            ended = True
            if self._cancelled.is_set():
                raise SourceCancelled(self._source, "the query was cancelled")
        except (pymysql.MySQLError, OSError, ValueError, AttributeError, SourceError) as error:
            # ValueError, AttributeError: the driver's own, when another thread has closed its socket meanwhile.
            if isinstance(error, (ValueError, AttributeError)) and not self._cancelled.is_set():
                raise
            held.broken = True  # also for a mere error: some of them end the transaction, and with it the snapshot
            ended = ended_by_server(error)
            raise running(self._source, error, cancelled=self._cancelled.is_set()) from error
        finally:
            if not ended:
                held.broken = True
                self._kill(held)
            held.busy = False

    def _limited(self, connection: Connection, sql: str) -> str:
        """The query such that the server ends it at the deadline, too: that holds even if this process dies."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SourceTimeout(self._source, "the query did not end in time")
        connection.within(left)
        milliseconds = max(int(left * 1000), 1)  # 0 is no limit
        if connection.mariadb:  # without a round trip of its own
            return f"SET STATEMENT max_statement_time = {milliseconds / 1000} FOR {sql}"
        connection.run(f"SET SESSION max_execution_time = {milliseconds}")
        return sql

    def _kill(self, held: _Lane) -> None:
        """End what a lane runs, at the server, once."""
        with self._lock:
            if held.killed:
                return
            held.killed = True
        held.broken = True
        number = held.connection.thread_id
        held.connection.abort()
        try:
            self._pool.kill(number)
        except SourceError:
            # The socket is shut: the server notices with the next bytes it sends, at the latest at its time limit.
            return

    def cancel(self) -> None:
        """Stop all reads at the source, from any thread."""
        self._cancelled.set()
        for held in self._lanes:
            if held.busy:
                self._kill(held)

    def close(self) -> None:
        """End the transactions and give the connections back; those in doubt are discarded."""
        with self._lock:
            lanes = [held for held in self._lanes if not held.given]
            for held in lanes:
                held.given = True
        for held in lanes:
            sound = not (held.broken or held.busy)
            if held.busy:
                self._kill(held)
            if sound and self._shared:
                try:
                    held.connection.within(5.0)
                    held.connection.run("ROLLBACK")
                except SourceError:
                    sound = False
            self._pool.give(held.connection, sound=sound)


class _Lane:
    """A connection and what is known of its state."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.busy = False
        """A query runs, or its rows are not all read."""
        self.broken = False
        """Of no further use."""
        self.killed = False
        self.given = False
        """Given back to the pool."""
