"""A PostgreSQL and a MariaDB source that may be written, the same servers read-only, and a DuckDB file beside them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pymysql
import pytest
from pydantic import TypeAdapter

from connectors.registry import SourceConfig, open_source
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from tests.integration.execution_world import duckdb_source
from watersmeet.spi import Source

Run = Callable[[str], list[tuple[Any, ...]]]

NAME = f"wm_writes_{os.getpid()}"
SECTION: TypeAdapter[Any] = TypeAdapter(SourceConfig)


@dataclass(frozen=True)
class Server:
    """One of the servers, as its administrator sees it."""

    name: str
    """The writable source's: 'pg' or 'my'."""
    schema: str
    section: dict[str, Any]
    """The source's section of the configuration, but for `writable`."""
    run: Run
    """Runs SQL; the rows."""
    connected: Callable[[], AbstractContextManager[Run]]
    """One more session."""

    def path(self, table: str) -> str:
        """A table's name in the SQL of watersmeet."""
        return f"{self.name}.{self.schema}.{table}"

    def table(self, columns: str, rows: str = "", name: str = "t") -> str:
        """Make a table anew, and give its path."""
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE TABLE {name} ({columns})")
        if rows:
            self.run(f"INSERT INTO {name} VALUES {rows}")
        return self.path(name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return sorted(self.run(sql), key=repr)

    def transactions(self) -> int:
        """How many transactions of watersmeet are open."""
        if self.name == "pg":
            sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'watersmeet%' AND xact_start IS NOT NULL"
        else:
            time.sleep(0.15)  # the view is made anew only if nobody has looked for 0.1 s
            sql = "SELECT COUNT(*) FROM information_schema.innodb_trx"
        return int(self.run(sql)[0][0])


@pytest.fixture(scope="session")
def pg(postgres_url: str) -> Iterator[Server]:
    parts = urlsplit(postgres_url)
    url = urlunsplit((parts.scheme, parts.netloc, f"/{NAME}", parts.query, ""))

    @contextmanager
    def connected() -> Iterator[Run]:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:

            def run(sql: str) -> list[tuple[Any, ...]]:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []

            yield run

    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME} TEMPLATE template0 ENCODING UTF8".encode())
        with connected() as run:
            yield Server("pg", "public", {"kind": "postgres", "url": url, "tls": "disable"}, run, connected)
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def my(mysql_url: str) -> Iterator[Server]:
    parts = urlsplit(mysql_url)

    @contextmanager
    def connected() -> Iterator[Run]:
        connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            charset="utf8mb4",
            autocommit=True,
            ssl_disabled=True,
        )

        def run(sql: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())

        run(f"CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4")
        run(f"USE {NAME}")
        yield run
        connection.close()

    with connected() as run:
        yield Server("my", NAME, {"kind": "mysql", "url": mysql_url + NAME, "tls": "disabled"}, run, connected)
        run(f"DROP DATABASE {NAME}")


@pytest.fixture(params=["pg", "my"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


@contextmanager
def _opening() -> Iterator[Callable[[dict[str, dict[str, Any]]], dict[str, Source]]]:
    opened: list[Source] = []

    def make(sections: dict[str, dict[str, Any]]) -> dict[str, Source]:
        sources = {name: open_source(name, SECTION.validate_python(section)) for name, section in sections.items()}
        opened.extend(sources.values())
        return sources

    yield make
    for source in opened:
        source.close()


@pytest.fixture
def open_sources() -> Iterator[Callable[[dict[str, dict[str, Any]]], dict[str, Source]]]:
    """Opens sources by their sections, and closes them at the end."""
    with _opening() as make:
        yield make


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory, pg: Server, my: Server) -> Iterator[LocalQueries]:
    """One for a module's tests: what each leaves in the pools is what the next one meets."""
    folder = tmp_path_factory.mktemp("writes")
    with _opening() as make:
        sources = make(
            {
                "pg": pg.section | {"writable": True},
                "my": my.section | {"writable": True},
                "fixed": pg.section,
            }
        )
        script = "CREATE TABLE cities AS SELECT i AS id, 'city ' || i AS city FROM range(5) t(i)"
        sources["lake"] = duckdb_source("lake", folder, script)
        made = LocalQueries(sources, LimitsConfig(spill_dir=folder / "spill"), catalog_age=0.0)
        yield made
        made.close()
        sources["lake"].close()
