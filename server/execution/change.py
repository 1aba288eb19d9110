"""One change of a source under way: whoever ends it, and the point from which nobody can.

A change runs in its caller's thread. What may end it early, a cancel or the deadline, comes from other threads and stops
whatever that thread waits for: a turn, a source, the engine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from server.execution.admission import Slot
from server.execution.clock import Clock
from server.execution.errors import StatementCancelled, StatementTimeout
from watersmeet.spi import Writer


class ChangeUnderWay:
    """A context: inside it the change runs; leaving it gives the slot back."""

    def __init__(self, query_id: str, deadline: float, slot: Slot, clock: Clock) -> None:
        """`deadline` is of time.monotonic()."""
        self.query_id = query_id
        self.deadline = deadline
        self.slot = slot
        self._lock = threading.Lock()
        self._error: Exception | None = None
        self._over = False
        """From the commit on: nothing ends it any more."""
        self._stops: list[Callable[[], None]] = [slot.leave]
        self._alarm = clock.at(deadline, self._late)

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()

    def wait_turn(self) -> None:
        """Wait for a place among the running statements. Raises what ended the change before."""
        if not self.slot.wait(self.deadline):
            self.check()
            raise StatementTimeout("the change waited for others until its time was over: try again later")

    def stopped_by(self, stop: Callable[[], None]) -> None:
        """Say how to stop what begins now. Raises what has ended the change already."""
        with self._lock:
            self._stops.append(stop)
        self.check()

    def commit(self, writer: Writer) -> None:
        """Commit, unless the change was ended before. Raises what the writer raises."""
        with self._lock:
            if self._error is None:
                self._over = True
        self.check()
        writer.commit()

    def check(self) -> None:
        """Raise what ended the change, if something did."""
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        """End the change for the client, from any thread. Does nothing once it commits."""
        self._end(StatementCancelled("the statement was cancelled"))

    def _late(self) -> None:
        self._end(StatementTimeout("the change took longer than limits.statement_timeout, or its caller's deadline"))

    def _end(self, error: Exception) -> None:
        with self._lock:
            if self._over or self._error is not None:
                return
            self._error = error
            stops = list(self._stops)
        for stop in stops:
            stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._alarm.stop()
        with self._lock:
            self._over = True
        self.slot.leave()
        if isinstance(error, Exception) and self._error is not None and error is not self._error:
            raise self._error from error  # what was caught is its effect
