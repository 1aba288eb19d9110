"""The reads of one source for one statement: a snapshot, a thread for each of its lanes, and its early release."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from planner.plan import Fragment
from server.execution.errors import ExecutionError
from server.execution.exchange import Abandoned, Exchange
from server.execution.spill import SpillArea
from watersmeet.spi import Snapshot, SourceError, SourceQueryFailed

log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Reading:
    """A fragment on its way."""

    fragment: Fragment
    exchange: Exchange
    measured: Measured = field(default_factory=Measured)


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
            for reading in lane[:-1]:  # the last one of a lane keeps nobody waiting
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
        measured, exchange, started = reading.measured, reading.exchange, time.monotonic()
        batches = self._snapshot.read(lane, reading.fragment.read)
        try:
            for batch in batches:
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
    """Small reads first in each lane: what the engine builds hash tables from is wanted before what it probes with."""
    ordered = sorted(readings, key=lambda r: (_estimate(r.fragment), r.fragment.id))
    return [ordered[lane::lanes] for lane in range(max(1, lanes))]


def _estimate(fragment: Fragment) -> float:
    return math.inf if fragment.estimate is None else fragment.estimate
