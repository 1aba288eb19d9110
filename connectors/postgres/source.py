"""A PostgreSQL source: implements `watersmeet.spi.Source` over the pool, catalog, dialect and reader."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import cast

import adbc_driver_manager as adbc

from connectors import native
from connectors.postgres import errors, reader
from connectors.postgres.binary import BinaryConnector
from connectors.postgres.cancel import cancel
from connectors.postgres.catalog import read_catalog
from connectors.postgres.config import Config, connection_url, host
from connectors.postgres.dialect import dialect_for
from connectors.postgres.driver import DriverConnector
from connectors.postgres.endpoint import Endpoint, endpoint
from connectors.postgres.pool import Pool
from connectors.postgres.session import Connection, Connector
from connectors.postgres.writer import PostgresWriter
from connectors.sqlgen.dialect import Dialect
from watersmeet.speed import Speed, speed
from watersmeet.spi import Read, Snapshot, SourceCatalog, Tag

_SPEED = Speed(send=0.6, meet=0.3, join=0.3, group=0.4, groups=1.2, text=0.5, decimal=0.04, sort=2.0)
"""PostgreSQL 15 on two cores, TPC-H SF 1."""
_WARM = 4
"""Connections opened ahead: a statement's reads of one source are seldom more. Each costs the server some 2 MB."""
_CATALOG = Tag(query_id="catalog", timeout=60.0)
_PROBE = Tag(query_id="probe", timeout=15.0)
_CHECK = Tag(query_id="check", timeout=30.0)

# https://www.postgresql.org/docs/current/predefined-roles.html: what reaches beyond the tables that one grants.
_TOO_WIDE = """
SELECT CASE WHEN rolsuper THEN 'the role is a superuser: it can run programs and read files on the server' END AS a,
       CASE WHEN rolcreaterole AND NOT rolsuper THEN 'the role may create roles' END AS b,
       CASE WHEN rolreplication AND NOT rolsuper THEN 'the role may replicate: it can read the whole cluster' END AS c,
       CASE WHEN rolbypassrls AND NOT rolsuper THEN 'the role bypasses row-level security' END AS d,
       (SELECT 'the role is a member of ' || string_agg(CAST(m.rolname AS text), ', ' ORDER BY m.rolname)
        FROM pg_roles m
        WHERE m.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
                            'pg_read_all_data', 'pg_write_all_data', 'pg_signal_backend')
          AND NOT r.rolsuper AND pg_has_role(r.oid, m.oid, 'USAGE')) AS e
FROM pg_roles r WHERE rolname = current_user
"""
_WRITABLE = r"""
SELECT count(*) AS tables FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'
  AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
"""
_SERVER = "SELECT getdatabaseencoding() AS encoding, pg_is_in_recovery() AS standby"


def _connector(url: str) -> Connector[Connection]:
    """Our own client with the C decoder where that can be, else the driver."""
    where = endpoint(url)
    made = BinaryConnector(where) if native.available and isinstance(where, Endpoint) else DriverConnector(url)
    return cast("Connector[Connection]", made)


def _decoder(connector: Connector[Connection], url: str) -> str:
    """How rows become Arrow, in words."""
    if isinstance(connector, BinaryConnector):
        return "rows decoded in C"
    why = endpoint(url)
    return f"read by ADBC: {why} is libpq's" if native.available and isinstance(why, str) else "read by ADBC"


class PostgresSource:
    """Thread-safe. Connects when it is first used, or warmed."""

    kind = "postgres"

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self._config = config
        url = connection_url(config)
        self._connector = _connector(url)
        self._pool = Pool(name, self._connector, config.pool)
        self._writing = Pool(name, DriverConnector(url), config.pool)
        self.writable = config.writable
        self.speed = speed(_SPEED, host(config), config.speed)
        self.export_keys = config.export_keys
        self.splits = config.parts
        self.partitions = config.partitions
        self.decoder = _decoder(self._connector, url)

    def warm(self) -> None:
        self._pool.warm(min(_WARM, self._config.pool))

    def catalog(self) -> SourceCatalog:
        connection = self._begin(_CATALOG)
        try:
            found = read_catalog(connection, self._config)
        except (adbc.Error, OSError) as error:
            self._pool.discard(connection)
            raise errors.querying(self.name, error) from error
        except BaseException:
            self._pool.discard(connection)
            raise
        reader.give_back(self._pool, connection)
        return found

    def dialect(self, facts: Mapping[str, str]) -> Dialect:
        return dialect_for(facts, exact_text=self._config.text == "exact")

    def statement(self, read: Read) -> str:
        return self._connector.statement(read)

    def snapshot(self, tag: Tag, reads: int, more: int = 0) -> Snapshot:
        one_view = self._config.consistency == "source"
        # Behind a transaction pooler two connections may end at two servers, where a snapshot cannot be shared.
        one_connection = one_view and self._config.pooler == "transaction"
        return reader.begin(self._pool, tag, reads, more, one_view=one_view, one_connection=one_connection)

    def writer(self, tag: Tag) -> PostgresWriter:
        return PostgresWriter(self._writing, tag)

    def cancel(self, query_id: str) -> int:
        return cancel(self._pool, query_id)

    def probe(self) -> float:
        started = time.monotonic()
        reader.give_back(self._pool, self._begin(_PROBE))
        return time.monotonic() - started

    def warnings(self) -> list[str]:
        connection = self._begin(_CHECK)
        try:
            (role,) = connection.rows(_TOO_WIDE)
            (writable,) = connection.rows(_WRITABLE)
            (server,) = connection.rows(_SERVER)
        except (adbc.Error, OSError) as error:
            self._pool.discard(connection)
            raise errors.querying(self.name, error) from error
        reader.give_back(self._pool, connection)
        found = [str(text) for text in role.values() if text is not None]
        if writable["tables"] and not self.writable:
            found.append(f"the role may write to {writable['tables']} tables although nothing is ever written")
        if self.writable and not writable["tables"]:
            found.append("writable is true, but the role may not write to any table")
        if self.writable and server["standby"]:
            found.append("writable is true, but the server is a standby, which takes no changes")
        if server["encoding"] == "SQL_ASCII":
            found.append("the database's encoding is SQL_ASCII: text that is not UTF-8 cannot be read")
        if self._config.tls != "verify-full" and "sslmode=verify-full" not in connection_url(self._config):
            found.append("tls is not verify-full: the server's identity is not checked")
        return found

    def close(self) -> None:
        self._pool.close()
        self._writing.close()

    def _begin(self, tag: Tag) -> Connection:
        return reader.transaction(self._pool, tag, time.monotonic() + tag.timeout)
