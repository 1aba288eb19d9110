"""Five million rows pass through with the memory of one million: answers stream, nothing is collected on the way.

Each read runs in a process of its own, which measures its own peak; this file is also that process's program.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import adbc_driver_flightsql.dbapi as adbc
import psycopg
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pydantic import SecretStr

from auth.authenticator import AuthConfig
from auth.principal import Principal
from auth.tokens import TokenKey, Tokens, TokensConfig
from connectors import mysql, postgres
from server.app import open_queries, open_server
from server.config import Config, ServerConfig
from server.requests import Request
from tests.oracle.world import connect_mysql, postgres_database

FEW, MANY = 1_000_000, 5_000_000
SLACK = 48 * 2**20
"""Bytes by which the peaks may differ: allocators and threads, not rows (5 million of these rows are 150 MB)."""
SECONDS = 60.0
GAP = 0.25
"""Seconds that no thread may keep the interpreter to itself; on a quiet machine the worst are a few milliseconds."""
DATABASE = "big_read"
TOKENS = TokensConfig(
    issuer="https://issuer.example",
    audience="watersmeet",
    keys=(TokenKey(kid="k1", algorithm="HS256", secret=SecretStr("a shared secret of more than 32 bytes, for tests")),),
)
READS = {
    "PostgreSQL to Arrow": "SELECT id, half, label FROM pg.public.rows_{n}",
    "MariaDB to Arrow": f"SELECT id, half, label FROM my.{DATABASE}.rows_{{n}}",
    "through the engine": "SELECT id, half + 1, regexp_replace(label, 'r', 'R') FROM pg.public.rows_{n}",
}


@pytest.fixture(scope="module")
def urls(postgres_url: str, mysql_url: str) -> Iterator[tuple[str, str]]:
    """Servers with views of a million and of five million rows: nothing is stored."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_database(postgres_url))
        with psycopg.connect(url, autocommit=True) as con:
            for n in (FEW, MANY):
                con.execute(
                    f"CREATE VIEW rows_{n} AS SELECT i AS id, i / 2.0::float8 AS half, 'row ' || i AS label"
                    f" FROM generate_series(1::bigint, {n}) AS g(i)".encode()
                )
        maria = stack.enter_context(connect_mysql(mysql_url))
        with maria.cursor() as cursor:
            cursor.execute(f"CREATE OR REPLACE DATABASE {DATABASE}")
            cursor.execute(f"USE {DATABASE}")  # the sequence engine's tables need one
            for n in (FEW, MANY):
                cursor.execute(
                    f"CREATE VIEW rows_{n} AS SELECT seq AS id, seq / 2e0 AS half,"
                    f" concat('row ', seq) AS label FROM seq_1_to_{n}"
                )
        yield url, mysql_url
        with maria.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {DATABASE}")


@pytest.mark.parametrize("way", [*READS, "over Flight SQL"])
def test_memory_does_not_grow_with_the_rows(urls: tuple[str, str], way: str) -> None:
    few, many = (_measured(*urls, way, n) for n in (FEW, MANY))
    assert (few["rows"], many["rows"]) == (FEW, MANY)
    assert many["peak"] < few["peak"] + SLACK
    assert many["seconds"] < SECONDS
    print(f"{way}: the interpreter was kept from other threads for {few['gap'] * 1000:.1f} ms at most")
    assert few["gap"] < GAP


def _measured(postgres_url: str, mysql_url: str, way: str, rows: int) -> dict[str, float]:
    program = [sys.executable, "-m", "tests.integration.test_big_read"]
    # The URLs have passwords: they go by the standard input, not where `ps` shows them.
    asked = json.dumps([postgres_url, mysql_url, way, rows])
    done = subprocess.run(program, check=False, input=asked, capture_output=True, text=True, timeout=2 * SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


# ---------------------------------------------------------------- the measured process


def _main() -> None:
    postgres_url, mysql_url, way, rows = json.load(sys.stdin)
    config = Config(
        version=1,
        server=ServerConfig(listen="127.0.0.1:0"),
        sources={
            "pg": postgres.Config(url=SecretStr(postgres_url)),
            "my": mysql.Config(url=SecretStr(mysql_url), schemas=(DATABASE,)),
        },
        auth=AuthConfig(tokens=TOKENS),
    )
    began = time.monotonic()
    beat = Heartbeat()
    count = _front(config, rows) if way == "over Flight SQL" else _in_process(config, READS[way].format(n=rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts kilobytes
    print(json.dumps({"rows": count, "peak": peak, "seconds": time.monotonic() - began, "gap": beat.worst()}))


class Heartbeat:
    """A thread that wakes every millisecond, and notes how late: another one held the interpreter's lock."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._ended = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(0.001):
            now = time.monotonic()
            self._worst, last = max(self._worst, now - last), now

    def worst(self) -> float:
        """Seconds between two beats at most."""
        self._ended.set()
        return self._worst


def _in_process(config: Config, sql: str) -> int:
    request = Request(query_id=uuid.uuid4().hex, sql=sql, now=datetime.now(UTC))
    with open_queries(config) as queries:
        answer = queries.execute(request, Principal(subject="reader"), math.inf)
        try:
            return sum(batch.num_rows for batch in answer.batches())
        finally:
            answer.close()


def _front(config: Config, rows: int) -> int:
    """Server and client in one process: neither may collect."""
    token = Tokens(TOKENS).sign("reader", [], timedelta(minutes=10))
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
    with open_server(config) as server:
        uri = f"grpc://127.0.0.1:{server.start()}"
        try:
            with adbc.connect(uri, options, autocommit=True) as con, con.cursor() as cursor:
                cursor.execute(READS["PostgreSQL to Arrow"].format(n=rows))
                return sum(batch.num_rows for batch in cursor.fetch_record_batch())
        finally:
            server.stop()


if __name__ == "__main__":
    _main()
