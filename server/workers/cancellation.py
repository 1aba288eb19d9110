"""How a statement is cancelled from another thread, while it waits for its turn or for a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from server.execution.admission import Slot
from server.execution.errors import StatementCancelled, StatementTimeout
from server.workers.channel import Channel

_LISTENING = 5.0
"""Seconds in which a worker must have heard a cancel, or it is replaced. Nobody waits for it but the statement's place; on
a machine that does ten times what it can, a worker that is well was seen to take more than one."""


class Cancellation:
    """Of one query. Thread-safe."""

    def __init__(self, query_id: str, slot: Slot) -> None:
        """`slot` is its place among the running; `end` leaves it."""
        self.query_id = query_id
        self._slot = slot
        self._lock = threading.Lock()
        self._channel: Channel | None = None
        self._cancelled = False
        self._over = threading.Event()

    def await_turn(self, deadline: float) -> None:
        """Wait for a place among the running. Raises StatementCancelled, StatementTimeout."""
        if not self._slot.wait(deadline):
            self.check()
            raise StatementTimeout("the statement waited for others until its time was over: try again later")

    def end(self) -> None:
        """Give the place to the next statement. Idempotent."""
        self._slot.leave()

    @contextmanager
    def covering(self, channel: Channel) -> Iterator[None]:
        """Let `cancel` reach what runs behind a channel while the context is open. Raises StatementCancelled."""
        with self._lock:
            self.check()
            self._channel = channel
        try:
            yield
        finally:
            with self._lock:
                self._channel = None
            self._over.set()

    def check(self) -> None:
        """Raises StatementCancelled after a cancel."""
        if self._cancelled:
            raise StatementCancelled("the statement was cancelled")

    def cancel(self, *, force: bool) -> None:
        """Have the worker end the call, with an error as any other; `force`: do not wait for one that does not listen."""
        with self._lock:
            self._cancelled = True
            if self._channel is None:
                self._slot.leave()  # it may be waiting for its turn
                return
            self._channel.cut(gently=True)
        if force and not self._over.wait(_LISTENING):
            with self._lock:
                if self._channel is not None:
                    self._channel.cut(gently=False)
