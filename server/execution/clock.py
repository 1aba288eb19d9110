"""One clock for all deadlines of a process: a thread that makes calls when their time has come.

A statement nearly always ends before its deadline, so setting and stopping an alarm is what has to be cheap: neither
wakes the thread. A timer of its own for each statement, a thread, costs 0.1 ms of CPU.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class Alarm:
    """A call that is to be made, unless it is stopped."""

    def __init__(self, clock: Clock, moment: float, call: Callable[[], object]) -> None:
        self.moment = moment
        self.call = call
        self._clock = clock

    def stop(self) -> None:
        """Do not call. Idempotent; a call that has begun goes on."""
        self._clock._forget(self)


class Clock:
    """Thread-safe. Its owner closes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alarms: set[Alarm] = set()
        self._wakes = math.inf
        """When the thread looks next, if it is not woken."""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._thread.start()

    def at(self, moment: float, call: Callable[[], object]) -> Alarm:
        """Call at a moment (of time.monotonic()), in a thread of its own: what ends a statement may wait for a source."""
        alarm = Alarm(self, moment, call)
        with self._changed:
            self._alarms.add(alarm)
            if moment < self._wakes:
                self._changed.notify()
        return alarm

    def close(self) -> None:
        """Call nobody any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _forget(self, alarm: Alarm) -> None:
        with self._changed:
            self._alarms.discard(alarm)

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for alarm in [alarm for alarm in self._alarms if alarm.moment <= now]:
                    self._alarms.discard(alarm)
                    threading.Thread(target=alarm.call, name="alarm", daemon=True).start()
                self._wakes = min((alarm.moment for alarm in self._alarms), default=math.inf)
                self._changed.wait(min(max(0.0, self._wakes - now), threading.TIMEOUT_MAX))
