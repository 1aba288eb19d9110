"""How a change ends other than well: cancelled, late, cut off from its source; and what is left of it: nothing."""

from __future__ import annotations

import datetime
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa
import pytest

from server.execution.errors import ExecutionError, StatementCancelled, StatementTimeout
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Cancelled, Ingest, Request
from tests.integration.execution_world import ANA, request
from tests.integration.writes.conftest import Server
from tests.unit.memory_source import until
from watersmeet.spi import OutcomeUnknown, SourceError, SourceTimeout, SourceUnavailable


@contextmanager
def held(server: Server) -> Iterator[None]:
    """A row of table t, locked by another session."""
    with server.connected() as run:
        run("BEGIN")
        run("UPDATE t SET v = 1 WHERE id = 1")
        yield
        run("ROLLBACK")


def caught(work: Callable[[], object]) -> tuple[threading.Thread, list[Exception]]:
    """Run in a thread; what it raises of the errors that a change ends with."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except (SourceError, ExecutionError) as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def waits(server: Server) -> bool:
    """Whether a change of watersmeet waits for the lock."""
    if server.name == "pg":
        sql = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'watersmeet/%' AND wait_event_type = 'Lock'"
    else:
        time.sleep(0.15)  # the view is made anew only if nobody has looked for 0.1 s
        sql = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    return bool(server.run(sql))


def change(server: Server) -> Request:
    return request(f"UPDATE {server.path('t')} SET v = 2")


def test_a_cancel_ends_a_change_at_its_source_within_a_second(queries: LocalQueries, server: Server) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0), (2, 0)")
    with held(server):
        asked = change(server)
        thread, errors = caught(lambda: queries.update(asked, ANA, 60))
        assert until(lambda: waits(server), 10)
        began = time.monotonic()
        assert queries.cancel(asked.query_id) is Cancelled.STOPPED
        thread.join(5)
        assert until(lambda: not waits(server), 1)
        assert time.monotonic() - began < 1.5
        assert isinstance(errors[0], StatementCancelled)
    assert server.rows("SELECT v FROM t") == [(0,), (0,)]
    assert until(lambda: server.transactions() == 0, 2)


def test_a_deadline_ends_a_change_at_its_source(queries: LocalQueries, server: Server) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0), (2, 0)")
    with held(server):
        began = time.monotonic()
        with pytest.raises((StatementTimeout, SourceTimeout)):
            queries.update(change(server), ANA, 1.0)
        assert time.monotonic() - began < 3
        assert until(lambda: not waits(server), 1)
    assert server.rows("SELECT v FROM t") == [(0,), (0,)]


def test_an_ingest_whose_client_is_silent_can_be_cancelled(queries: LocalQueries, server: Server) -> None:
    server.table("id int", name="t")
    data = pa.table({"id": [1, 2]})
    silent, over = threading.Event(), threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        yield from data.to_batches()
        silent.set()
        over.wait(20)  # as a client that sends no more

    asked = Ingest(
        query_id="silent",
        catalog=server.name,
        schema=None,
        table="t",
        mode="append",
        now=datetime.datetime.now(datetime.UTC),
        data_schema=data.schema,
    )
    thread, errors = caught(lambda: queries.ingest(asked, batches(), ANA, 60))
    assert silent.wait(10)
    assert server.transactions() == 1
    queries.cancel("silent")
    assert until(lambda: server.transactions() == 0, 1.5)  # at the source, although our thread still waits
    over.set()
    thread.join(5)
    assert isinstance(errors[0], StatementCancelled)
    assert server.rows("SELECT id FROM t") == []


def test_a_cancel_after_the_end_changes_nothing(queries: LocalQueries, server: Server) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0)")
    asked = change(server)
    assert queries.update(asked, ANA, 60) == 1
    assert queries.cancel(asked.query_id) is Cancelled.NOT_FOUND
    assert server.rows("SELECT v FROM t") == [(2,)]


def test_connections_are_used_again_after_every_kind_of_end(server: Server, open_sources: Any, tmp_path: Any) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0)")
    sources = open_sources({server.name: server.section | {"writable": True, "pool": 1}})
    queries = LocalQueries(sources, LimitsConfig(spill_dir=tmp_path))
    try:
        for _ in range(5):
            with pytest.raises(SourceError):
                queries.update(request(f"INSERT INTO {server.path('t')} VALUES (1, 1)"), ANA, 60)
            assert queries.update(change(server), ANA, 10) == 1
            sql = f"INSERT INTO {server.path('t')} SELECT id + 1000, v FROM {server.path('t')} WHERE id < 0"
            assert queries.update(request(sql), ANA, 10) == 0  # reads and writes one source of one connection each
    finally:
        queries.close()


# ---------------------------------------------------------------- cut off


COMMIT = {"pg": b"\x0bCOMMIT\x00", "my": b" COMMIT"}
"""As the statement by itself is sent."""


class Proxy:
    """A TCP proxy that cuts the connection when the client has sent a word: with it, or after passing it on."""

    def __init__(self, target: tuple[str, int], word: bytes, *, passes: bool) -> None:
        self._target = target
        self._word = word
        self._passes = passes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            cut = threading.Event()
            threading.Thread(target=self._up, args=(client, server, cut), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server, cut), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        while data := _received(client):
            if self._word in data:
                cut.set()
                if self._passes:
                    server.sendall(data)
                    time.sleep(0.5)  # the server does it, and its answer is not passed on
                break
            server.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _down(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        while (data := _received(server)) and not cut.is_set():
            try:
                client.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def through(server: Server, open_sources: Any, tmp_path: Any) -> Iterator[Callable[..., LocalQueries]]:
    """through(word, passes=…): the source behind a proxy."""
    made: list[Any] = []

    def make(word: bytes, *, passes: bool) -> LocalQueries:
        parts = urlsplit(server.section["url"])
        proxy = Proxy((parts.hostname or "", parts.port or 0), word, passes=passes)
        netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
        url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
        sources = open_sources({server.name: server.section | {"url": url, "writable": True}})
        made.extend([LocalQueries(sources, LimitsConfig(spill_dir=tmp_path)), proxy])
        return made[-2]  # type: ignore[no-any-return]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("passes", [True, False])
def test_a_connection_lost_during_the_commit_is_reported_as_unknown(
    server: Server, through: Callable[..., LocalQueries], passes: bool
) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0)")
    with pytest.raises(OutcomeUnknown, match="look there") as unknown:
        through(COMMIT[server.name], passes=passes).update(change(server), ANA, 30)
    assert unknown.value.code == 3009
    assert until(lambda: server.rows("SELECT v FROM t") == [(2 if passes else 0,)], 2)


def test_a_connection_lost_before_the_commit_leaves_nothing(
    server: Server, through: Callable[..., LocalQueries]
) -> None:
    server.table("id int PRIMARY KEY, v int", "(1, 0)")
    with pytest.raises(SourceUnavailable):
        through(b'UPDATE "', passes=True).update(change(server), ANA, 30)
    assert until(lambda: server.transactions() == 0, 2)
    assert server.rows("SELECT v FROM t") == [(0,)]


def test_a_rename_that_is_not_answered_is_unknown_too(my: Server, open_sources: Any, tmp_path: Any) -> None:
    my.run("DROP TABLE IF EXISTS made")
    parts = urlsplit(my.section["url"])
    proxy = Proxy((parts.hostname or "", parts.port or 0), b"RENAME", passes=True)
    url = urlunsplit((parts.scheme, f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}", parts.path, "", ""))
    sources = open_sources({"my": my.section | {"url": url, "writable": True}})
    queries = LocalQueries(sources, LimitsConfig(spill_dir=tmp_path))
    data = pa.table({"id": [1]})
    asked = Ingest(
        query_id="renamed",
        catalog="my",
        schema=None,
        table="made",
        mode="create",
        now=datetime.datetime.now(datetime.UTC),
        data_schema=data.schema,
    )
    try:
        with pytest.raises(OutcomeUnknown):
            queries.ingest(asked, iter(data.to_batches()), ANA, 30)
    finally:
        queries.close()
        proxy.close()
    assert my.rows("SELECT id FROM made") == [(1,)]
