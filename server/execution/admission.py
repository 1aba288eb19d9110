"""Who may run now, who waits, and who is refused at once: overload costs a refusal and nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque

from server.execution.errors import AdmissionRefused


class Admission:
    """Places for running statements, first come, first served."""

    def __init__(self, running: int, queued: int) -> None:
        self._running = running
        self._queued = queued
        self._changed = threading.Condition()
        self._free = running
        self._waiting: deque[Slot] = deque()

    def enter(self) -> Slot:
        """A place, or a place in the queue. Raises AdmissionRefused at once when both are full; the caller leaves it."""
        with self._changed:
            slot = Slot(self)
            if self._free:
                self._free -= 1
                slot.running = True
            elif len(self._waiting) < self._queued:
                self._waiting.append(slot)
            else:
                raise AdmissionRefused(
                    f"{self._running} statements run and {self._queued} wait (limits.running, limits.queued):"
                    " try again later, or on another server"
                )
            return slot

    def _wait(self, slot: Slot, deadline: float) -> bool:
        with self._changed:
            while not (slot.running or slot.left):
                if not self._changed.wait(_bounded(deadline - time.monotonic())) and time.monotonic() >= deadline:
                    break
            return slot.running

    def _leave(self, slot: Slot) -> None:
        with self._changed:
            if slot.left:
                return
            slot.left = True
            if not slot.running:
                self._waiting.remove(slot)
            else:
                slot.running = False
                if self._waiting:
                    self._waiting.popleft().running = True
                else:
                    self._free += 1
            self._changed.notify_all()


class Slot:
    """One statement's place."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.running = False
        self.left = False

    def wait(self, deadline: float) -> bool:
        """Wait for the turn until `deadline` (of time.monotonic); False when it was not reached, or the slot was left."""
        return self._admission._wait(self, deadline)

    def leave(self) -> None:
        """Give the place to the next one, from any thread. Idempotent."""
        self._admission._leave(self)

    def lend(self) -> Slot:
        """A place for a part of the statement, while this one runs: leaving it changes nothing."""
        lent = Slot(self._admission)
        lent.running = lent.left = True
        return lent


def _bounded(seconds: float) -> float:
    """Within what a lock can wait for."""
    return max(0.0, min(seconds, threading.TIMEOUT_MAX))
