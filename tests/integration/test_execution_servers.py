"""Statements over PostgreSQL, MariaDB and a DuckDB file at once: right answers, and nothing left at the servers."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
from pydantic import TypeAdapter

from connectors.registry import SourceConfig, open_source
from server.execution.errors import ExecutionError, StatementCancelled
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from tests.integration.execution_world import ANA, duckdb_source, request, rows, table
from tests.unit.memory_source import until
from watersmeet.spi import Source, SourceError, SourceQueryFailed

SCHEMA = f"wm_execution_{os.getpid()}"
ROWS = 200_000


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute(f"CREATE SCHEMA {SCHEMA}")
        con.execute(
            f"CREATE TABLE {SCHEMA}.orders AS SELECT i AS id, i % 100 AS customer, (i * 1.25)::numeric(12,2) AS total"
            f" FROM generate_series(0, {ROWS - 1}) i"
        )
        con.execute(f"CREATE VIEW {SCHEMA}.broken AS SELECT 1 / (id - id) AS x FROM {SCHEMA}.orders")
        yield con
        con.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


@pytest.fixture(scope="module")
def mysql(mysql_url: str) -> Iterator[pymysql.connections.Connection]:
    url = urlsplit(mysql_url)
    con = pymysql.connect(
        host=url.hostname, port=url.port or 3306, user=url.username, password=url.password or "", autocommit=True
    )
    with con.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {SCHEMA}")
        con.select_db(SCHEMA)  # the tables seq_0_to_99 … are found from inside a database only
        cursor.execute(f"CREATE TABLE {SCHEMA}.customers (id INT PRIMARY KEY, name VARCHAR(50)) CHARACTER SET utf8mb4")
        cursor.execute(f"INSERT INTO {SCHEMA}.customers SELECT seq, CONCAT('customer ', seq) FROM seq_0_to_99")
        cursor.execute(f"CREATE TABLE {SCHEMA}.visits (id INT PRIMARY KEY, v VARCHAR(100)) CHARACTER SET utf8mb4")
        cursor.execute(f"INSERT INTO {SCHEMA}.visits SELECT seq, REPEAT('v', 100) FROM seq_1_to_{ROWS}")
    yield con
    with con.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {SCHEMA}")
    con.close()


@pytest.fixture
def queries(
    tmp_path: Path, postgres: object, mysql: object, postgres_url: str, mysql_url: str
) -> Iterator[LocalQueries]:
    config: TypeAdapter[SourceConfig] = TypeAdapter(SourceConfig)
    sources: dict[str, Source] = {
        "pg": open_source("pg", config.validate_python({"kind": "postgres", "url": postgres_url, "tls": "disable"})),
        "my": open_source(
            "my", config.validate_python({"kind": "mysql", "url": mysql_url + SCHEMA, "tls": "disabled"})
        ),
        "lake": duckdb_source(
            "lake", tmp_path, "CREATE TABLE cities AS SELECT i AS id, 'city ' || i % 3 AS city FROM range(100) t(i)"
        ),
    }
    queries = LocalQueries(sources, LimitsConfig(spill_dir=tmp_path / "spill"))
    yield queries
    queries.close()
    for source in sources.values():
        source.close()


def active_postgres(con: psycopg.Connection) -> int:
    row = con.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE %s",
        [f"%{SCHEMA}%"],
    ).fetchone()
    assert row is not None
    return int(row[0])


def active_mysql(con: pymysql.connections.Connection) -> int:
    with con.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.processlist WHERE command <> 'Sleep' AND id <> connection_id()"
            " AND info LIKE %s",
            [f"%{SCHEMA}%"],
        )
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])


def test_three_kinds_of_sources_are_joined(queries: LocalQueries) -> None:
    sql = f"""
        SELECT city, count(*), sum(total) FROM pg.{SCHEMA}.orders o
        JOIN my.{SCHEMA}.customers c ON o.customer = c.id JOIN lake.main.cities l ON l.id = c.id
        GROUP BY city ORDER BY city"""
    whole = ROWS * (ROWS - 1) // 2 * 1.25
    answer = rows(queries, sql)
    assert [row[0] for row in answer] == ["city 0", "city 1", "city 2"]
    assert sum(row[1] for row in answer) == ROWS
    assert float(sum(row[2] for row in answer)) == whole


@pytest.mark.parametrize("join", ["{visits} a LEFT JOIN {customers} b", "{customers} b RIGHT JOIN {visits} a"])
def test_reads_that_share_a_connection_come_through_in_any_order(queries: LocalQueries, join: str) -> None:
    # hash() stays here, so there are two fragments; a snapshot there has one connection, one read after the other.
    tables = join.format(visits=f"my.{SCHEMA}.visits", customers=f"my.{SCHEMA}.customers")
    sql = f"SELECT count(*), count(b.name), max(a.v) FROM {tables} ON hash(a.id) = hash(b.id)"
    assert rows(queries, sql) == [(ROWS, 99, "v" * 100)]


def test_a_large_answer_streams_from_each_server(queries: LocalQueries) -> None:
    for source, name in (("pg", "orders"), ("my", "visits")):
        answer = table(queries, f"SELECT * FROM {source}.{SCHEMA}.{name}")
        assert answer.num_rows == ROWS


HEAVY = {
    "pg": f"SELECT count(*) FROM pg.{SCHEMA}.orders a JOIN pg.{SCHEMA}.orders b ON a.customer < b.customer",
    "my": f"SELECT count(*) FROM my.{SCHEMA}.visits a JOIN my.{SCHEMA}.visits b ON a.v < b.v",
}


@pytest.mark.parametrize("source", ["pg", "my"])
def test_a_cancel_frees_the_server_within_a_second(
    queries: LocalQueries,
    source: str,
    postgres: psycopg.Connection,
    mysql: pymysql.connections.Connection,
) -> None:
    def active() -> int:
        return active_postgres(postgres) if source == "pg" else active_mysql(mysql)

    sql = f"SELECT * FROM ({HEAVY[source]}) h, lake.main.cities"
    answer = queries.execute(request(sql), ANA, math.inf)
    ended: list[Exception] = []

    def read() -> None:
        try:
            list(answer.batches())
        except (ExecutionError, SourceError) as error:
            ended.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert until(lambda: active() > 0, 5)
    answer.cancel()
    assert until(lambda: active() == 0, 1.5)
    thread.join(5)
    assert isinstance(ended[0], StatementCancelled)
    answer.close()
    assert rows(queries, f"SELECT count(*) FROM my.{SCHEMA}.customers") == [(100,)]


def test_fifty_cancels_at_any_time_leave_nothing(
    queries: LocalQueries,
    postgres: psycopg.Connection,
    mysql: pymysql.connections.Connection,
) -> None:
    sql = f"""SELECT count(*) FROM pg.{SCHEMA}.orders o JOIN my.{SCHEMA}.visits v ON o.id = v.id
              JOIN lake.main.cities c ON c.id = o.customer"""
    assert rows(queries, sql) == [(ROWS - 1,)]
    before = threading.active_count()
    for attempt in range(50):
        answer = queries.execute(request(sql), ANA, math.inf)
        timer = threading.Timer(attempt * 0.01, answer.cancel)
        timer.start()
        with pytest.raises(StatementCancelled):
            list(answer.batches())
            raise StatementCancelled("it was through before")
        answer.close()
        timer.join()
    assert until(lambda: active_postgres(postgres) == 0 and active_mysql(mysql) == 0)
    assert until(lambda: threading.active_count() <= before), [t.name for t in threading.enumerate()]
    assert rows(queries, sql) == [(ROWS - 1,)]


def test_an_error_at_one_server_frees_the_other(
    queries: LocalQueries,
    mysql: pymysql.connections.Connection,
) -> None:
    started = time.monotonic()
    with pytest.raises(SourceQueryFailed, match="source pg: .*division by zero"):
        rows(queries, f"SELECT * FROM ({HEAVY['my']}) h, pg.{SCHEMA}.broken b", timeout=20)
    assert time.monotonic() - started < 5
    assert until(lambda: active_mysql(mysql) == 0)
