"""A source over Arrow batches in memory: the whole contract of watersmeet.spi, with lanes and a pool of its own.

A table is a function that gives its batches, so a test decides when they come, and what goes wrong. It gets the
snapshot's `cancelled` event: a table that blocks must wait for it, as a real driver waits on its socket.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from connectors.sqlgen.dialect import Dialect
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.tree import Select
from planner.plan import FederatedPlan, Fragment, OutputColumn
from server.execution.admission import Admission, Slot
from server.execution.answer import RunningAnswer
from server.execution.clock import Clock
from server.execution.engine import Engine
from server.execution.lanes import readings
from server.execution.scheduler import Execution
from server.execution.spill import SpillArea
from server.execution.threads import Threads
from watersmeet.speed import Speed
from watersmeet.spi import PoolExhausted, Read, ReadColumn, SourceCancelled, SourceCatalog, Tag, arrow_type

Rows = Callable[[threading.Event], Iterator[pa.RecordBatch]]

SCHEMA = pa.schema([("c0", pa.int64())])


def numbers(batches: int, rows: int = 1000, pause: float = 0.0) -> Rows:
    """c0 = 0, 1, 2 … in batches, each after a pause that a cancel cuts short."""

    def rows_(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        for batch in range(batches):
            if pause and cancelled.wait(pause):
                return
            yield pa.record_batch([pa.array(range(batch * rows, (batch + 1) * rows), pa.int64())], schema=SCHEMA)

    return rows_


def stuck(after: int = 0) -> Rows:
    """Some batches, then nothing until it is cancelled."""

    def rows_(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        yield from numbers(after)(cancelled)
        assert cancelled.wait(30), "never cancelled"

    return rows_


@dataclass
class MemorySource:
    """Implements watersmeet.spi.Source."""

    name: str
    tables: Mapping[str, Rows]
    lanes: int = 8
    pool: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1000))
    open: int = 0
    """Snapshots not closed yet."""
    kind: str = "memory"
    speed: Speed = field(default_factory=Speed)
    export_keys: bool = True
    splits: int = 1
    partitions: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def warm(self) -> None:
        """It has no connections."""

    def catalog(self) -> SourceCatalog:
        return SourceCatalog(default_schema="main", tables={}, schemas=("main",))

    def dialect(self, facts: Mapping[str, str]) -> Dialect:
        return DUCKDB

    def statement(self, read: Read) -> str:
        return f"SELECT c0 {read.body}"

    def snapshot(self, tag: Tag, reads: int, more: int = 0) -> MemorySnapshot:
        if not self.pool.acquire(timeout=tag.timeout):
            raise PoolExhausted(self.name, "no connection became free")
        with self._lock:
            self.open += 1
        return MemorySnapshot(self, min(self.lanes, reads + more))

    def released(self) -> None:
        with self._lock:
            self.open -= 1
        self.pool.release()

    def probe(self) -> float:
        return 0.0

    def warnings(self) -> list[str]:
        return []

    def close(self) -> None:
        assert self.open == 0


class MemorySnapshot:
    """Implements watersmeet.spi.Snapshot."""

    def __init__(self, source: MemorySource, lanes: int) -> None:
        self.lanes = lanes
        self._source = source
        self._cancelled = threading.Event()
        self._closed = False
        self._busy = [threading.Lock() for _ in range(lanes)]

    def read(self, lane: int, read: Read) -> Iterator[pa.RecordBatch]:
        assert self._busy[lane].acquire(blocking=False), "two reads at once on one lane"
        try:
            for batch in self._source.tables[read.body.removeprefix("FROM ")](self._cancelled):
                yield batch
                if self._cancelled.is_set():
                    break
            if self._cancelled.is_set():
                raise SourceCancelled(self._source.name, "cancelled")
        finally:
            self._busy[lane].release()

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._source.released()


def fragment(number: int, source: str, table: str, estimate: int | None = None) -> Fragment:
    """The fragment that reads c0 of a table."""
    read = Read(prefix="", expressions=("c0",), body=f"FROM {table}", columns=(ReadColumn(name="c0", type="BIGINT"),))
    return Fragment(id=number, source=source, query=Select(()), read=read, estimate=estimate)


@dataclass
class House:
    """The parts of a server that statements share."""

    engine: Engine
    spill: SpillArea
    sources: Mapping[str, MemorySource]
    admission: Admission = field(default_factory=lambda: Admission(100, 0))
    changed: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    threads: Threads = field(default_factory=Threads)

    def start(
        self,
        fragments: list[Fragment],
        local_sql: str | None,
        *,
        timeout: float = 20.0,
        queue: int = 1 << 20,
        columns: tuple[str, ...] = ("BIGINT",),
        slot: Slot | None = None,
    ) -> RunningAnswer:
        """Run fragments and the local SQL over them."""
        plan = FederatedPlan(
            columns=tuple(OutputColumn(name=f"n{i}", type=type_) for i, type_ in enumerate(columns)),
            local=Select(()),
            local_sql=local_sql,
            fragments=tuple(fragments),
            stays=(),
            deterministic=True,
        )
        execution = Execution(
            "test",
            readings(fragments, arrow_type, queue),
            self.sources,
            deadline=time.monotonic() + timeout,
            slot=slot or self.admission.enter(),
            spill=self.spill,
            clock=self.clock,
            threads=self.threads,
        )
        schema = pa.schema([(f"n{i}", self.engine.arrow_type(type_)) for i, type_ in enumerate(columns)])
        execution.start()
        return RunningAnswer(schema, plan, execution, self.engine, self.changed.append)


def rows_of(answer: RunningAnswer) -> list[tuple[object, ...]]:
    """All rows; the answer is closed."""
    try:
        return [tuple(row.values()) for batch in answer.batches() for row in batch.to_pylist()]
    finally:
        answer.close()


def until(condition: Callable[[], bool], seconds: float = 2.0) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
