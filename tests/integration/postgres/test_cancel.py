"""Cancelling by a query's tag: what another process of ours began at the server, over a source of one's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from connectors.postgres.source import PostgresSource
from watersmeet.spi import Read, ReadColumn, SourceCancelled, SourceError, SourceUnavailable, Tag

pytestmark = pytest.mark.usefixtures("way")

Connect = Callable[..., PostgresSource]

ASLEEP = Read(prefix="", expressions=("1",), body="FROM pg_sleep(30)", columns=(ReadColumn(name="c0", type="INTEGER"),))


def series(count: int, rest: float = 0) -> Read:
    """So many rows, after a rest of so many seconds."""
    return Read(
        prefix="",
        expressions=("g.x",),
        body=f"FROM (SELECT pg_sleep({rest})) AS rest, LATERAL (SELECT generate_series(1, {count}) AS x) AS g",
        columns=(ReadColumn(name="c0", type="INTEGER"),),
    )


def sessions(admin: psycopg.Connection, query_id: str) -> int:
    row = admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [f"watersmeet/{query_id}"]
    ).fetchone()
    assert row is not None
    return int(row[0])


class Pulled:
    """A statement of one read, pulled in a thread."""

    def __init__(self, source: PostgresSource, query_id: str, read: Read) -> None:
        self.rows = 0
        self.error: SourceError | None = None
        self.snapshot = source.snapshot(Tag(query_id=query_id, timeout=60), 1)
        self._read = read
        self._thread = threading.Thread(target=self._pull)
        self._thread.start()

    def _pull(self) -> None:
        try:
            for batch in self.snapshot.read(0, self._read):
                self.rows += batch.num_rows
        except SourceError as error:
            self.error = error

    def end(self) -> None:
        self._thread.join(5)
        assert not self._thread.is_alive()
        self.snapshot.close()


def test_a_query_of_another_process_ends_within_a_second(connect: Connect, admin: psycopg.Connection) -> None:
    asleep = Pulled(connect(), "elsewhere", ASLEEP)
    while not sessions(admin, "elsewhere"):
        time.sleep(0.01)
    started = time.monotonic()
    assert connect().cancel("elsewhere") == 1
    asleep.end()
    assert time.monotonic() - started < 1
    assert isinstance(asleep.error, SourceCancelled) and asleep.error.sqlstate == "57014"
    assert sessions(admin, "elsewhere") == 0


def test_a_cancel_needs_no_connection_of_the_pool(connect: Connect, admin: psycopg.Connection) -> None:
    source = connect(pool=1)
    asleep = Pulled(source, "fullpool", ASLEEP)
    while not sessions(admin, "fullpool"):
        time.sleep(0.01)
    assert source.cancel("fullpool") == 1
    asleep.end()
    assert asleep.error is not None


@pytest.mark.parametrize("begun", [True, False], ids=["blocked on sending", "between two reads"])
def test_a_transaction_that_runs_no_query_is_ended_as_well(
    begun: bool, connect: Connect, admin: psycopg.Connection
) -> None:
    snapshot = connect().snapshot(Tag(query_id="silent", timeout=60), 2)
    stream = snapshot.read(0, series(200_000_000))
    if begun:
        next(stream)
    assert connect().cancel("silent") == snapshot.lanes
    assert sessions(admin, "silent") == 0
    with pytest.raises((SourceCancelled, SourceUnavailable)):
        list(stream)
    snapshot.close()


def test_only_the_very_query_is_told(connect: Connect, admin: psycopg.Connection) -> None:
    asleep = Pulled(connect(), "abc1", ASLEEP)
    while not sessions(admin, "abc1"):
        time.sleep(0.01)
    other = connect()
    for pattern in ("abc", "abc_", "abc%", "ABC1", "abc1'", "' OR true --", ""):
        assert other.cancel(pattern) == 0
    assert sessions(admin, "abc1") == 1
    assert other.cancel("abc1") == 1
    asleep.end()


def test_whenever_the_cancel_comes_no_answer_is_cut_off_without_an_error(connect: Connect) -> None:
    one, two = connect(pool=2), connect()
    began = time.monotonic()
    Pulled(one, "whole", series(300_000, rest=0.1)).end()
    whole = time.monotonic() - began
    ended = set()
    for i in range(16):
        pulled = Pulled(one, f"moment{i}", series(300_000, rest=0.1))
        time.sleep(i / 8 * whole)  # from the beginning to long after the end, however fast the machine is
        told = two.cancel(f"moment{i}")
        pulled.end()
        assert (pulled.rows == 300_000) == (pulled.error is None), (i, pulled.rows, pulled.error)
        assert pulled.error is None or told
        ended.add(pulled.error is None)
    assert ended == {True, False}


def test_a_source_that_cannot_be_asked_says_so(connect: Connect) -> None:
    with pytest.raises(SourceUnavailable):
        connect(url="postgresql://nobody@127.0.0.1:1/nowhere").cancel("any")
