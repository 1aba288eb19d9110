"""Run a statement's fragments: a place among the running, one snapshot a source, all reads at once, one end for all.

A statement has one supervising thread. It alone waits for the turn, opens snapshots, watches the clock, and takes
everything down again, so there is one place where anything could leak. Snapshots are opened in the order of the sources'
names: two statements that need the same two pools of size 1 cannot each hold what the other waits for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from server.execution.admission import Slot
from server.execution.errors import EngineFailed, StatementCancelled, StatementTimeout
from server.execution.lanes import Reading, SourceReads
from server.execution.spill import SpillArea
from watersmeet.spi import Source, SourceError, Tag

log = logging.getLogger(__name__)

_ENDING = 10.0
"""Seconds that reads are given to end after a cancel before their threads are left to themselves, with an error logged."""
_CLOSING = 1.0
"""Seconds that the owner of a cancelled statement waits for its supervisor."""
_INTERRUPT_EVERY = 0.02
"""An interrupt that comes before the engine has begun is lost (DuckDB 2.0.0): it is repeated."""


class Execution:
    """One running statement, from its place in the queue to the last connection given back."""

    def __init__(
        self,
        query_id: str,
        readings: Sequence[Reading],
        sources: Mapping[str, Source],
        *,
        deadline: float,
        slot: Slot,
        spill: SpillArea,
    ) -> None:
        self.readings = tuple(readings)
        self.query_id = query_id
        self._sources = sources
        self._deadline = deadline
        """Of time.monotonic()."""
        self._slot = slot
        self._spill = spill
        self._changed = threading.Condition()
        self._admitted = False
        self._ended = False
        self._error: BaseException | None = None
        self._interrupt: Callable[[], None] | None = None
        self._groups: list[SourceReads] = []
        self._supervisor = threading.Thread(target=self._supervise, name=f"statement {query_id}", daemon=True)

    # ------------------------------------------------------------ for the statement's owner, from any thread

    def start(self) -> None:
        """Begin; returns at once."""
        self._supervisor.start()

    def wait_turn(self) -> None:
        """Wait until the statement runs. Raises what ended it before."""
        with self._changed:
            while not (self._admitted or self._ended):
                self._changed.wait()
        self.check()

    def check(self) -> None:
        """Raise what ended the statement too early, if something did."""
        with self._changed:
            if self._error is not None:
                raise self._error

    def engine_runs(self, interrupt: Callable[[], None] | None) -> None:
        """Say how to interrupt the engine while it runs; None when it runs no more."""
        with self._changed:
            self._interrupt = interrupt
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the statement with an error; the first one counts. Quick: what takes time is the supervisor's."""
        if self._end(error):
            self._abandon(error)

    def cancel(self) -> None:
        """End the statement for the client. Idempotent."""
        self.fail(StatementCancelled("the statement was cancelled"))

    def finish(self) -> None:
        """The answer is complete: end what still runs. Raises what ended the statement before."""
        if self._end(None):
            self._abandon(StatementCancelled("the answer is complete"))
        self.check()

    def close(self) -> None:
        """Cancel what still runs, and wait until all connections and threads are given back. Idempotent.

        A supervisor that waits for a pooled connection cannot be woken (the contract has no way to): it is left to
        itself, and closes the connection as soon as it gets one.
        """
        self.cancel()
        if self._supervisor.ident is not None:
            self._supervisor.join(_CLOSING)
        self._slot.leave()

    def _end(self, error: BaseException | None) -> bool:
        with self._changed:
            if self._ended:
                return False
            self._ended = True
            self._error = error
            if error is not None and self._interrupt is not None:
                self._interrupt()
            if not self._admitted:
                self._slot.leave()  # wakes the supervisor in the queue
            self._changed.notify_all()
            return True

    def _abandon(self, error: BaseException) -> None:
        for reading in self.readings:
            reading.exchange.fail(error)
            if reading.keys is not None:
                reading.keys.finish(complete=False)  # wakes the reads that wait for them

    # ------------------------------------------------------------ the supervisor's thread

    def _supervise(self) -> None:
        try:
            if self._turn():
                self._open()
                self._watch()
        except SourceError as error:
            self.fail(error)
        except Exception as error:
            log.exception("a statement's supervision failed", extra={"query_id": self.query_id})
            failed = EngineFailed(f"internal error: {type(error).__name__}, see the log")
            failed.__cause__ = error
            self.fail(failed)
        finally:
            self._take_down()
            self._slot.leave()

    def _turn(self) -> bool:
        """Whether the statement may run: it waited its turn, and did not end meanwhile."""
        running = self._slot.wait(self._deadline)
        with self._changed:
            self._admitted = running and not self._ended
            self._changed.notify_all()
        if not running:
            self.fail(StatementTimeout("the statement waited for others until its time was over: try again later"))
        return self._admitted

    def _open(self) -> None:
        """Open each source's snapshot and start its reads; the first sources read while the next are opened."""
        ordered = sorted(self.readings, key=lambda reading: reading.fragment.source)
        for name, group in groupby(ordered, key=lambda reading: reading.fragment.source):
            if self._ended:
                return
            readings = list(group)
            remaining = max(0.001, self._deadline - time.monotonic())
            snapshot = self._sources[name].snapshot(Tag(query_id=self.query_id, timeout=remaining), len(readings))
            if self._ended:
                snapshot.close()
                return
            reads = SourceReads(name, snapshot, readings, self._spill, self.fail)
            self._groups.append(reads)
            reads.start()

    def _watch(self) -> None:
        """Wait for the end, but not beyond the deadline."""
        with self._changed:
            while not self._ended and (remaining := self._deadline - time.monotonic()) > 0:
                self._changed.wait(min(remaining, threading.TIMEOUT_MAX))
        self.fail(StatementTimeout("the statement took longer than limits.statement_timeout, or its caller's deadline"))

    def _take_down(self) -> None:
        for group in self._groups:
            group.cancel()
        with self._changed:
            while self._interrupt is not None:
                if self._error is not None:
                    self._interrupt()
                self._changed.wait(_INTERRUPT_EVERY)
        deadline = time.monotonic() + _ENDING
        for group in self._groups:
            group.join(deadline)
