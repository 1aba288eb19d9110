"""A statement's consistent view of a PostgreSQL source: transactions over one snapshot, and streams of Arrow from them.

Rows are read without the interpreter lock. What is left to do: one stream a connection; cancelling before closing
(a stream closed early is read to its end otherwise); and a backend that is blocked on sending, which hears no cancel,
only the end of its connection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import adbc_driver_manager as adbc
import pyarrow as pa

from connectors.postgres import errors, wire
from connectors.postgres.pool import Pool
from connectors.postgres.session import C, Connection, Stream
from watersmeet.spi import (
    Read,
    SourceCancelled,
    SourceError,
    SourceTimeout,
    SourceUnavailable,
    Tag,
)

BATCH_LIMIT = 8 << 20
"""Bytes of one batch at most, as far as whole rows allow."""
_PATIENCE = 1.0
"""Seconds that a cancel may take before the connection is given up."""
_DRIVER_ERRORS = (adbc.Error, OSError, pa.ArrowException)


def application_name(query_id: str) -> str:
    """What a statement's sessions are called at the server, which keeps 63 bytes of a name."""
    return f"watersmeet/{query_id}"[:63]


def settings(pool: Pool[C], tag: Tag, deadline: float) -> list[tuple[str, str]]:
    """What the transactions of a statement are set to beside what all have."""
    left = str(max(1, round((deadline - time.monotonic()) * 1000)))
    given = [
        ("application_name", application_name(tag.query_id)),
        ("statement_timeout", left),
        ("idle_in_transaction_session_timeout", left),
    ]
    return [*given, ("client_connection_check_interval", "1s")] if pool.watches_client else given


class Lane:
    """One connection in a transaction; its reads run one after the other."""

    def __init__(self, connection: Connection, *, begun: bool) -> None:
        self.connection = connection
        self.begun = begun
        """Whether a transaction is open, which a ROLLBACK has to end."""
        self.stream: Stream | None = None
        self.inside = threading.Lock()
        """Held while a thread is inside the driver, or closes what another one had opened."""
        self.sound = True
        """Whether the connection may go back to the pool between two transactions."""

    def stop(self) -> None:
        """End the stream that runs, if any, and keep the connection if that works. The lock is held."""
        if self.stream is None:
            return
        self.connection.cancel()
        try:
            self.sound = self.stream.drain(time.monotonic() + _PATIENCE) and self.sound
        except _DRIVER_ERRORS:
            self.sound = False
        self.end()

    def end(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    def abandon(self) -> None:
        """Close the connection whatever runs on it. The lock is held."""
        self.sound = False
        self.end()
        self.connection.close()


class PostgresSnapshot:
    """Implements `watersmeet.spi.Snapshot`."""

    def __init__(self, pool: Pool[Connection], lanes: list[Lane], tag: Tag, *, deadline: float, shared: bool) -> None:
        self.lanes = len(lanes)
        self._pool = pool
        self._lanes = lanes
        self._deadline = deadline
        self._tag = tag
        self._shared = shared
        """Whether a lane has several reads, so that an end of one must leave the transaction usable."""
        self._cancelled = threading.Event()
        self._closed = False

    def read(self, lane: int, read: Read) -> Iterator[pa.RecordBatch]:
        """See the contract. Raises SourceError."""
        own = self._lanes[lane]
        done = False
        try:
            self._open(own, read)
            while (batch := self._next(own, read)) is not None:
                yield from wire.pieces(batch, BATCH_LIMIT)
            done = True
        finally:
            with own.inside:
                if done:
                    own.begun = own.stream is None or not own.stream.over
                    own.end()
                else:
                    own.stop()
                    self._recover(own)

    def _open(self, lane: Lane, read: Read) -> None:
        with lane.inside:
            self._check(lane)
            try:
                if self._shared:
                    lane.connection.run("SAVEPOINT watersmeet")
                lane.stream = self._stream(lane, read)
            except _DRIVER_ERRORS as error:
                raise self._failure(error, read) from error

    def _stream(self, lane: Lane, read: Read) -> Stream:
        source = self._pool.source
        if lane.begun:
            return lane.connection.read(source, read)
        lane.begun = True
        given = settings(self._pool, self._tag, self._deadline)
        try:
            return lane.connection.read_alone(source, read, given)
        except _DRIVER_ERRORS as error:
            if lane.connection.answered or not isinstance(errors.querying(source, error), SourceUnavailable):
                raise
            lane.connection = self._pool.replace(lane.connection)
            self._check(lane)
            return lane.connection.read_alone(source, read, given)

    def _next(self, lane: Lane, read: Read) -> pa.RecordBatch | None:
        with lane.inside:
            self._check(lane)
            assert lane.stream is not None
            try:
                batch = lane.stream.next()
            except _DRIVER_ERRORS as error:
                lane.end()
                raise self._failure(error, read) from error
            self._check(lane)  # what arrives after a cancel is not to be trusted
            return batch

    def _check(self, lane: Lane) -> None:
        if self._cancelled.is_set():
            raise SourceCancelled(self._pool.source, "the statement was cancelled")
        if time.monotonic() > self._deadline:
            raise SourceTimeout(self._pool.source, "the statement reached its time limit")
        if not lane.sound:
            raise SourceError(self._pool.source, "an earlier read of this statement failed")

    def _recover(self, lane: Lane) -> None:
        """After a read that ended early: make the transaction usable for the lane's next one, if there is to be one."""
        if self._shared and lane.sound and not self._cancelled.is_set():
            try:
                lane.connection.run("ROLLBACK TO SAVEPOINT watersmeet")
            except _DRIVER_ERRORS:
                lane.sound = False

    def _failure(self, error: Exception, read: Read) -> SourceError:
        source = self._pool.source
        if self._cancelled.is_set():
            return SourceCancelled(source, "the statement was cancelled")
        if (found := wire.multidimensional(str(error))) is not None:
            position, value = found
            return wire.misfit(source, read.columns[position], value, wire.FILTER)
        # The server counts from when the transaction was set up, a little after us.
        return errors.querying(source, error, late=time.monotonic() > self._deadline - 0.05)

    def cancel(self) -> None:
        """See the contract: a stream that nobody pulls is ended by closing its connection."""
        self._cancelled.set()
        waiting = list(self._lanes)
        end = time.monotonic() + _PATIENCE
        while waiting and time.monotonic() < end:
            for lane in list(waiting):
                if lane.inside.acquire(timeout=0.01):
                    try:
                        if lane.stream is not None:
                            lane.connection.cancel()
                            lane.abandon()
                    finally:
                        lane.inside.release()
                    waiting.remove(lane)
                else:  # a thread waits for the server: repeated, since its query may not have begun yet
                    lane.connection.cancel()
            time.sleep(0.02 if waiting else 0)

    def close(self) -> None:
        """See the contract."""
        if self._closed:
            return
        self._closed = True
        for lane in self._lanes:
            with lane.inside:
                lane.stop()
                if not lane.sound:
                    self._pool.discard(lane.connection)
                elif lane.begun:
                    give_back(self._pool, lane.connection)
                else:
                    self._pool.give(lane.connection)
                lane.sound = False


def give_back(pool: Pool[C], connection: C) -> None:
    """End the transaction and return the connection, or discard it if that fails."""
    try:
        connection.run("ROLLBACK")
    except _DRIVER_ERRORS:
        pool.discard(connection)
    else:
        pool.give(connection)


def begin(
    pool: Pool[Connection], tag: Tag, reads: int, more: int, *, one_view: bool, one_connection: bool
) -> PostgresSnapshot:
    """Transactions for `reads` reads, and `more` for their parts. `one_view`: all over the first one's snapshot.

    A read that is the only one begins its transaction itself. Raises SourceError.
    """
    deadline = time.monotonic() + tag.timeout
    if reads + more == 1 and pool.pipelines:
        return PostgresSnapshot(pool, [Lane(pool.take(deadline), begun=False)], tag, deadline=deadline, shared=False)
    lanes = [Lane(transaction(pool, tag, deadline), begun=True)]
    try:
        wanted = 1 if one_connection else reads + more
        exported = _export(lanes[0].connection) if one_view and wanted > 1 else None
        while len(lanes) < wanted:
            spare = 0 if len(lanes) < reads else pool.size // 2  # a large read leaves room to other statements
            if (connection := _another(pool, tag, deadline, exported, spare)) is None:
                break
            lanes.append(Lane(connection, begun=True))
    except _DRIVER_ERRORS as error:
        pool.discard(lanes[0].connection)
        raise errors.querying(pool.source, error) from error
    return PostgresSnapshot(pool, lanes, tag, deadline=deadline, shared=reads > len(lanes))


def transaction(pool: Pool[C], tag: Tag, deadline: float, *, writes: bool = False) -> C:
    """A connection in a transaction: read-only, of its own snapshot, or one that `writes`. Raises SourceError."""
    for last in (False, True):
        connection = pool.take(deadline)
        begin = connection.begin_writing if writes else connection.begin
        try:
            begin(settings(pool, tag, deadline))
        except _DRIVER_ERRORS as error:
            pool.discard(connection)
            failure = errors.querying(pool.source, error)
            if last or not isinstance(failure, SourceUnavailable):
                raise failure from error
            pool.clear()  # it had died in the pool, as after a restart of the server; so have the others
        else:
            return connection
    raise AssertionError


def _export(connection: Connection) -> str:
    return str(connection.rows("SELECT pg_export_snapshot() AS snapshot")[0]["snapshot"])


def _another(pool: Pool[Connection], tag: Tag, deadline: float, exported: str | None, spare: int) -> Connection | None:
    """One more connection in a transaction, if it can be had at once: a statement also does with fewer."""
    try:
        connection = pool.take_now(spare)
    except SourceError:
        return None
    if connection is None:
        return None
    try:
        connection.begin(settings(pool, tag, deadline), exported)
    except _DRIVER_ERRORS:
        pool.discard(connection)
        return None
    return connection
