"""The reads of one source for one statement: a snapshot, a thread for each of its lanes, and its early release."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from connectors.sqlgen.printer import read_of
from connectors.sqlgen.scalars import Refused
from planner.plan import Fragment
from planner.semijoins import restricted
from planner.splits import part, scans
from server.execution.errors import ExecutionError
from server.execution.exchange import Abandoned, Exchange
from server.execution.keys import Gathered, before, gatherers, restrictions
from server.execution.spill import SpillArea
from server.execution.threads import Task, Threads
from watersmeet.spi import Read, Snapshot, SourceError, SourceQueryFailed

log = logging.getLogger(__name__)

WAIT = 30.0
"""Seconds that a read waits for the keys of others; then it begins whole."""


@dataclass(slots=True)
class Measured:
    """What EXPLAIN ANALYZE shows of a fragment; times in milliseconds since the read began."""

    rows: int = 0
    bytes: int = 0
    first_ms: float | None = None
    """Until the first batch came."""
    total_ms: float = 0.0
    wait_ms: float = 0.0
    """Of total_ms: waiting for room, because the engine or the client was slower than the source."""
    spilled: int = 0
    keys: int | None = None
    """How many keys of other fragments restricted it; None: it was read whole."""
    parts: int = 1
    """In how many parts it was read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A fragment on its way."""

    fragment: Fragment
    exchange: Exchange
    measured: Measured = field(default_factory=Measured)
    keys: Gathered | None = None
    """What others wait for."""
    waits: Mapping[int, Gathered] = field(default_factory=dict)
    """What it waits for, by the fragments of its semi-joins."""
    after: frozenset[int] = frozenset()
    """All fragments that it waits for, also for others' sake."""

    @property
    def more(self) -> int:
        """Lanes beside its own that could read parts of it."""
        return len(self.fragment.split.cuts) if self.fragment.split else 0


def readings(fragments: Sequence[Fragment], arrow_type: Callable[[str], pa.DataType], queue: int) -> list[Reading]:
    """The fragments of one statement, ready to be read: each with a queue of its own, joined by the keys they wait for."""
    gathered, chains = gatherers(fragments), before(fragments)
    made = []
    for fragment in fragments:
        schema = pa.schema([(column.name, arrow_type(column.type)) for column in fragment.read.columns])
        waits = {join.keys_of: gathered[join.keys_of] for join in fragment.semijoins}
        keys_ = gathered.get(fragment.id)
        made.append(Reading(fragment, Exchange(schema, queue), keys=keys_, waits=waits, after=chains[fragment.id]))
    return made


class Parts:
    """The reads that make up one reading, for the lanes that share them: one read, or one for each part."""

    def __init__(self, reading: Reading, lanes: int) -> None:
        self.reading = reading
        self._lanes = lanes
        """Still at it."""
        self._left: deque[Read] | None = None
        self._began = 0.0
        self._lock = threading.Lock()

    def next(self) -> Read | None:
        """The next read to run; None when all are run or running. Waits for keys before the first. Raises Abandoned."""
        with self._lock:
            if self._left is None:
                self._left = deque(_reads(self.reading, self._lanes))
                self._began = time.monotonic()
            return self._left.popleft() if self._left else None

    def took(self, batch: pa.RecordBatch, arrived: float, waited: float) -> None:
        """Count a batch that was handed on."""
        measured = self.reading.measured
        with self._lock:
            if measured.first_ms is None:
                measured.first_ms = (arrived - self._began) * 1000
            measured.rows += batch.num_rows
            measured.bytes += batch.nbytes
            measured.wait_ms += waited * 1000
            measured.total_ms = (time.monotonic() - self._began) * 1000

    def gather(self, batch: pa.RecordBatch) -> None:
        """Keep the keys of a batch that others wait for."""
        if self.reading.keys is not None:
            with self._lock:
                self.reading.keys.add(batch)

    def leave(self) -> None:
        """A lane is through; the last one ends the reading."""
        with self._lock:
            self._lanes -= 1
            if self._lanes:
                return
        measured, exchange = self.reading.measured, self.reading.exchange
        measured.total_ms = (time.monotonic() - self._began) * 1000
        measured.spilled = exchange.spilled
        exchange.finish()
        if self.reading.keys is not None:
            self.reading.keys.finish(complete=True)


class SourceReads:
    """Runs readings on a snapshot's lanes. Owns the snapshot: closes it when the last read is through."""

    def __init__(
        self,
        source: str,
        snapshot: Snapshot,
        readings: Sequence[Reading],
        spill: SpillArea,
        threads: Threads,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._source = source
        self._snapshot = snapshot
        self._fail = fail
        self._lock = threading.Lock()
        self._released = False
        lanes = _spread(readings, snapshot.lanes)
        waited = (p for lane in lanes for p in lane if p is not lane[-1] or p.reading.keys is not None)
        for parts in dict.fromkeys(waited):  # somebody waits for its end
            parts.reading.exchange.overflow_to(spill.file())
        self._threads = threads
        self._first, *self._others = lanes
        self._left = len(lanes)
        self._tasks: list[Task] = []

    def start(self) -> None:
        """Begin all lanes but the first. Raises RuntimeError when the system has no thread."""
        for number, lane in enumerate(self._others, 1):
            try:
                self._tasks.append(
                    self._threads.start(f"read {self._source}/{number}", partial(self._run, number, lane))
                )
            except RuntimeError:
                for _ in self._others[number - 1 :]:
                    self._leave()
                raise

    def run(self) -> None:
        """Read the first lane, in the caller's thread."""
        self._run(0, self._first)

    @property
    def runs(self) -> bool:
        """Whether a lane is not through."""
        return self._left > 0

    def cancel(self) -> None:
        """Stop at the source what still runs there."""
        with self._lock:
            if not self._released:
                self._snapshot.cancel()

    def join(self, deadline: float) -> None:
        """Wait until all lanes but the first are through; the last one closes the snapshot."""
        for task in self._tasks:
            task.join(max(0.0, deadline - time.monotonic()))

    # ------------------------------------------------------------ the lanes' threads

    def _run(self, lane: int, readings: Sequence[Parts]) -> None:
        try:
            for parts in readings:
                while (read := parts.next()) is not None:
                    self._read(lane, read, parts)
                parts.leave()
        except Abandoned:
            pass  # whoever abandoned it knows why
        except (SourceError, ExecutionError) as error:
            self._fail(error)
        except Exception as error:
            log.exception("a connector failed", extra={"source": self._source})
            failed = SourceQueryFailed(self._source, f"its connector failed with {type(error).__name__}: see the log")
            failed.__cause__ = error
            self._fail(failed)
        finally:
            self._leave()

    def _read(self, lane: int, read: Read, parts: Parts) -> None:
        exchange = parts.reading.exchange
        batches = self._snapshot.read(lane, read)
        try:
            for batch in batches:
                parts.gather(batch)
                arrived = time.monotonic()
                if batch.schema.types != exchange.schema.types:
                    raise SourceQueryFailed(
                        self._source, f"its connector gave {batch.schema.types}, not what was asked"
                    )
                exchange.put(batch)
                parts.took(batch, arrived, time.monotonic() - arrived)
        finally:
            if isinstance(batches, Generator):
                batches.close()  # at once: an error's traceback would keep it alive

    def _leave(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
            self._released = True
            try:
                self._snapshot.close()  # at once, not at the statement's end: others wait for the connections
            except SourceError:
                log.warning("a snapshot did not close", exc_info=True, extra={"source": self._source})


def _reads(reading: Reading, lanes: int) -> Sequence[Read]:
    """The reads of a reading, restricted by the keys that came in time. Raises Abandoned."""
    fragment = reading.fragment
    found = restrictions(fragment, reading.waits, WAIT)
    reading.exchange.check()
    query, reads = fragment.query, [fragment.read]
    try:
        if found and fragment.dialect is not None:
            query = restricted(query, [condition for known in found for condition in known.conditions])
            reads = [read_of(query, fragment.dialect)]
            reading.measured.keys = sum(known.count for known in found)
    except Refused:  # the source has no word for these keys
        query = fragment.query
    share = min((known.share for known in found), default=1.0)
    if lanes > 1 and fragment.split is not None and fragment.dialect is not None and scans(share):
        numbers = range(1 + len(fragment.split.cuts))
        reads = [read_of(part(query, fragment.split, number), fragment.dialect) for number in numbers]
        reading.measured.parts = len(reads)
    return reads


def _spread(readings: Sequence[Reading], lanes: int) -> list[list[Parts]]:
    """The readings of each lane: whom others wait for first, then small before large: what hash tables are built from
    before what probes them. Lanes beyond one for each go to readings that have parts, the largest first. Where one reading
    waits for another's end, the lanes of both read parts of both."""
    ordered = sorted(readings, key=lambda r: (len(r.after), _estimate(r.fragment), r.fragment.id))
    if lanes < len(ordered):
        return [[Parts(reading, 1) for reading in ordered[lane::lanes]] for lane in range(max(1, lanes))]
    hands = [1] * len(ordered)
    while sum(hands) < lanes:
        able = [n for n, reading in enumerate(ordered) if hands[n] <= reading.more]
        if not able:
            break
        hands[min(able, key=lambda n: (hands[n], -n))] += 1
    work = [[n] for n, count in enumerate(hands) for _ in range(count)]
    for own in work:
        (mine,) = own
        for n, reading in enumerate(ordered):
            waits = ordered[max(n, mine)].after
            if hands[n] <= reading.more and ordered[min(n, mine)].fragment.id in waits:
                own.append(n)
                hands[n] += 1
    shared = [Parts(reading, count) for reading, count in zip(ordered, hands, strict=True)]
    return [[shared[n] for n in sorted(own)] for own in work]


def _estimate(fragment: Fragment) -> float:
    return math.inf if fragment.estimate is None else fragment.estimate
