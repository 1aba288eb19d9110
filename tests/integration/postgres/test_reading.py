"""Streams, snapshots, cancelling, deadlines and the pool, against a real server."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from connectors.postgres import reader
from connectors.postgres.reader import BATCH_LIMIT
from connectors.postgres.source import PostgresSource
from watersmeet.spi import (
    PoolExhausted,
    Read,
    ReadColumn,
    SourceCancelled,
    SourceError,
    SourceQueryFailed,
    SourceTimeout,
    SourceUnavailable,
    Tag,
)

pytestmark = pytest.mark.usefixtures("way")

Connect = Callable[..., PostgresSource]

COUNT = Read(
    prefix="",
    expressions=("count(*)",),
    body='FROM "public"."counted" AS "t0"',
    columns=(ReadColumn(name="c0", type="BIGINT"),),
)


def series(count: int, *expressions: tuple[str, str]) -> Read:
    """A read of `count` rows numbered g.x. In the select list the server makes them one by one, in FROM all at once."""
    given = expressions or (("g.x", "INTEGER"),)
    return Read(
        prefix="",
        expressions=tuple(sql for sql, _ in given),
        body=f"FROM (SELECT generate_series(1, {count}) AS x) AS g",
        columns=tuple(ReadColumn(name=f"c{i}", type=type_) for i, (_, type_) in enumerate(given)),
    )


def tag(name: str, timeout: float = 60.0) -> Tag:
    return Tag(query_id=name, timeout=timeout)


def working(admin: psycopg.Connection, query_id: str) -> int:
    """How many backends the server has at work for a query."""
    row = admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND state <> 'idle'",
        [f"watersmeet/{query_id}"],
    ).fetchone()
    assert row is not None
    return int(row[0])


def gone_within(admin: psycopg.Connection, query_id: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not working(admin, query_id):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def counted(admin: psycopg.Connection) -> Iterator[None]:
    admin.execute("CREATE TABLE public.counted AS SELECT 1 AS a")
    yield
    admin.execute("DROP TABLE public.counted")


def test_a_large_result_streams_in_bounded_batches_and_flat_memory(connect: Connect) -> None:
    source = connect()
    snapshot = source.snapshot(tag("large"), 1)
    read = series(400_000, ("g.x", "INTEGER"), ("(g.x * 0.01)", "DECIMAL(18,2)"), ("repeat('x', 200)", "VARCHAR"))
    rows, before, sizes = 0, 0, []
    for batch in snapshot.read(0, read):
        before = before or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows += batch.num_rows
        sizes.append(batch.nbytes)
    snapshot.close()
    assert rows == 400_000
    assert max(sizes) <= BATCH_LIMIT
    assert min(sizes[:-1]) > 1 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 << 10, "90 MB went through"


def test_wide_rows_make_batches_of_few_rows(connect: Connect) -> None:
    snapshot = connect().snapshot(tag("wide"), 1)
    sizes = [b.nbytes for b in snapshot.read(0, series(20, ("repeat('x', 3000000)", "VARCHAR")))]
    snapshot.close()
    assert sum(sizes) >= 60_000_000
    assert max(sizes) <= BATCH_LIMIT


def test_lanes_see_one_snapshot(connect: Connect, admin: psycopg.Connection, counted: None) -> None:
    snapshot = connect().snapshot(tag("lanes"), 3)
    assert snapshot.lanes == 3
    admin.execute("INSERT INTO counted VALUES (2)")
    assert [b.to_pylist() for lane in range(3) for b in snapshot.read(lane, COUNT)] == [[{"c0": 1}]] * 3
    snapshot.close()


def test_fragments_of_their_own_consistency_do_not_share_one(connect: Connect, counted: None) -> None:
    snapshot = connect(consistency="fragment").snapshot(tag("fragments"), 2)
    assert snapshot.lanes == 2
    assert [next(snapshot.read(lane, COUNT)).to_pylist() for lane in range(2)] == [[{"c0": 1}]] * 2
    snapshot.close()


def test_lanes_run_at_the_same_time(connect: Connect) -> None:
    snapshot = connect().snapshot(tag("parallel"), 2)
    slow = Read(
        prefix="", expressions=("1",), body="FROM pg_sleep(0.5)", columns=(ReadColumn(name="c0", type="INTEGER"),)
    )
    started = time.monotonic()
    threads = [threading.Thread(target=lambda lane=lane: list(snapshot.read(lane, slow))) for lane in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 0.9
    snapshot.close()


def test_a_full_pool_gives_fewer_lanes_and_one_lane_serves_several_reads(connect: Connect, counted: None) -> None:
    source = connect(pool=2)
    first = source.snapshot(tag("first"), 1)
    second = source.snapshot(tag("second"), 3)
    assert second.lanes == 1
    assert [next(second.read(0, COUNT)).to_pylist() for _ in range(3)] == [[{"c0": 1}]] * 3
    with pytest.raises(PoolExhausted, match="pool"):
        source.snapshot(tag("third", timeout=0.2), 1)
    first.close()
    source.snapshot(tag("fourth", timeout=1), 1).close()
    second.close()


def test_a_transaction_pooler_gets_one_connection_a_statement(connect: Connect) -> None:
    snapshot = connect(pooler="transaction").snapshot(tag("pooled"), 3)
    assert snapshot.lanes == 1
    snapshot.close()


def test_a_read_that_is_closed_early_leaves_nothing_running_and_its_lane_usable(
    connect: Connect, admin: psycopg.Connection, counted: None
) -> None:
    source = connect(pool=1)
    snapshot = source.snapshot(tag("early"), 2)
    stream = snapshot.read(0, series(200_000_000))
    next(stream)
    started = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 1
    assert next(snapshot.read(0, COUNT)).to_pylist() == [{"c0": 1}]
    snapshot.close()
    source.snapshot(tag("next", timeout=1), 1).close()


@pytest.mark.parametrize(
    "read",
    [
        Read(prefix="", expressions=("1",), body="FROM pg_sleep(30)", columns=(ReadColumn(name="c0", type="INTEGER"),)),
        Read(
            prefix="",
            expressions=("count(*)",),
            body="FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
            columns=(ReadColumn(name="c0", type="BIGINT"),),
        ),
    ],
    ids=["asleep", "computing"],
)
def test_cancel_frees_the_backend_before_the_first_row(connect: Connect, admin: psycopg.Connection, read: Read) -> None:
    snapshot = connect().snapshot(tag("blocked"), 1)
    errors: list[BaseException] = []

    def pull() -> None:
        try:
            list(snapshot.read(0, read))
        except SourceError as error:
            errors.append(error)

    thread = threading.Thread(target=pull)
    thread.start()
    time.sleep(0.3)
    assert working(admin, "blocked") == 1
    started = time.monotonic()
    snapshot.cancel()
    thread.join(1)
    assert time.monotonic() - started < 1
    assert isinstance(errors[0], SourceCancelled)
    snapshot.close()
    assert gone_within(admin, "blocked", 1)


def test_cancel_frees_the_backend_while_nobody_pulls(connect: Connect, admin: psycopg.Connection) -> None:
    source = connect(pool=1)
    snapshot = source.snapshot(tag("stalled"), 1)
    stream = snapshot.read(0, series(200_000_000))
    next(stream)
    started = time.monotonic()
    snapshot.cancel()
    assert time.monotonic() - started < 1
    assert gone_within(admin, "stalled", 1)
    with pytest.raises(SourceCancelled):
        next(stream)
    snapshot.close()
    source.snapshot(tag("after", timeout=1), 1).close()


def test_cancel_at_any_moment_ends_the_read_and_keeps_the_pool_whole(
    connect: Connect, admin: psycopg.Connection
) -> None:
    source = connect(pool=2)
    for i in range(60):
        snapshot = source.snapshot(tag("moment", timeout=5), 1)
        done = threading.Event()

        def pull(snapshot=snapshot, done=done) -> None:  # type: ignore[no-untyped-def]
            try:
                for _ in snapshot.read(0, series(50_000_000)):
                    pass
            except SourceCancelled:
                done.set()

        thread = threading.Thread(target=pull)
        thread.start()
        time.sleep(i * 0.0005)
        snapshot.cancel()
        thread.join(3)
        assert done.is_set(), i
        snapshot.close()
    assert gone_within(admin, "moment", 1)
    held = [source.snapshot(tag("whole", timeout=1), 1) for _ in range(2)]
    for snapshot in held:
        snapshot.close()


def test_a_cancelled_snapshot_reads_nothing_more(connect: Connect) -> None:
    snapshot = connect().snapshot(tag("cancelled"), 1)
    snapshot.cancel()
    snapshot.cancel()
    with pytest.raises(SourceCancelled):
        list(snapshot.read(0, series(1)))
    snapshot.close()
    snapshot.close()


def test_the_statement_ends_at_its_time_limit(connect: Connect, admin: psycopg.Connection) -> None:
    snapshot = connect().snapshot(tag("late", timeout=0.5), 1)
    started = time.monotonic()
    with pytest.raises(SourceTimeout):
        list(snapshot.read(0, Read(prefix="", expressions=("1",), body="FROM pg_sleep(30)", columns=COUNT.columns)))
    assert 0.3 < time.monotonic() - started < 1.5
    snapshot.close()
    assert gone_within(admin, "late", 1)


def test_a_slow_consumer_meets_the_time_limit(connect: Connect) -> None:
    snapshot = connect().snapshot(tag("slow", timeout=3.0), 1)
    stream = snapshot.read(0, series(50_000_000))
    next(stream)
    time.sleep(3.2)
    with pytest.raises(SourceTimeout):
        for _ in stream:
            pass
    snapshot.close()


def test_a_connection_lost_in_the_middle_is_an_error_and_not_an_end(
    connect: Connect, admin: psycopg.Connection
) -> None:
    source = connect(pool=1)
    snapshot = source.snapshot(tag("lost"), 1)
    stream = snapshot.read(0, series(50_000_000))
    next(stream)
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watersmeet/lost'")
    with pytest.raises(SourceUnavailable):
        for _ in stream:
            pass
    snapshot.close()
    source.snapshot(tag("again", timeout=2), 1).close()


@pytest.mark.parametrize("reads", [1, 2])
def test_connections_that_died_in_the_pool_are_replaced(
    connect: Connect, admin: psycopg.Connection, reads: int
) -> None:
    source = connect(pool=2)
    source.snapshot(tag("dying"), 2).close()
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'watersmeet' AND pid <> pg_backend_pid()"
    )
    snapshot = source.snapshot(tag("replaced"), reads)
    assert len(list(snapshot.read(0, series(3)))) == 1
    snapshot.close()


def test_the_session_is_read_only_and_settled(connect: Connect, admin: psycopg.Connection) -> None:
    admin.execute("ALTER DATABASE CURRENT SET timezone = 'Asia/Tokyo'".replace("CURRENT", f'"{admin.info.dbname}"'))
    names = [
        "TimeZone",
        "DateStyle",
        "standard_conforming_strings",
        "search_path",
        "transaction_read_only",
        "transaction_isolation",
    ]
    read = Read(
        prefix="",
        expressions=tuple(f"current_setting('{name}')" for name in names),
        body="",
        columns=tuple(ReadColumn(name=f"c{i}", type="VARCHAR") for i in range(len(names))),
    )
    snapshot = connect().snapshot(tag("settled"), 1)
    (batch,) = snapshot.read(0, read)
    snapshot.close()
    assert list(batch.to_pylist()[0].values()) == ["UTC", "ISO, YMD", "on", "pg_catalog", "on", "repeatable read"]


def test_a_read_that_is_alone_has_the_settings_and_the_time_limit_of_its_statement(connect: Connect) -> None:
    names = ["application_name", "transaction_isolation", "transaction_read_only", "search_path", "TimeZone"]
    read = series(1, *((f"current_setting('{name}')", "VARCHAR") for name in [*names, "statement_timeout"]))
    snapshot = connect().snapshot(tag("by itself", timeout=20), 1)
    (batch,) = snapshot.read(0, read)
    snapshot.close()
    *settings, limit = batch.to_pylist()[0].values()
    assert settings == ["watersmeet/by itself", "repeatable read", "on", "pg_catalog", "UTC"]
    assert 15_000 < int(limit.removesuffix("ms").replace("s", "000")) <= 20_000


def test_a_read_that_is_alone_ends_its_transaction_with_its_last_row(
    connect: Connect, admin: psycopg.Connection, way: str
) -> None:
    snapshot = connect(pool=1).snapshot(tag("ended"), 1)
    (batch,) = snapshot.read(0, series(1, ("pg_backend_pid()", "INTEGER")))
    pid = batch.column(0)[0].as_py()
    row = admin.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    # The driver cannot send several statements at once.
    assert row == ("idle" if way == "binary" else "idle in transaction",)
    snapshot.close()


def test_a_read_whose_settings_are_refused_does_not_run(
    connect: Connect, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the names in it could mean somebody's functions (CVE-2018-1058)."""
    admin.execute("CREATE SEQUENCE public.ran")
    source = connect(pool=1)
    read = series(1, ("nextval('public.ran')", "BIGINT"))
    try:
        with monkeypatch.context() as patched:
            patched.setattr(reader, "settings", lambda *_: [("statement_timeout", "never")])
            with pytest.raises(SourceQueryFailed, match="statement_timeout"):
                snapshot = source.snapshot(tag("unsettled"), 1)
                try:
                    list(snapshot.read(0, read))
                finally:
                    snapshot.close()
        assert admin.execute("SELECT is_called FROM public.ran").fetchone() == (False,)
        snapshot = source.snapshot(tag("settled again"), 1)
        assert len(list(snapshot.read(0, series(1)))) == 1
        snapshot.close()
    finally:
        admin.execute("DROP SEQUENCE public.ran")


def test_an_error_of_the_query_keeps_the_servers_words_and_code_but_not_the_query(connect: Connect) -> None:
    snapshot = connect().snapshot(tag("failing"), 1)
    with pytest.raises(SourceQueryFailed) as raised:
        list(snapshot.read(0, series(10, ("1 / (g.x - 5)", "INTEGER"), ("'secret'::text", "VARCHAR"))))
    snapshot.close()
    assert str(raised.value) == "source pg: division by zero"
    assert raised.value.sqlstate == "22012"


def test_a_batch_that_fails_late_raises_after_the_rows_before_it(connect: Connect) -> None:
    snapshot = connect().snapshot(tag("late failure"), 1)
    rows = 0
    with pytest.raises(SourceQueryFailed):
        for batch in snapshot.read(0, series(3_000_000, ("1 / (g.x - 2999999)", "INTEGER"))):
            rows += batch.num_rows
    assert 0 < rows < 3_000_000
    snapshot.close()
