"""Connections: how one is opened, what its session is set to, and the pool that lends them.

Every connection that leaves this file speaks UTC, utf8mb4 and standard string literals, and never runs two statements
from one text (the driver's MULTI_STATEMENTS stays off). It reads only, unless its pool is the one for writing.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from connectors.mysql.config import Config, address
from connectors.mysql.errors import connecting, running
from watersmeet.spi import PoolExhausted, SourceError, SourceUnavailable

log = logging.getLogger(__name__)

SQL_MODE = (
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,"
    "NO_ENGINE_SUBSTITUTION,NO_UNSIGNED_SUBTRACTION"
)

# max_sort_length: ORDER BY, GROUP BY and windows compare only so many bytes of a text (1024 by default: ties and split
# groups beyond); 256 KiB holds every TEXT, in the sort buffer there is room for 15 rows of 16 such keys, as it must be.
# net_write_timeout: the server drops a client that reads slowly (60 s by default); deadlines are ours to keep.
# autocommit: a server may have it off; a read that is alone has no transaction around it.
# sql_notes: notes would count as warnings, and warnings are errors here (see wire.py).
# subquery_cache: MariaDB's cache of a correlated subquery takes 'Ana' for 'ana' where the outer column's collation does,
# whatever the subquery compares: NOT EXISTS (… LOCATE(binary form of it, …)) lost a row.
# condition_pushdown_from_having: MariaDB 10.11 takes the one text comparison of a WHERE for a number when it adds a condition
# of HAVING to it: an error, "Truncated incorrect DOUBLE value".
# join_cache_level: 2 is the default. With 3, which a server may have set, MariaDB joins by hashing, in 10.11 wrongly for
# <=> and for subqueries under NOT.
# in_predicate_conversion_threshold: MariaDB makes a join of an IN list of 1,000 constants or more: 100,000 primary keys
# among 1.5 million took 6.5 s, 2.0 s as a list; 30,000 keys compared with each row 1.8 s against 1.2 s.
SESSION = (
    (
        f"SET SESSION sql_mode = '{SQL_MODE}', time_zone = '+00:00', autocommit = 1, sql_notes = 0, "
        "net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 28800, "
        "max_sort_length = 262144, sort_buffer_size = 67108864, sql_auto_is_null = 0, sql_select_limit = DEFAULT"
        " /*M!100318 , in_predicate_conversion_threshold = 0 */"
        " /*M! , optimizer_switch = 'subquery_cache=off,condition_pushdown_from_having=off', join_cache_level = 2 */"
    ),
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION TRANSACTION READ ONLY",
)

# NO_AUTO_VALUE_ON_ZERO: a 0 for an AUTO_INCREMENT column is a 0. SIMULTANEOUS_ASSIGNMENT: SET a = b, b = a swaps.
# sql_notes: so that what was cut without an error shows as a note.
WRITING = (
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO{more}'), sql_notes = 1",
    "SET SESSION TRANSACTION READ WRITE",
)

_IDLE_CHECK = 60.0
"""Seconds idle after which a connection is asked whether it still lives before it is lent."""

_KILL_WITHIN = 2.0
"""Seconds that a cancel may wait for a server that does not answer."""


class Connection:
    """One session at the server. Used by one thread at a time; only `abort` may come from another."""

    def __init__(self, source: str, config: Config, *, writes: bool = False) -> None:
        """Connect and set the session. Raises SourceError."""
        self.source = source
        where = address(config.url)
        try:
            self.driver = pymysql.connect(
                host=where.host,
                port=where.port,
                user=where.user,
                password=where.password,
                database=where.database,
                charset="utf8mb4",
                connect_timeout=config.connect_timeout,
                read_timeout=config.connect_timeout,
                write_timeout=config.connect_timeout,
                autocommit=None,
                program_name="watersmeet",
                client_flag=CLIENT.FOUND_ROWS,  # an UPDATE tells the rows that it met, changed or not
                **_tls(config),
            )
        except (pymysql.MySQLError, OSError, RuntimeError, ValueError) as error:
            raise connecting(source, error) from None
        self.server: str = str(self.driver.get_server_info())
        self.mariadb = "mariadb" in self.server.lower()
        self.used = time.monotonic()
        try:
            for statement in SESSION:
                self.run(statement)
            if writes:
                for statement in WRITING:
                    self.run(statement.format(more=",SIMULTANEOUS_ASSIGNMENT" if self.mariadb else ""))
        except BaseException:
            self.discard()
            raise

    @property
    def socket(self) -> socket.socket:
        return self.driver._sock  # type: ignore[no-any-return]

    @property
    def thread_id(self) -> int:
        """The server's number for this session, to kill it by."""
        return int(self.driver.thread_id())

    def within(self, seconds: float) -> None:
        """Let no single wait for the server take longer."""
        self.driver._read_timeout = self.driver._write_timeout = max(seconds, 0.001)

    def run(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Run a short statement and give all its rows. Raises SourceError."""
        try:
            with self.driver.cursor() as cursor:
                cursor.execute(sql)
                return tuple(cursor.fetchall())
        except (pymysql.MySQLError, OSError) as error:
            raise running(self.source, error) from error

    def kill(self, thread_id: int) -> None:
        """End another session and what it runs. Raises SourceError.

        KILL CONNECTION, not KILL QUERY: it cannot miss a query that is just about to start, and a killed query's rows
        can look like all of them.
        """
        try:
            self.driver.query(f"KILL CONNECTION {thread_id:d}")
        except (pymysql.MySQLError, OSError) as error:
            if error.args[:1] != (1094,):  # unknown thread: it has ended
                raise running(self.source, error) from error

    def abort(self) -> None:
        """Wake whoever waits on this connection; it is of no use afterwards. From any thread."""
        # SSLSocket.shutdown would drop the TLS object while another thread reads through it.
        with contextlib.suppress(OSError, TypeError):  # TypeError: the driver has closed it already
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def discard(self) -> None:
        """Close without a word to the server."""
        self.driver._force_close()

    def alive(self) -> bool:
        """Whether the server has not hung up meanwhile: free of a round trip for what was used lately."""
        try:
            if select.select([self.socket], [], [], 0)[0]:
                return False
            if time.monotonic() - self.used > _IDLE_CHECK:
                self.driver.ping(reconnect=False)
        except (pymysql.MySQLError, OSError, ValueError, TypeError):
            return False
        return True


def _tls(config: Config) -> dict[str, Any]:
    if config.tls == "disabled":
        return {"ssl_disabled": True}
    if config.tls == "preferred":
        return {}
    context = ssl.create_default_context(cafile=config.tls_ca)
    if config.tls == "required":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


class Pool:
    """At most `config.pool` connections, the most recently used lent first."""

    def __init__(self, source: str, config: Config, *, writes: bool = False) -> None:
        self._source = source
        self._config = config
        self._writes = writes
        self._free = threading.BoundedSemaphore(config.pool)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._lent = 0
        self._closed = False

    @property
    def free(self) -> int:
        """How many connections nobody holds just now."""
        with self._lock:
            return self._config.pool - self._lent

    def warm(self, connections: int) -> None:
        """Open so many in the background, so that the first statements find them. A server that is down is left alone."""
        threading.Thread(target=self._warm, args=(connections,), name=f"warm {self._source}", daemon=True).start()

    def _warm(self, connections: int) -> None:
        made: list[Connection] = []
        try:
            while len(made) < connections:
                made.append(self.take(0.0))
        except SourceError as error:
            log.info("no connection was opened ahead: %s", error, extra={"source": self._source})
        for connection in made:
            self.give(connection, sound=True)

    def take(self, timeout: float) -> Connection:
        """A live connection within `timeout` seconds. Raises PoolExhausted or what connecting raises."""
        if not self._free.acquire(timeout=max(timeout, 0.0)):
            raise PoolExhausted(
                self._source, f"none of {self._config.pool} connections became free in {timeout:.1f} s; raise `pool`"
            )
        with self._lock:
            self._lent += 1
        try:
            if self._closed:
                raise SourceUnavailable(self._source, "the source is being closed")
            while (idle := self._pop()) is not None:
                if idle.alive():
                    idle.within(self._config.connect_timeout)
                    return idle
                idle.discard()
            return Connection(self._source, self._config, writes=self._writes)
        except BaseException:
            self._release()
            raise

    def give(self, connection: Connection, *, sound: bool) -> None:
        """Take back what `take` lent. What is not `sound` (in doubt, aborted, in the middle of a result) is closed."""
        connection.used = time.monotonic()
        with self._lock:
            keep = sound and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.discard()
        self._release()

    def _release(self) -> None:
        with self._lock:
            self._lent -= 1
        self._free.release()

    def kill(self, thread_id: int) -> None:
        """End the session with this number and what it runs. Raises SourceError if the server cannot be asked."""
        with self.beyond() as asker:
            asker.kill(thread_id)

    @contextlib.contextmanager
    def beyond(self) -> Iterator[Connection]:
        """An idle connection or a new one beyond the pool's size, so that a full pool, or a server without a free
        connection, does not keep a query alive. Raises SourceError."""
        asker = self._pop()
        if asker is None or not asker.alive():
            quick = min(self._config.connect_timeout, _KILL_WITHIN)
            asker = Connection(self._source, self._config.model_copy(update={"connect_timeout": quick}))
        asker.within(_KILL_WITHIN)
        try:
            yield asker
        finally:
            asker.discard()

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.discard()

    def _pop(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None
