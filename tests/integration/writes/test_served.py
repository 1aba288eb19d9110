"""Changes through the whole server and its worker process, by ADBC: what is left when somebody ends in the middle."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pytest

from bench.measure import family
from server.cli import main
from tests.clients.served import Served, serving
from tests.integration.writes.conftest import Server
from tests.integration.writes.test_ends import held
from tests.unit.memory_source import until

SCHEMA = pa.schema({"id": pa.int32()})
_ROWS = 20_000
"""Of a batch: more than what lies in buffers on the way, so that the source has begun."""


@contextmanager
def served(server: Server, folder: Path) -> Iterator[tuple[Served, int, int]]:
    """The server with one worker, and the ids of its two processes."""
    before = set(family(os.getpid()))
    sources = {server.name: server.section | {"writable": True}, "fixed": server.section}
    with serving(folder, sources, server={"listen": "127.0.0.1:0", "drain": "5s", "workers": 1}) as made:
        added = set(family(os.getpid())) - before
        (front,) = (pid for pid in added if len(set(family(pid)) & added) > 1)
        (worker,) = added & set(family(front)) - {front}
        yield made, front, worker


@contextmanager
def half_sent(served: Served, server: Server) -> Iterator[tuple[Future[int], threading.Event]]:
    """An ingest into table t whose transaction is open and whose client sends the rest when the event is set."""
    rest = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, 10 * _ROWS, _ROWS):
            yield pa.record_batch([pa.array(range(start, start + _ROWS), pa.int32())], schema=SCHEMA)
        rest.wait(30)
        yield pa.record_batch([pa.array([-1], pa.int32())], schema=SCHEMA)

    def ingest() -> int:
        reader = pa.RecordBatchReader.from_batches(SCHEMA, batches())
        with served.connect() as connection, connection.cursor() as cursor:
            return int(
                cursor.adbc_ingest("t", reader, "append", catalog_name=server.name, db_schema_name=server.schema)
            )

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(ingest)
        try:
            assert until(lambda: server.transactions() == 1, 15)
            yield running, rest
        finally:
            rest.set()


def left(server: Server) -> list[tuple[object, ...]]:
    """The rows of t, once no transaction of ours is open."""
    assert until(lambda: server.transactions() == 0, 10)
    return server.rows("SELECT count(*) FROM t")


def test_a_worker_that_is_killed_during_an_ingest_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.table("id int")
    with served(server, tmp_path) as (made, _, worker):
        with half_sent(made, server) as (running, rest):
            os.kill(worker, signal.SIGKILL)
            rest.set()
            with pytest.raises(adbc.Error, match="WM-5010"):
                running.result(20)
        assert left(server) == [(0,)]
        with half_sent(made, server) as (running, rest):  # by the next worker
            rest.set()
            assert running.result(30) == 10 * _ROWS + 1
        assert left(server) == [(10 * _ROWS + 1,)]


def test_a_server_that_is_killed_during_an_ingest_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.table("id int")
    ended = None
    with (
        suppress(AssertionError),  # the server's end is not that of SIGTERM
        served(server, tmp_path) as (made, front, _),
        half_sent(made, server) as (running, rest),
    ):
        os.kill(front, signal.SIGKILL)
        rest.set()
        ended = running.exception(20)
    assert isinstance(ended, adbc.Error)
    assert left(server) == [(0,)]


def _broken() -> Iterator[pa.RecordBatch]:
    yield pa.record_batch([pa.array(range(_ROWS), pa.int32())], schema=SCHEMA)
    raise ValueError("the client's own data broke")


def _with_an_error(cursor: adbc.Cursor, path: tuple[str, str]) -> None:
    reader = pa.RecordBatchReader.from_batches(SCHEMA, _broken())
    cursor.adbc_ingest("t", reader, "append", catalog_name=path[0], db_schema_name=path[1])


def _with_a_bad_row(cursor: adbc.Cursor, path: tuple[str, str]) -> None:
    cursor.executemany(f"INSERT INTO {'.'.join(path)}.t VALUES (?)", [(1,), (2,), (None,)])


@pytest.mark.parametrize("change", [_with_an_error, _with_a_bad_row])
def test_an_error_in_the_middle_leaves_nothing(
    server: Server, tmp_path: Path, change: Callable[[adbc.Cursor, tuple[str, str]], None]
) -> None:
    server.table("id int NOT NULL")
    with served(server, tmp_path) as (made, _, _), made.connect() as connection:
        with connection.cursor() as cursor, pytest.raises((adbc.Error, ValueError)):
            change(cursor, (server.name, server.schema))
        assert left(server) == [(0,)]


def test_the_callers_deadline_ends_a_change_at_its_source(server: Server, tmp_path: Path) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0), (2, 0)")
    with (
        served(server, tmp_path) as (made, _, _),
        held(server),
        made.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.timeout_seconds.update": "1.0"})
        with pytest.raises(adbc.Error):
            cursor.executemany(f"UPDATE {server.path('t')} SET v = ? WHERE v = 0", [(2,)])
        holder = 0 if server.name == "pg" else 1  # which only MariaDB counts
        assert until(lambda: server.transactions() == holder, 5)
    assert server.rows("SELECT v FROM t") == [(0,), (0,)]


def test_a_source_that_is_not_writable_refuses_every_way_to_change_it(server: Server, tmp_path: Path) -> None:
    server.table("id int", "(1)")
    path = f"fixed.{server.schema}.t"
    with served(server, tmp_path) as (made, _, _), made.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(adbc.Error, match="WM-2010"):
            cursor.execute(f"DELETE FROM {path}")
        with pytest.raises(adbc.Error, match="WM-2010"):
            cursor.executemany(f"INSERT INTO {path} VALUES (?)", [(2,)])
        with pytest.raises(adbc.Error, match="WM-2010"):
            rows = pa.table({"id": pa.array([2], pa.int32())})
            cursor.adbc_ingest("t", rows, "append", catalog_name="fixed", db_schema_name=server.schema)
    assert server.rows("SELECT id FROM t") == [(1,)]


def test_the_command_line_says_how_many_rows_a_change_met(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = server.table("id int", name="told")
    with served(server, tmp_path) as (running, _, _):
        where = ["--url", running.uri, "--token", running.token, "--format", "csv"]
        assert main(["query", f"INSERT INTO {made} VALUES (1), (2)", *where]) == 0
    assert capsys.readouterr().out == "changed\n2\n"
