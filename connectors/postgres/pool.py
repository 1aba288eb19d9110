"""A bounded pool of connections to one source."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import Generic

import adbc_driver_manager as adbc

from connectors.postgres import errors
from connectors.postgres.session import C, Connection, Connector
from watersmeet.spi import PoolExhausted, SourceError

log = logging.getLogger(__name__)


class Pool(Generic[C]):
    """At most `size` connections of one source. Thread-safe. Connections in doubt are discarded, never given again."""

    def __init__(self, source: str, connector: Connector[C], size: int) -> None:
        self.source = source
        self._connector = connector
        self.size = size
        self._free = threading.Condition()
        self._idle: list[C] = []
        self._open = 0
        self._closed = False
        self._asked = False
        self.watches_client = True
        """Whether the server can notice by itself that a client went away (PostgreSQL 14 or newer, on most systems)."""

    @property
    def pipelines(self) -> bool:
        """See `Connector`."""
        return self._connector.pipelines

    def take(self, deadline: float) -> C:
        """A connection, waiting for one until `deadline` (of time.monotonic). Raises PoolExhausted, SourceError."""
        with self._free:
            while not self._idle and self._open >= self.size and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolExhausted(
                        self.source, f"none of its {self.size} connections became free in time; see the setting pool"
                    )
                self._free.wait(left)
            idle = self._claim()
        return idle or self._connect()

    def take_now(self, spare: int = 0) -> C | None:
        """A connection if one is free or may be made, and `spare` others are; None otherwise. Raises SourceError."""
        with self._free:
            if len(self._idle) + self.size - self._open <= spare:
                return None
            idle = self._claim()
        return idle or self._connect()

    def warm(self, connections: int) -> None:
        """Open so many in the background, so that the first statements find them. A server that is down is left alone."""
        threading.Thread(target=self._warm, args=(connections,), name=f"warm {self.source}", daemon=True).start()

    def _warm(self, connections: int) -> None:
        made: list[C] = []
        try:
            while len(made) < connections and (connection := self.take_now()) is not None:
                made.append(connection)
        except SourceError as error:
            log.info("no connection was opened ahead: %s", error, extra={"source": self.source})
        for connection in made:
            self.give(connection)

    def _claim(self) -> C | None:
        """An idle connection, or None: the right to make one. Called with the lock held."""
        if self._closed:
            raise SourceError(self.source, "is closed")
        if self._idle:
            return self._idle.pop()
        self._open += 1
        return None

    def beyond(self) -> C:
        """A connection beside the pool's, for what must not wait for one; the caller closes it. Raises SourceError."""
        try:
            return self._made()
        except (adbc.Error, OSError) as error:
            raise errors.connecting(self.source, error) from None

    def replace(self, dead: C) -> C:
        """A new connection in the place of one that had died in the pool, as the idle ones may have. Raises SourceError."""
        dead.close()
        self.clear()
        return self.beyond()

    def _connect(self) -> C:
        try:
            return self.beyond()
        except SourceError:
            with self._free:
                self._open -= 1
                self._free.notify()
            raise

    def _made(self) -> C:
        made = self._connector.connect()
        if not self._asked:
            self._asked = True
            self.watches_client = _can_watch_client(made)
        return made

    def give(self, connection: C) -> None:
        """Take back a connection that is between transactions."""
        with self._free:
            if not self._closed:
                self._idle.append(connection)
                self._free.notify()
                return
        connection.close()

    def discard(self, connection: C) -> None:
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
        if self._open == 0:
            self._connector.close()


def _can_watch_client(connection: Connection) -> bool:
    try:
        connection.run("BEGIN; SET LOCAL client_connection_check_interval = '1s'; COMMIT")
    except adbc.Error:
        with contextlib.suppress(adbc.Error):
            connection.run("ROLLBACK")
        return False
    return True
