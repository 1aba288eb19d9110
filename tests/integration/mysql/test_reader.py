"""Streaming, snapshots, cancelling, time limits: what a reader owes the statement that runs over it."""

from __future__ import annotations

import re
import resource
import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

from connectors.mysql.source import MysqlSource
from tests.integration.mysql.conftest import MakeSource, Run
from tests.integration.mysql.reading import fetch, read_sql
from watersmeet.spi import (
    PoolExhausted,
    SourceCancelled,
    SourceChanged,
    SourceError,
    SourceQueryFailed,
    SourceTimeout,
    Tag,
)

pytestmark = pytest.mark.usefixtures("way")

TAG = Tag(query_id="q-reader", timeout=60.0)
ENDLESS = "FROM seq_1_to_1000000000 AS t"
SILENT = "FROM seq_1_to_1000000 AS a, seq_1_to_1000000 AS b WHERE a.seq + b.seq < 0"
"""Works for ages before its first row."""


@pytest.fixture(scope="module")
def counted(admin: Run, database: str) -> str:
    admin("CREATE TABLE counted (id BIGINT PRIMARY KEY, t VARCHAR(60), n DECIMAL(12,2)) ENGINE = InnoDB")
    admin("INSERT INTO counted SELECT seq, CONCAT('row number ', seq), seq / 4 FROM seq_1_to_400000")
    return f"{database}.counted"


def running(admin: Run, text: str) -> int:
    # The list itself is asked by the administrator's own connection, whose text contains the word, too.
    listed = admin("SELECT info FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info IS NOT NULL")
    return sum(text in str(info) for (info,) in listed)


def wait_until_gone(admin: Run, text: str, seconds: float = 1.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not running(admin, text):
            return True
        time.sleep(0.02)
    return False


def test_rows_arrive_in_order_and_none_is_lost(source: MysqlSource, counted: str) -> None:
    read = read_sql([("id", "BIGINT"), ("t", "VARCHAR"), ("n", "DECIMAL(12,2)")], f"FROM {counted} ORDER BY id")
    table = fetch(source, read)
    assert table.num_rows == 400_000
    ids = table.column(0).to_pylist()
    assert ids == list(range(1, 400_001))
    assert table.column(1)[-1].as_py() == "row number 400000"


def test_batches_are_some_megabytes_and_memory_stays_flat(source: MysqlSource, counted: str) -> None:
    body = f"FROM {counted} AS a, seq_1_to_5 AS s"
    read = read_sql([("id", "BIGINT"), ("t", "VARCHAR"), ("n", "DECIMAL(12,2)")], body)
    snapshot = source.snapshot(TAG, 1)
    rows = 0
    sizes, levels = [], []
    for batch in snapshot.read(0, read):
        rows += batch.num_rows
        sizes.append(batch.nbytes)
        levels.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10)
    snapshot.close()
    assert rows == 2_000_000
    assert len(sizes) > 15
    assert all(1 << 20 <= size <= 8 << 20 for size in sizes[:-1])
    assert levels[-1] - levels[2] < 64 << 20


def test_a_result_without_rows_gives_no_batch(source: MysqlSource) -> None:
    assert fetch(source, read_sql([("1", "INTEGER")], "FROM (SELECT 1) AS t WHERE 1 = 0")).num_rows == 0


def test_a_with_clause_comes_first(source: MysqlSource) -> None:
    read = read_sql([('"a"."c0"', "INTEGER")], 'FROM "a"', 'WITH "a" AS (SELECT 5 AS "c0")')
    assert fetch(source, read).column(0).to_pylist() == [5]


def test_the_query_id_stands_in_the_process_list(source: MysqlSource, admin: Run) -> None:
    snapshot = source.snapshot(Tag(query_id="id*/ x", timeout=60), 1)
    stream = snapshot.read(0, read_sql([("t.seq", "BIGINT")], ENDLESS))
    next(stream)
    assert running(admin, "/* watersmeet/idx */ S")
    stream.close()
    snapshot.close()


def test_statement_is_what_is_sent_but_for_the_tag_and_the_time_limit(source: MysqlSource, admin: Run) -> None:
    read = read_sql([("t.seq", "BIGINT")], ENDLESS)
    snapshot = source.snapshot(TAG, 1)
    stream = snapshot.read(0, read)
    next(stream)
    [(info,)] = admin("SELECT info FROM information_schema.processlist WHERE info LIKE '/* watersmeet/q-reader%'")
    limit = r"(SET STATEMENT max_statement_time = [\d.]+ FOR )?"
    assert re.fullmatch(rf"/\* watersmeet/q-reader \*/ {limit}{re.escape(source.statement(read))}", info)
    stream.close()
    snapshot.close()


def test_closing_a_stream_early_leaves_nothing_running(source: MysqlSource, admin: Run) -> None:
    snapshot = source.snapshot(Tag(query_id="q-early", timeout=60), 1)
    stream = snapshot.read(0, read_sql([("t.seq", "BIGINT")], ENDLESS))
    next(stream)
    begin = time.monotonic()
    stream.close()
    assert time.monotonic() - begin < 1
    assert wait_until_gone(admin, "q-early")
    snapshot.close()
    assert fetch(source, read_sql([("1", "INTEGER")])).num_rows == 1


@pytest.mark.parametrize("body", [ENDLESS, SILENT], ids=["while rows flow", "before the first row"])
def test_cancel_ends_a_read_from_another_thread(body: str, source: MysqlSource, admin: Run) -> None:
    snapshot = source.snapshot(Tag(query_id="q-cancel", timeout=60), 1)
    column = "t.seq" if body is ENDLESS else "a.seq"
    ended: list[BaseException | None] = []

    def consume() -> None:
        try:
            for _ in snapshot.read(0, read_sql([(column, "BIGINT")], body)):
                pass
            ended.append(None)
        except SourceError as error:
            ended.append(error)

    thread = threading.Thread(target=consume)
    thread.start()
    time.sleep(0.5)
    assert running(admin, "q-cancel")
    begin = time.monotonic()
    snapshot.cancel()
    snapshot.cancel()
    thread.join(2)
    assert time.monotonic() - begin < 1
    assert not thread.is_alive()
    assert isinstance(ended[0], SourceCancelled)
    assert wait_until_gone(admin, "q-cancel")
    snapshot.close()
    with pytest.raises(SourceCancelled):
        next(snapshot.read(0, read_sql([("1", "INTEGER")])))


def test_cancel_before_a_read_lets_none_begin(source: MysqlSource) -> None:
    snapshot = source.snapshot(TAG, 1)
    snapshot.cancel()
    with pytest.raises(SourceCancelled):
        next(snapshot.read(0, read_sql([("1", "INTEGER")])))
    snapshot.close()


def test_a_hundred_cancelled_reads_leak_no_connection(make_source: MakeSource, admin: Run) -> None:
    source = make_source(pool=2)
    wide = read_sql([("REPEAT('x', 100000)", "VARCHAR")], ENDLESS)
    user_connections = "SELECT COUNT(*) FROM information_schema.processlist WHERE command <> 'Daemon'"
    before = admin(user_connections)[0][0]
    for i in range(100):
        snapshot = source.snapshot(TAG, 1)
        stream = snapshot.read(0, wide)
        next(stream)
        if i % 2:
            snapshot.cancel()
        stream.close()
        snapshot.close()
    source.close()
    time.sleep(0.3)
    assert admin(user_connections)[0][0] <= before


def test_all_reads_of_a_statement_see_one_snapshot(source: MysqlSource, admin: Run, database: str) -> None:
    admin("CREATE OR REPLACE TABLE moving (a INT) ENGINE = InnoDB")
    admin("INSERT INTO moving VALUES (1)")
    snapshot = source.snapshot(TAG, 2)
    assert snapshot.lanes == 1
    admin("INSERT INTO moving VALUES (2)")
    read = read_sql([("COUNT(*)", "BIGINT")], f"FROM {database}.moving")

    def count() -> int:
        return sum(batch.column(0)[0].as_py() for batch in snapshot.read(0, read))

    assert count() == 1
    admin("INSERT INTO moving VALUES (3)")
    assert count() == 1
    snapshot.close()
    assert fetch(source, read).column(0).to_pylist() == [3]


def test_a_read_that_is_alone_leaves_no_transaction_open(make_source: MakeSource, admin: Run, database: str) -> None:
    admin("CREATE OR REPLACE TABLE alone (a INT) ENGINE = InnoDB")
    admin("INSERT INTO alone VALUES (1)")
    [(before,)] = admin("SELECT @@GLOBAL.autocommit")
    admin("SET GLOBAL autocommit = 0")
    try:
        source = make_source(pool=1)
        read = read_sql([("COUNT(*)", "BIGINT")], f"FROM {database}.alone")
        for rows in (1, 2):
            assert fetch(source, read).column(0).to_pylist() == [rows]
            admin("INSERT INTO alone VALUES (1)")
        admin("DROP TABLE alone")  # would wait for a transaction that has read it
    finally:
        admin(f"SET GLOBAL autocommit = {before:d}")


def test_with_consistency_fragment_reads_run_at_once(make_source: MakeSource) -> None:
    source = make_source(consistency="fragment", pool=3)
    snapshot = source.snapshot(TAG, 5)
    assert snapshot.lanes == 3
    streams: list[Iterator[pa.RecordBatch]] = [
        snapshot.read(lane, read_sql([("t.seq", "BIGINT")], ENDLESS)) for lane in range(3)
    ]
    for stream in streams:
        assert next(stream).num_rows > 0
    with pytest.raises(PoolExhausted, match="raise `pool`"):
        source.snapshot(Tag(query_id="x", timeout=0.2), 1)
    snapshot.cancel()
    snapshot.close()
    assert source.probe() < 1


def test_the_time_limit_ends_a_silent_query(source: MysqlSource, admin: Run) -> None:
    snapshot = source.snapshot(Tag(query_id="q-limit", timeout=0.5), 1)
    begin = time.monotonic()
    with pytest.raises(SourceTimeout):
        next(snapshot.read(0, read_sql([("a.seq", "BIGINT")], SILENT)))
    assert time.monotonic() - begin < 2
    assert wait_until_gone(admin, "q-limit")
    snapshot.close()


def test_the_time_limit_holds_for_a_slow_consumer(source: MysqlSource, admin: Run) -> None:
    snapshot = source.snapshot(Tag(query_id="q-slow", timeout=0.7), 1)
    with pytest.raises(SourceTimeout):
        for _ in snapshot.read(0, read_sql([("t.seq", "BIGINT")], ENDLESS)):
            time.sleep(0.2)
    assert wait_until_gone(admin, "q-slow")
    snapshot.close()


def test_a_query_that_the_server_refuses_keeps_its_words(source: MysqlSource) -> None:
    with pytest.raises(SourceQueryFailed, match="1690") as caught:
        fetch(source, read_sql([("18446744073709551615 * 2", "UBIGINT")]))
    assert caught.value.sqlstate == "22003"
    with pytest.raises(SourceChanged, match="doesn't exist"):
        fetch(source, read_sql([("1", "INTEGER")], "FROM gone"))
    assert fetch(source, read_sql([("1", "INTEGER")])).num_rows == 1


def test_a_snapshot_is_read_only(source: MysqlSource, admin: Run, database: str) -> None:
    admin("CREATE OR REPLACE TABLE kept (a INT) ENGINE = InnoDB")
    admin(
        "CREATE OR REPLACE FUNCTION put() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO kept VALUES (1); RETURN 1; END"
    )
    with pytest.raises(SourceQueryFailed, match="1792"):
        fetch(source, read_sql([("put()", "INTEGER")]))
    assert admin(f"SELECT COUNT(*) FROM {database}.kept") == ((0,),)


def test_a_connection_that_the_server_closed_is_replaced(source: MysqlSource, admin: Run) -> None:
    source.probe()
    for (number,) in admin(
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Sleep'"
    ):
        admin(f"KILL {number}")
    time.sleep(0.1)
    assert source.probe() < 1
    assert fetch(source, read_sql([("1", "INTEGER")])).num_rows == 1


def test_a_connection_cut_in_the_middle_of_rows_is_an_error(source: MysqlSource, admin: Run) -> None:
    snapshot = source.snapshot(Tag(query_id="q-cut", timeout=60), 1)
    stream = snapshot.read(0, read_sql([("t.seq", "BIGINT")], ENDLESS))
    next(stream)
    [(number,)] = admin("SELECT id FROM information_schema.processlist WHERE info LIKE '/* watersmeet/q-cut%'")
    admin(f"KILL {number}")
    with pytest.raises(SourceError):
        for _ in stream:
            pass
    snapshot.close()
