"""A fragment read in parts: by several lanes at once, into one exchange, which ends with the last of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import read_of
from connectors.sqlgen.tree import ColumnRef, Scan, ScanColumn, Select
from planner.plan import Fragment, SemiJoin, Split
from server.execution.engine import Engine
from server.execution.exchange import Exchange
from server.execution.lanes import Parts, readings
from server.execution.spill import SpillArea
from tests.unit.memory_source import SCHEMA, House, MemorySource, Rows, numbers, rows_of
from watersmeet.spi import SourceQueryFailed, arrow_type

PLACED = replace(DUCKDB, place="rowid")
QUERY = Select(
    (ColumnRef("t0", "c0", "BIGINT"),),
    Scan("t0", "a", "main", "t", (ScanColumn(name="c0", source_name="c0", type="BIGINT", nullable=False),)),
)
WHOLE = '"main"."t" AS "t0"'
FIRST, SECOND, THIRD = (f'{WHOLE} WHERE ("t0".rowid {range_})' for range_ in ("< 5", '>= 5 AND "t0".rowid < 9', ">= 9"))


def scan(number: int = 0) -> Fragment:
    split = Split(table="t0", column=None, by="rowid", cuts=(5, 9))
    return Fragment(
        id=number, source="a", query=QUERY, read=read_of(QUERY, PLACED), split=split, dialect=PLACED, estimate=10
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[[MemorySource], House]]:
    spill = SpillArea(tmp_path, 1 << 30)
    engine = Engine(memory=256 << 20, threads=2, spill_dir=spill.folder / "engine", spill=1 << 30)
    yield lambda source: House(engine, spill, {source.name: source})
    engine.close()
    spill.close()


def after(event: threading.Event, rows: Rows) -> Rows:
    """Rows that come once an event is set."""

    def rows_(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        assert event.wait(20)
        yield from rows(cancelled)

    return rows_


def before(event: threading.Event, rows: Rows) -> Rows:
    """Rows whose end sets an event."""

    def rows_(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        yield from rows(cancelled)
        event.set()

    return rows_


def test_parts_are_read_at_once_and_the_last_one_ends_the_stream(house: Callable[[MemorySource], House]) -> None:
    first, third = threading.Event(), threading.Event()
    tables = {
        FIRST: before(first, after(third, numbers(1))),
        SECOND: after(first, numbers(2)),
        THIRD: before(third, numbers(3)),
    }
    answer = house(MemorySource("a", tables, lanes=3)).start([scan()], None)
    assert len(rows_of(answer)) == 6000
    (reading,) = answer.readings
    assert (reading.measured.rows, reading.measured.parts) == (6000, 3)


def test_fewer_lanes_read_all_parts_in_turn(house: Callable[[MemorySource], House]) -> None:
    tables = {FIRST: numbers(1), SECOND: numbers(2), THIRD: numbers(3)}
    assert len(rows_of(house(MemorySource("a", tables, lanes=2)).start([scan()], None))) == 6000


def test_the_lane_of_a_read_that_waits_for_the_parts_reads_some(house: Callable[[MemorySource], House]) -> None:
    first, second = threading.Event(), threading.Event()
    tables = {
        FIRST: before(first, after(second, numbers(1))),
        SECOND: before(second, numbers(2)),
        THIRD: after(first, numbers(3)),
        WHOLE: after(first, numbers(1)),
    }
    waits = (SemiJoin(columns=(0,), keys_of=0, keys=(0,), most=0),)
    fragments = [scan(), replace(scan(1), split=None, semijoins=waits)]
    answer = house(MemorySource("a", tables, lanes=2)).start(
        fragments, "SELECT count(*) FROM x0, x1 WHERE x0.c0 = x1.c0"
    )
    rows_of(answer)
    assert [reading.measured.parts for reading in answer.readings] == [3, 1]


def test_one_lane_reads_the_table_whole(house: Callable[[MemorySource], House]) -> None:
    source = MemorySource("a", {WHOLE: numbers(4)}, lanes=1)
    assert len(rows_of(house(source).start([scan()], None))) == 4000


def test_a_part_that_fails_ends_the_statement(house: Callable[[MemorySource], House]) -> None:
    def failing(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        yield from numbers(1)(cancelled)
        raise SourceQueryFailed("a", "a bad block")

    tables = {FIRST: numbers(1), SECOND: failing, THIRD: numbers(1)}
    with pytest.raises(SourceQueryFailed, match="a bad block"):
        rows_of(house(MemorySource("a", tables, lanes=3)).start([scan()], None))


def test_keys_are_complete_only_after_the_last_part() -> None:
    reduced = replace(
        scan(1), split=None, semijoins=(SemiJoin(columns=(0,), keys_of=0, keys=(0,), most=100),), read=scan().read
    )
    reading, other = readings([scan(), reduced], arrow_type, 1 << 20)
    assert other.waits[0] is reading.keys is not None
    parts = Parts(reading, 2)
    assert [read.body for _ in range(3) if (read := parts.next())] == [f"FROM {t}" for t in (FIRST, SECOND, THIRD)]
    assert parts.next() is None
    parts.leave()
    assert not reading.keys.wait(0)
    parts.leave()
    assert reading.keys.wait(0)


@pytest.mark.parametrize(("keys", "values", "reads"), [(2, 1000.0, 1), (900, 1000.0, 3)])
def test_few_keys_are_looked_up_in_one_read(keys: int, values: float, reads: int) -> None:
    join = SemiJoin(columns=(0,), keys_of=0, keys=(0,), most=1000, values=values)
    provider, reading = readings(
        [replace(scan(), split=None), replace(scan(1), semijoins=(join,))], arrow_type, 1 << 20
    )
    assert provider.keys is not None
    provider.keys.add(pa.record_batch([pa.array([n * 7 for n in range(keys)], pa.int64())], schema=SCHEMA))
    provider.keys.finish(complete=True)
    parts = Parts(reading, 2)
    found = list(iter(parts.next, None))
    assert len(found) == reads
    assert all(" IN " in read.body for read in found)
    assert reading.measured.keys == keys


def test_an_exchange_takes_batches_of_several_threads() -> None:
    exchange = Exchange(SCHEMA, 4096)

    def produce() -> None:
        for batch in numbers(50, rows=100)(threading.Event()):
            exchange.put(batch)

    threads = [threading.Thread(target=produce) for _ in range(4)]
    for thread in threads:
        thread.start()

    def finish() -> None:
        for thread in threads:
            thread.join()
        exchange.finish()

    ending = threading.Thread(target=finish)
    ending.start()
    rows = sum(batch.num_rows for batch in exchange.batches())
    ending.join()
    assert rows == 4 * 50 * 100
