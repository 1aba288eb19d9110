"""The reads of one source for one statement: a snapshot, a thread for each of its lanes, and its early release."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from connectors.sqlgen.printer import read_of
from connectors.sqlgen.scalars import Refused
from connectors.sqlgen.tree import Keys
from planner.plan import Fragment
from planner.semijoins import restricted
from server.execution.errors import ExecutionError
from server.execution.exchange import Abandoned, Exchange
from server.execution.keys import Gathered, gatherers, keys, order
from server.execution.spill import SpillArea
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
    depth: int = 0
    """How long the chain of fragments is that it waits for."""


def readings(fragments: Sequence[Fragment], arrow_type: Callable[[str], pa.DataType], queue: int) -> list[Reading]:
    """The fragments of one statement, ready to be read: each with a queue of its own, joined by the keys they wait for."""
    gathered, depths = gatherers(fragments), order(fragments)
    made = []
    for fragment in fragments:
        schema = pa.schema([(column.name, arrow_type(column.type)) for column in fragment.read.columns])
        waits = {join.keys_of: gathered[join.keys_of] for join in fragment.semijoins}
        keys_ = gathered.get(fragment.id)
        made.append(Reading(fragment, Exchange(schema, queue), keys=keys_, waits=waits, depth=depths[fragment.id]))
    return made


class SourceReads:
    """Runs readings on a snapshot's lanes. Owns the snapshot: closes it when the last read is through, or at `join`."""

    def __init__(
        self,
        source: str,
        snapshot: Snapshot,
        readings: Sequence[Reading],
        spill: SpillArea,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._source = source
        self._snapshot = snapshot
        self._fail = fail
        self._lock = threading.Lock()
        self._released = False
        lanes = [lane for lane in _spread(readings, snapshot.lanes) if lane]
        for lane in lanes:
            for reading in lane:
                if reading is not lane[-1] or reading.keys is not None:  # somebody waits for its end
                    reading.exchange.overflow_to(spill.file())
        self._left = len(lanes)
        self._threads = [
            threading.Thread(target=self._run, args=(number, lane), name=f"read {source}/{number}", daemon=True)
            for number, lane in enumerate(lanes)
        ]

    def start(self) -> None:
        """Begin all lanes."""
        for thread in self._threads:
            thread.start()

    def cancel(self) -> None:
        """Stop at the source what still runs there."""
        with self._lock:
            if not self._released:
                self._snapshot.cancel()

    def join(self, deadline: float) -> None:
        """Wait until all lanes are through, and the snapshot is closed. Reads that do not end are logged and left."""
        for thread in self._threads:
            if thread.ident is None:  # the system had no thread for it
                self._leave()
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.error("a read does not end after its cancel", extra={"source": self._source})

    # ------------------------------------------------------------ the lanes' threads

    def _run(self, lane: int, readings: Sequence[Reading]) -> None:
        try:
            for reading in readings:
                self._read(lane, reading)
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

    def _read(self, lane: int, reading: Reading) -> None:
        measured, exchange = reading.measured, reading.exchange
        read = self._restricted(reading)
        started = time.monotonic()
        batches = self._snapshot.read(lane, read)
        try:
            for batch in batches:
                if reading.keys is not None:
                    reading.keys.add(batch)
                arrived = time.monotonic()
                if measured.first_ms is None:
                    measured.first_ms = (arrived - started) * 1000
                if batch.schema.types != exchange.schema.types:
                    raise SourceQueryFailed(
                        self._source, f"its connector gave {batch.schema.types}, not what was asked"
                    )
                exchange.put(batch)
                now = time.monotonic()
                measured.rows += batch.num_rows
                measured.bytes += batch.nbytes
                measured.wait_ms += (now - arrived) * 1000
                measured.total_ms = (now - started) * 1000
        finally:
            if isinstance(batches, Generator):
                batches.close()  # at once: an error's traceback would keep it alive
        measured.total_ms = (time.monotonic() - started) * 1000
        measured.spilled = exchange.spilled
        exchange.finish()
        if reading.keys is not None:
            reading.keys.finish(complete=True)

    def _restricted(self, reading: Reading) -> Read:
        """The fragment's read, restricted by the keys that came in time. Raises Abandoned."""
        fragment, until = reading.fragment, time.monotonic() + WAIT
        found: dict[int, Keys] = {}
        for join in fragment.semijoins:
            gathered = reading.waits[join.keys_of]
            gathered.wait(until - time.monotonic())
            known = keys(join, gathered, fragment.read.columns[join.column].type)
            if known is not None and (join.column not in found or known.count < found[join.column].count):
                found[join.column] = known
        reading.exchange.check()
        if not found or fragment.dialect is None:
            return fragment.read
        try:
            read = read_of(restricted(fragment.query, found), fragment.dialect)
        except Refused:  # the source has no word for these keys
            return fragment.read
        reading.measured.keys = sum(known.count for known in found.values())
        return read

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


def _spread(readings: Sequence[Reading], lanes: int) -> list[list[Reading]]:
    """Whom others wait for first, then small before large: what hash tables are built from before what probes them."""
    ordered = sorted(readings, key=lambda r: (r.depth, _estimate(r.fragment), r.fragment.id))
    return [ordered[lane::lanes] for lane in range(max(1, lanes))]


def _estimate(fragment: Fragment) -> float:
    return math.inf if fragment.estimate is None else fragment.estimate
