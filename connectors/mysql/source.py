"""The configured source: its pool, and the way in for catalog, dialect, snapshots and checks."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from connectors import native
from connectors.mysql.cancel import cancel
from connectors.mysql.catalog import read_catalog
from connectors.mysql.config import Config, address
from connectors.mysql.connection import Connection, Pool
from connectors.mysql.dialect import dialect
from connectors.mysql.reader import MysqlSnapshot, statement
from connectors.mysql.writer import MysqlWriter
from connectors.sqlgen.dialect import Dialect
from watersmeet.speed import Speed, speed
from watersmeet.spi import Read, SourceCatalog, Tag

# One thread a query; joins row by row through an index; groups in a temporary table, on disk beyond 16 MB.
_SPEED = Speed(send=0.35, meet=0.1, join=8.0, pair=0.02, group=0.6, groups=5.0, text=5.0, sort=1.5)
"""MariaDB 10.11 on two cores, TPC-H SF 1."""

_READ_PRIVILEGES = {"SELECT", "SHOW VIEW", "USAGE", "SHOW DATABASES", "PROCESS", "REFERENCES"}
_WRITE_PRIVILEGES = {"INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER"}
"""CREATE, DROP and ALTER are for ingests that make tables: they come into being under another name."""
_DATA_PRIVILEGES = {"SELECT"} | _WRITE_PRIVILEGES
_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S+) TO ", re.IGNORECASE)

_WARM = 2
"""Connections opened ahead: one reads all of a statement but with consistency 'fragment'."""
_HOUSEKEEPING = 60.0
"""Seconds that a query of the catalog may take; information_schema opens every table of the server."""


class MysqlSource:
    """A Source over one MySQL or MariaDB server. Thread-safe; no connection is made before it is needed."""

    kind = "mysql"

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self._config = config
        self._pool = Pool(name, config)
        self._writing = Pool(name, config, writes=True)
        self.writable = config.writable
        self.speed = speed(_SPEED, address(config.url).host, config.speed)
        self.export_keys = config.export_keys
        self.splits = self.partitions = config.parts
        self.decoder = "packets decoded in C" if native.available else "read as lines of CSV"

    def warm(self) -> None:
        self._pool.warm(min(_WARM, self._config.pool))

    def catalog(self) -> SourceCatalog:
        """All tables the user may read. Raises SourceError."""
        connection = self._take()
        sound = False
        try:
            catalog = read_catalog(connection, self._config)
            sound = True
            return catalog
        finally:
            self._pool.give(connection, sound=sound)

    def dialect(self, facts: Mapping[str, str]) -> Dialect:
        """What may be pushed to a server with these facts."""
        return dialect(facts)

    def statement(self, read: Read) -> str:
        """The SQL that a read sends, but for the comment with the query's id before it."""
        return statement(read)

    def snapshot(self, tag: Tag, reads: int, more: int = 0) -> MysqlSnapshot:
        """Begin a consistent view. Raises SourceError, PoolExhausted after the tag's timeout."""
        return MysqlSnapshot(self.name, self._pool, self._config, tag, reads, more)

    def writer(self, tag: Tag) -> MysqlWriter:
        """Begin a transaction that may write. Raises SourceError, PoolExhausted after the tag's timeout."""
        return MysqlWriter(self.name, self._writing, tag)

    def cancel(self, query_id: str) -> int:
        """End the sessions that run the query; how many there were. Raises SourceError."""
        return cancel(self._pool, query_id)

    def probe(self) -> float:
        """Seconds of one round trip on a pooled connection. Raises SourceError."""
        connection = self._take()
        sound = False
        try:
            begin = time.perf_counter()
            connection.run("SELECT 1")
            sound = True
            return time.perf_counter() - begin
        finally:
            self._pool.give(connection, sound=sound)

    def warnings(self) -> list[str]:
        """Privileges wider than reading needs, and settings in doubt. Raises SourceError."""
        connection = self._take()
        sound = False
        try:
            found = _privileges(connection, writable=self.writable)
            if self.writable and str(connection.run("SELECT @@read_only")[0][0]) not in ("0", "OFF"):
                found.append("writable is true, but the server is read_only, as a replica is")
            encrypted = connection.run("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            if not (encrypted and encrypted[0][1]):
                found.append("the connection is not encrypted; set tls to required or verify-full")
            sound = True
            return found
        finally:
            self._pool.give(connection, sound=sound)

    def close(self) -> None:
        """Close the pool; connections that are lent close when they come back."""
        self._pool.close()
        self._writing.close()

    def _take(self) -> Connection:
        connection = self._pool.take(self._config.connect_timeout)
        connection.within(_HOUSEKEEPING)
        return connection


def _privileges(connection: Connection, *, writable: bool) -> list[str]:
    """What the user may do beyond what the setting `writable` lets it do, and what it lacks for that."""
    needed = _READ_PRIVILEGES | (_WRITE_PRIVILEGES if writable else set())
    use = "reading and writing need" if writable else "reading needs"
    sense = f"{use} {', '.join(sorted(needed & _DATA_PRIVILEGES))} only"
    found = []
    may_write = False
    for (grant,) in connection.run("SHOW GRANTS"):
        match = _GRANT.match(str(grant))
        if match is None:
            may_write = True  # a role; what it holds has rows of its own once it is active
            continue
        held = {re.sub(r"\s*\(.*", "", word).strip().upper() for word in match["what"].split(",")}
        everything = held & {"ALL PRIVILEGES", "ALL"}
        wide = sorted(held - needed - {"ALL PRIVILEGES", "ALL", "PROXY"})
        may_write = may_write or bool(everything or held & _WRITE_PRIVILEGES)
        if everything:
            found.append(f"the user holds all privileges on {match['where']}; {sense}")
        elif wide:
            found.append(f"the user holds {', '.join(wide)} on {match['where']}; {sense}")
    if writable and not may_write:
        found.append("writable is true, but the user may not write to any table")
    return found
