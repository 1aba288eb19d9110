"""Trap 13, QUALITY.md F6: whatever ends a call, in whatever phase, its sources are free within a second.

Against a server process over PostgreSQL, MariaDB and DuckDB: a cancel, a deadline, a connection that is cut; while the
statement is planned, waits in the queue, runs at a source, runs in the engine, and while its rows are sent. Afterwards
nothing may be left: no place taken, no connection, thread or file open.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import psycopg
import pymysql
import pytest

from server.flight.proto import flight_sql_pb2 as sql
from tests.clients import shop
from tests.clients.conftest import bearer, until
from tests.clients.replicas import Balancer, Replica, calling, running
from tests.clients.rpc import Rpc, descriptor
from tests.clients.served import TOKENS
from tests.oracle.world import connect_mysql

MY = f"my.{shop.MYSQL_DATABASE}"
AUTHORIZATION = ("authorization", f"Bearer {bearer(seconds=3600)}")
PLACES = 2
"""Statements that run at once."""
LONG_TEXT = " UNION ALL ".join(
    f"SELECT o.id + {i} AS a, c.name FROM pg.public.orders o JOIN {MY}.customers c ON c.id = o.customer"
    for i in range(60)
)
RUNNING = {
    "PostgreSQL": "SELECT * FROM pg.public.slow",
    "MariaDB": f"SELECT * FROM {MY}.slow",
    "engine": "SELECT count(*) FROM pg.public.orders o, range(100000000000) AS r(i) WHERE hash(i + o.id) = 1",
    "several": f"SELECT * FROM pg.public.slow a JOIN {MY}.slow b ON hash(a.id) = hash(b.id), lake.main.customers c",
}
SENDING = {
    "from PostgreSQL": "SELECT a.*, b.note FROM pg.public.orders a, pg.public.orders b, pg.public.orders c",
    "from the engine": "SELECT o.note, r.i FROM pg.public.orders o, range(100000000) AS r(i)",
}
PHASES = ("planned", "queued", *RUNNING, *SENDING)
ENDINGS = ("cancel", "deadline", "cut")


class World:
    """A server, the way to it that can be cut, and eyes at its sources."""

    def __init__(
        self, replica: Replica, postgres: psycopg.Connection, mysql: pymysql.Connection[Any], database: str
    ) -> None:
        """`database`: of PostgreSQL, this server's alone; others have pools there."""
        self.replica = replica
        self._database = database
        self._postgres = postgres
        self._mysql = mysql

    def busy(self) -> int:
        """Statements that the server has running at its sources."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'watersmeet%'"
        row = self._postgres.execute(query).fetchone()
        with self._mysql.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM information_schema.processlist"
                f" WHERE command NOT IN ('Sleep', 'Daemon') AND id <> connection_id() AND info LIKE '%{shop.MYSQL_DATABASE}%'"
            )
            other = cursor.fetchone()
        assert row is not None and other is not None
        return int(row[0]) + int(other[0])

    def connections(self) -> int:
        """Connections that the server has at its sources."""
        row = self._postgres.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'watersmeet%%'",
            [self._database],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def threads_and_files(self) -> tuple[int, int]:
        """Of the server's processes together."""
        folders = [Path(f"/proc/{pid}") for pid in _family(self.replica.pid)]
        return tuple(sum(len(list((folder / what).iterdir())) for folder in folders) for what in ("task", "fd"))  # type: ignore[return-value]


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            with suppress(OSError):  # a thread that has just ended
                found += map(int, (task / "children").read_text().split())
    return found


@pytest.fixture(scope="module")
def world(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("endings")
    with (
        shop.postgres_and_duckdb(postgres_url, folder) as some,
        shop.mysql(mysql_url) as other,
        psycopg.connect(postgres_url, autocommit=True) as postgres,
        connect_mysql(mysql_url) as mysql,
    ):
        with mysql.cursor() as cursor:
            shop_ = shop.MYSQL_DATABASE
            cursor.execute(f"CREATE VIEW {shop_}.slow AS SELECT id, SLEEP(60) AS slept FROM {shop_}.customers")
        config = {
            "version": 1,
            "server": {"listen": "127.0.0.1:0", "drain": "5s"},
            "sources": {**some, **other},
            "auth": {"tokens": TOKENS},
            "limits": {"running": PLACES, "queued": 2},
        }
        with running(folder, config, 1) as (replica,):
            yield World(replica, postgres, mysql, urlsplit(str(some["pg"]["url"])).path[1:])  # type: ignore[index]


@contextmanager
def _through(world: World) -> Iterator[tuple[Rpc, Balancer]]:
    with Balancer([world.replica]) as way, calling(way.port, AUTHORIZATION) as rpc:
        yield rpc, way


def _begin(world: World, rpc: Rpc, phase: str, timeout: float) -> Any:
    """A call that is in the phase now."""
    if phase == "planned":
        method: Any = rpc.channel.unary_stream("/arrow.flight.protocol.FlightService/GetFlightInfo")
        request = descriptor(sql.CommandStatementQuery(query=LONG_TEXT))
        return method(request, metadata=rpc.headers, timeout=timeout)
    frames = rpc.frames(rpc.query({**RUNNING, **SENDING}.get(phase, "SELECT 1")), timeout=timeout)
    if phase in SENDING:
        with suppress(grpc.RpcError):  # its deadline may be there already
            next(frames)
            next(frames)
    elif phase not in ("queued", "engine"):
        until(lambda: world.busy() or frames.done())
    else:
        time.sleep(0.05)
    return frames


def _ended(world: World, phase: str, ending: str) -> float:
    """Bring a call into the phase and end it; the seconds until nothing of it ran any more."""
    with _through(world) as (rpc, way):
        call = _begin(world, rpc, phase, timeout=0.4 if ending == "deadline" else 30)
        if ending == "deadline":
            until(call.done)
        began = time.monotonic()
        if ending == "cancel":
            call.cancel()
        elif ending == "cut":
            way.cut()
        until(lambda: not world.busy(), 5.0)
        seconds = time.monotonic() - began
        with suppress(grpc.RpcError):  # what it answered is its client's business
            list(call)
    return seconds


@contextmanager
def _full(world: World, phase: str) -> Iterator[None]:
    """For the phase "queued": all places are taken, by statements that no source sees."""
    if phase != "queued":
        yield
        return
    with calling(world.replica.port, AUTHORIZATION) as rpc:
        info = rpc.query("SELECT count(*) FROM range(100000000000) AS r(i) WHERE hash(i) = 1")
        calls = [rpc.frames(info) for _ in range(PLACES)]
        time.sleep(0.1)
        yield
        for call in calls:
            call.cancel()


def _all_places_free(world: World) -> bool:
    """Whether as many statements run at once as may: each waits for the others at PostgreSQL."""
    with calling(world.replica.port, AUTHORIZATION) as rpc:
        calls = [rpc.frames(rpc.query(RUNNING["PostgreSQL"])) for _ in range(PLACES)]
        try:
            until(lambda: world.busy() == PLACES)
        finally:
            for call in calls:
                call.cancel()
        until(lambda: world.busy() == 0)
        return bool(rpc.fetch(sql.CommandStatementQuery(query="SELECT 1 AS a")).num_rows == 1)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_sources_are_free_within_a_second(world: World, phase: str, ending: str) -> None:
    with _full(world, phase):
        assert _ended(world, phase, ending) < 1.0
    assert _all_places_free(world)


def _nothing_left(world: World, times: int, seed: int) -> None:
    chance = random.Random(seed)
    for phase in PHASES:  # what is made once and kept: pools, threads, catalogs
        with _full(world, phase):
            _ended(world, phase, "cancel")
    assert _all_places_free(world)
    threads, files = world.threads_and_files()
    for _ in range(times):
        phase, ending = chance.choice(PHASES), chance.choice(ENDINGS)
        with _full(world, phase):
            _ended(world, phase, ending)
    assert _all_places_free(world)

    def as_before() -> bool:
        now = world.threads_and_files()
        return now[0] <= threads + 4 and now[1] <= files + 8

    until(as_before, 10.0)
    until(lambda: world.connections() <= 8, 5.0)  # those that cancel are beside the pool's, and gone at once
    assert b'"level": "error"' not in world.replica.log.read_bytes()


def test_a_hundred_ended_calls_leave_nothing(world: World) -> None:
    _nothing_left(world, 100, seed=13)


@pytest.mark.long
def test_a_thousand_ended_calls_leave_nothing(world: World) -> None:
    _nothing_left(world, 1000, seed=1013)
