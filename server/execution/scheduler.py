"""Run a statement's fragments: a place among the running, one snapshot a source, all reads at once, one end for all.

A statement has as many threads as reads that run at once, and none of its own: the first lane of each source opens its
snapshot, and lets the next source be opened before it reads. So snapshots are opened in the order of the sources' names:
two statements that need the same two pools of size 1 cannot each hold what the other waits for. An end that comes before
that of the rows (a cancel, the deadline, an error) has a thread that takes everything down.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby

from server.execution.admission import Slot
from server.execution.clock import Clock
from server.execution.errors import EngineFailed, StatementCancelled, StatementTimeout
from server.execution.lanes import Reading, SourceReads
from server.execution.spill import SpillArea
from server.execution.threads import Task, Threads
from watersmeet.spi import Source, SourceError, Tag

log = logging.getLogger(__name__)

_ENDING = 10.0
"""Seconds that reads are given to end after a cancel before their threads are left to themselves, with an error logged."""
_CLOSING = 1.0
"""Seconds that the owner of a statement waits for its reads to end."""
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
        clock: Clock,
        threads: Threads,
    ) -> None:
        self.readings = tuple(readings)
        self.query_id = query_id
        self._sources = sources
        self._deadline = deadline
        """Of time.monotonic()."""
        self._slot = slot
        self._spill = spill
        self._threads = threads
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._interrupt: Callable[[], None] | None = None
        self._openers: list[Task] = []
        """The first lane of each source, in the order of the sources' names."""
        self._groups: list[SourceReads] = []
        self._alarm = clock.at(deadline, self._late)

    # ------------------------------------------------------------ for the statement's owner, from any thread

    def start(self) -> None:
        """Begin; returns at once."""
        ordered = sorted(self.readings, key=lambda reading: reading.fragment.source)
        groups = [list(group) for _, group in groupby(ordered, key=lambda reading: reading.fragment.source)]
        self._open_next(groups)

    def wait_turn(self) -> None:
        """Wait until the statement runs. Raises what ended it before."""
        if not self._slot.wait(self._deadline):
            self._late()
        self.check()

    def check(self) -> None:
        """Raise what ended the statement too early, if something did."""
        with self._changed:
            if self._error is not None:
                raise self._error

    def engine_runs(self, interrupt: Callable[[], None] | None) -> None:
        """Say how to interrupt the engine while it runs; None when it runs no more. Raises what ended it before it began."""
        with self._changed:
            self._interrupt = interrupt
            self._changed.notify_all()
        if interrupt is not None:
            self.check()

    def fail(self, error: BaseException) -> None:
        """End the statement with an error; the first one counts. Quick."""
        self._end(error)

    def cancel(self) -> None:
        """End the statement for the client. Idempotent."""
        self.fail(StatementCancelled("the statement was cancelled"))

    def finish(self) -> None:
        """The answer is complete: end what still runs. Raises what ended the statement before."""
        self._end(None)
        self.check()

    def close(self) -> None:
        """Cancel what still runs, and wait until all connections and threads are given back. Idempotent.

        A read that waits for a pooled connection cannot be woken (the contract has no way to): it is left to itself,
        and closes the connection as soon as it gets one.
        """
        self.cancel()
        self._alarm.stop()
        self._join(_CLOSING)
        self._slot.leave()

    # ------------------------------------------------------------ its end

    def _late(self) -> None:
        waited = "waited for others until its time was over: try again later"
        ran = "took longer than limits.statement_timeout, or its caller's deadline"
        self.fail(StatementTimeout(f"the statement {ran if self._slot.running else waited}"))

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            if self._ended:
                return
            self._ended = True
            self._error = error
            if error is not None and self._interrupt is not None:
                self._interrupt()
        early = error is not None or not all(reading.exchange.finished for reading in self.readings)
        if not self._slot.running:
            self._slot.leave()  # wakes who waits for the turn
        for reading in self.readings:
            reading.exchange.fail(error or StatementCancelled("the answer is complete"))
            if reading.keys is not None:
                reading.keys.finish(complete=False)  # wakes the reads that wait for them
        if early:
            threading.Thread(target=self._take_down, name=f"end {self.query_id}", daemon=True).start()

    def _take_down(self) -> None:
        for group in self._groups:
            group.cancel()
        with self._changed:
            while self._interrupt is not None:
                if self._error is not None:
                    self._interrupt()
                self._changed.wait(_INTERRUPT_EVERY)
        self._join(_ENDING)
        for group in self._groups:
            if group.runs:
                log.error("a read does not end after its cancel", extra={"query_id": self.query_id})
        self._slot.leave()

    def _join(self, seconds: float) -> None:
        """Wait until the threads have ended, which give back their connections."""
        deadline = time.monotonic() + seconds
        for opener in self._openers:  # each adds and starts the next one before it ends
            opener.join(max(0.0, deadline - time.monotonic()))
        for group in self._groups:
            group.join(deadline)

    # ------------------------------------------------------------ the openers' threads

    def _open_next(self, groups: Sequence[Sequence[Reading]]) -> None:
        if groups:
            self._openers.append(self._threads.start(f"read {self.query_id}", partial(self._open, groups)))

    def _open(self, groups: Sequence[Sequence[Reading]]) -> None:
        """Open the first source's snapshot, have the next one opened, and read the first lane."""
        readings, reads = groups[0], None
        try:
            if not self._slot.wait(self._deadline) or self._ended:
                return
            name = readings[0].fragment.source
            tag = Tag(query_id=self.query_id, timeout=max(0.001, self._deadline - time.monotonic()))
            snapshot = self._sources[name].snapshot(tag, len(readings), sum(reading.more for reading in readings))
            reads = SourceReads(name, snapshot, readings, self._spill, self._threads, self.fail)
            self._groups.append(reads)
            reads.start()
            self._open_next(groups[1:])
        except SourceError as error:
            self.fail(error)
        except Exception as error:
            log.exception("a statement's reads did not start", extra={"query_id": self.query_id})
            failed = EngineFailed(f"internal error: {type(error).__name__}, see the log")
            failed.__cause__ = error
            self.fail(failed)
        if reads is not None:
            reads.run()
