"""A PostgreSQL source: implements `watersmeet.spi.Source` over the pool, catalog, dialect and reader."""

from __future__ import annotations

import time
from collections.abc import Mapping

import adbc_driver_manager as adbc

from connectors.postgres import errors, reader
from connectors.postgres.catalog import read_catalog
from connectors.postgres.config import Config, connection_url
from connectors.postgres.dialect import dialect_for
from connectors.postgres.pool import Connection, Pool
from connectors.sqlgen.dialect import Dialect
from watersmeet.spi import Read, Snapshot, SourceCatalog, Tag

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
_ENCODING = "SELECT getdatabaseencoding() AS encoding"


class PostgresSource:
    """Thread-safe. Connects when it is first used."""

    kind = "postgres"

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self._config = config
        self._pool = Pool(name, connection_url(config), config.pool)

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
        return reader.statement(read)

    def snapshot(self, tag: Tag, reads: int) -> Snapshot:
        one_view = self._config.consistency == "source"
        # Behind a transaction pooler two connections may end at two servers, where a snapshot cannot be shared.
        one_connection = one_view and self._config.pooler == "transaction"
        return reader.begin(self._pool, tag, reads, one_view=one_view, one_connection=one_connection)

    def probe(self) -> float:
        started = time.monotonic()
        reader.give_back(self._pool, self._begin(_PROBE))
        return time.monotonic() - started

    def warnings(self) -> list[str]:
        connection = self._begin(_CHECK)
        try:
            (role,) = connection.rows(_TOO_WIDE)
            (writable,) = connection.rows(_WRITABLE)
            (encoding,) = connection.rows(_ENCODING)
        except (adbc.Error, OSError) as error:
            self._pool.discard(connection)
            raise errors.querying(self.name, error) from error
        reader.give_back(self._pool, connection)
        found = [str(text) for text in role.values() if text is not None]
        if writable["tables"]:
            found.append(f"the role may write to {writable['tables']} tables although nothing is ever written")
        if encoding["encoding"] == "SQL_ASCII":
            found.append("the database's encoding is SQL_ASCII: text that is not UTF-8 cannot be read")
        if self._config.tls != "verify-full" and "sslmode=verify-full" not in connection_url(self._config):
            found.append("tls is not verify-full: the server's identity is not checked")
        return found

    def close(self) -> None:
        self._pool.close()

    def _begin(self, tag: Tag) -> Connection:
        return reader.transaction(self._pool, tag, time.monotonic() + tag.timeout)
