"""A whole server with two workers over PostgreSQL and MariaDB, read by ADBC clients while its workers are killed."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import adbc_driver_flightsql.dbapi as adbc
import psycopg
import pyarrow as pa
import pytest

from bench.measure import family
from tests.clients import shop
from tests.clients.served import Served, serving
from tests.faults.pools import until

MY = f"my.{shop.MYSQL_DATABASE}"
STREAM = (
    "SELECT a.id, a.amount, b.note FROM pg.public.orders a, pg.public.orders b WHERE b.id <= 200 ORDER BY a.id, b.id"
)
JOINED = f"SELECT c.name, count(*) AS n FROM pg.public.orders o JOIN {MY}.customers c ON c.id = o.customer GROUP BY ALL ORDER BY ALL"
SLOW = "SELECT * FROM pg.public.slow"


@dataclass(frozen=True)
class World:
    served: Served
    pid: int
    postgres: psycopg.Connection
    database: str
    """Of PostgreSQL, this server's alone: others have pools there."""

    def workers(self) -> list[int]:
        return [pid for pid in family(self.pid) if pid != self.pid]

    def ready(self) -> list[int]:
        """Those that have said in the log that they take statements."""
        said = {line["pid"] for line in self.served.said("a worker is ready")}
        return [pid for pid in self.workers() if pid in said]

    def read(self, text: str) -> pa.Table:
        with self.served.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetch_arrow_table()

    def at_source(self, only: str = "true") -> int:
        sql = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'"
        sql += f" AND application_name LIKE 'watersmeet%' AND {only}"
        row = self.postgres.execute(sql.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def slots(self) -> int:
        """Descriptors of shared memory that the front has."""
        folder = Path(f"/proc/{self.pid}/fd")
        return sum("watersmeet-slots" in os.readlink(file) for file in list(folder.iterdir()) if file.is_symlink())


@contextmanager
def _world(postgres_url: str, mysql_url: str | None, tmp_path: Path) -> Iterator[World]:
    before = set(family(os.getpid()))
    none: AbstractContextManager[dict[str, object]] = nullcontext({})
    with (
        shop.postgres_and_duckdb(postgres_url, tmp_path) as some,
        shop.mysql(mysql_url) if mysql_url else none as other,
        psycopg.connect(postgres_url, autocommit=True) as postgres,
    ):
        some["pg"] = {**dict(some["pg"]), "writable": True}  # type: ignore[call-overload]
        server = {"listen": "127.0.0.1:0", "drain": "5s", "workers": 2}
        with serving(tmp_path, {**some, **other}, server=server, limits={"memory": "512MiB"}) as served:
            pids = set(family(os.getpid())) - before
            (pid,) = (pid for pid in pids if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
            yield World(served, pid, postgres, urlsplit(str(some["pg"]["url"])).path[1:])  # type: ignore[index]


@pytest.fixture(scope="module")
def world(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with _world(postgres_url, mysql_url, tmp_path_factory.mktemp("world")) as made:
        yield made


def test_clients_get_all_that_one_process_gives(world: World) -> None:
    assert len(world.workers()) == 2
    assert world.read(JOINED).to_pydict() == {"name": ["customer 1", "customer 2"], "n": [100, 100]}
    with world.served.connect() as connection, connection.cursor() as cursor:
        for wanted in (5, 7):  # prepared, with values
            cursor.execute("SELECT id FROM pg.public.orders WHERE id = ?", [wanted])
            assert cursor.fetchall() == [(wanted,)]
        cursor.execute(f"EXPLAIN ANALYZE {JOINED}")
        assert "rows" in str(cursor.fetchall())
        tree = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        assert {catalog["catalog_name"] for catalog in tree} >= {"pg", "my", "lake"}
        rows = pa.table({"id": pa.array(range(100_000), pa.int64())})
        assert cursor.adbc_ingest("orders_2020", rows, "append", catalog_name="pg", db_schema_name="archive") == 100_000
        cursor.execute("SELECT count(*), max(id) FROM pg.archive.orders_2020")
        assert cursor.fetchall() == [(100_000, 99_999)]
        cursor.execute("DELETE FROM pg.archive.orders_2020 WHERE id < 10")
        cursor.execute("SELECT count(*) FROM pg.archive.orders_2020")
        assert cursor.fetchall() == [(99_990,)]


def test_a_cancel_reaches_the_source_through_the_worker(world: World) -> None:
    with world.served.connect() as connection, connection.cursor() as cursor:
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(_all, cursor, SLOW)
            until(lambda: world.at_source("state = 'active'") == 1)
            cursor.adbc_cancel()
            with pytest.raises(adbc.Error):
                running.result()
        until(lambda: world.at_source("state = 'active'") == 0, 3)
    assert len(world.workers()) == 2


def _all(cursor: adbc.Cursor, text: str) -> Any:
    cursor.execute(text)
    return cursor.fetch_arrow_table()


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.long)])
def test_killed_workers_cost_their_own_queries_only(world: World, kills: int) -> None:
    right = {text: world.read(text) for text in (STREAM, JOINED)}
    chance = random.Random(kills)
    over = threading.Event()
    equal: list[str] = []
    failed: list[str] = []

    def work() -> None:
        while not over.is_set():
            for text, table in right.items():
                try:
                    assert world.read(text).equals(table)
                except adbc.Error as error:
                    failed.append(str(error))
                else:
                    equal.append(text)

    with ThreadPoolExecutor(4) as threads:
        clients = [threads.submit(work) for _ in range(4)]
        try:
            for _ in range(kills):
                until(lambda: len(world.ready()) == 2)
                time.sleep(chance.uniform(0.0, 0.5))
                os.kill(chance.choice(world.ready()), signal.SIGKILL)
                until(lambda: len(world.ready()) < 2)
            until(lambda: len(world.ready()) == 2)
            until(lambda: len(equal) > len(failed), 60)  # on a loaded machine kills may come faster than answers
        finally:
            over.set()
        for client in clients:
            client.result()
    assert all("WM-5008" in text for text in failed), failed
    assert len(failed) <= 4 * kills
    until(lambda: world.at_source("state = 'active'") == 0, 5)
    assert world.at_source() <= 8 and world.slots() <= 16
    assert all(world.read(text).equals(table) for text, table in right.items())


def test_a_statement_that_takes_all_memory_fails_alone(world: World) -> None:
    hog = "SELECT list(r.i) AS l FROM range(2000000000) AS r(i)"
    before = set(world.workers())
    right = world.read(STREAM)
    with ThreadPoolExecutor(2) as threads:
        hogs = [threads.submit(world.read, hog) for _ in range(2)]
        while not all(each.done() for each in hogs):
            assert world.read(STREAM).equals(right)
        for each in hogs:
            assert re.search("WM-500[48]", str(each.exception())), each.exception()
    assert set(world.workers()) == before


def test_workers_end_with_their_server(postgres_url: str, tmp_path: Path) -> None:
    with _world(postgres_url, None, tmp_path) as world:
        workers = world.workers()
        with world.served.connect() as connection, connection.cursor() as cursor:
            cursor.execute(STREAM)
            cursor.fetchone()  # it runs until the end, which SIGTERM brings
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
