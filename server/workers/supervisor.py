"""Keeps the worker processes alive, and says which of them gets a call.

One thread starts, watches, replaces and ends them. A worker that died, hangs up on a call, does not answer in time or
shows no sign of life gets no more calls, and another one takes its place at once.
"""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from server.execution.errors import NoWorkers
from server.workers.channel import Channel
from server.workers.messages import Hangup, Kind, Overdue
from server.workers.orders import BEAT, Orders
from server.workers.process import State, Worker

_ENDING = 5.0
"""Seconds that workers are given to end by themselves."""
_LATE = 2.5 * BEAT
"""Seconds without a sign of life after which a worker gets calls only when the others are silent, too."""
_APART = 5.0
"""Seconds that a call which is made again waits for a worker without another such call."""
_ROUND = 1.0
"""Seconds after which the supervisor's thread looks at its workers, if nothing happens before."""
_BACK_OFF = (0.0, 0.2, 1.0, 5.0, 30.0)
"""Seconds before the next start, by how many have failed in a row."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that the front waits."""

    silent: float = 10.0
    """For a sign of life, before a worker is replaced: it holds Python's one lock, or is not let run."""
    frozen: float = 30.0
    """For a sign of life, before it is killed."""
    lingering: float = 300.0
    """For what a worker that is replaced still runs."""
    starting: float = 30.0
    """For a worker to become ready, and of a call for any worker."""


@dataclass(frozen=True, slots=True)
class _Call:
    """What a place is asked for: see Supervisor.calling."""

    statement: bool
    deadline: float
    text: str | None
    again: bool
    worker: Worker | None


class Supervisor:
    """Thread-safe. `start` and `close` once each."""

    def __init__(self, count: int, orders: Callable[[int, int], Orders], patience: Patience) -> None:
        """`orders(number, place)` are those of a new worker at one of `count` places."""
        self._count = count
        self._orders = orders
        self._patience = patience
        self._changed = threading.Condition()
        self._workers: list[Worker] = []
        self._started = 0
        self._placed = 0
        self._failed = 0
        """Starts that failed, one after the other."""
        self._not_before = 0.0
        """When the next start may be."""
        self._failure: Exception | None = None
        """Why the last start failed."""
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start all workers, and wait until they are ready. Raises what keeps one from starting; `close` it then, too."""
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or self._whole(), self._patience.starting)
            if self._failure is not None:
                raise self._failure
            if not self._ready():
                raise NoWorkers(f"no worker process became ready within {self._patience.starting:.0f} s")

    def close(self) -> None:
        """End all workers. Calls that still run fail."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._wake.send(b"\0")
        self._thread.join()
        for worker in self._workers:
            worker.hang_up()
        end = time.monotonic() + _ENDING
        for worker in self._workers:
            worker.wait(max(0.0, end - time.monotonic()))
            with self._changed:
                worker.state = State.DEAD
                worker.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def workers(self) -> tuple[Worker, ...]:
        """Those that live, to look at."""
        with self._changed:
            return tuple(self._workers)

    # ------------------------------------------------------------ calls

    @contextmanager
    def calling(
        self,
        *,
        statement: bool,
        deadline: float,
        text: str | None = None,
        again: bool = False,
        worker: Worker | None = None,
    ) -> Iterator[Channel]:
        """A channel for one call; `statement`: one that takes a place among the running; `text`: that it is about.

        `again`: its first worker was lost, and it may be why. `worker`: for this one alone, if it takes calls. Raises
        NoWorkers. Hangup and Overdue pass through, and retire the worker.
        """
        call = _Call(statement, deadline, text, again, worker)
        worker, channel = self._take(call)
        try:
            yield channel
        except Hangup:
            if not channel.unwanted:
                self.retire(worker, "it hung up on a call")
            raise
        except Overdue:
            self.retire(worker, "it did not answer in time")
            raise
        finally:
            with self._changed:
                kept = worker.keep(channel)
            if not kept:
                channel.close()  # before the next statement is placed: this one may not have left its place yet
            self._left(worker, call)

    def _take(self, call: _Call) -> tuple[Worker, Channel]:
        while True:
            worker = self._place(call)
            try:
                return worker, worker.take()
            except OSError as error:
                self._left(worker, call)
                self.retire(worker, f"it takes no channel: {error}")

    def _left(self, worker: Worker, call: _Call) -> None:
        with self._changed:
            worker.calls -= 1
            worker.statements -= call.statement
            if call.again:
                worker.suspects -= 1
                self._changed.notify_all()

    def _place(self, call: _Call) -> Worker:
        """Of the workers that show signs of life the one with the most room for statements and the fewest calls.

        A text has a worker of its own, which may have planned it before, for that is worth about one call more: a
        client's preparing, GetFlightInfo and DoGet are three calls about one text. Of the calls that one worker's end
        leaves to be made again, one may have been its cause: they go apart, lest it takes the others along once more.
        """
        patience = min(call.deadline - time.monotonic(), self._patience.starting)
        with self._changed:
            if call.again:
                apart = min(patience, _APART)
                self._changed.wait_for(lambda: self._untouched() or self._whole() or self._closing, apart)
            if not self._changed.wait_for(lambda: self._ready() or self._closing, patience) or self._closing:
                raise NoWorkers("no worker process is ready: the server's log says why; try another server")
            ready = [w for w in self._ready() if call.worker in (None, w)]
            if not ready:
                raise NoWorkers("the worker process takes no calls any more")
            own = None if call.text is None else ready[hash(call.text) % len(ready)]
            late = time.monotonic() - _LATE
            worker = min(
                ready,
                key=lambda w: (
                    call.again and w.suspects > 0,
                    w.seen < late,
                    w.statements - w.most if call.statement else 0,
                    w.calls - (w is own),
                    w.placed,
                ),
            )
            self._placed += 1
            worker.placed = self._placed
            worker.calls += 1
            worker.statements += call.statement
            worker.suspects += call.again
            return worker

    def _untouched(self) -> bool:
        """Whether a worker is ready that has no call whose first worker was lost."""
        return any(not worker.suspects for worker in self._ready())

    def _whole(self) -> bool:
        return len(self._ready()) == self._count

    def _ready(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.state is State.READY]

    def retire(self, worker: Worker, reason: str) -> None:
        """Give a worker no more calls, and let another one take its place. Idempotent."""
        with self._changed:
            if worker.state is not State.READY:
                return
            worker.state = State.RETIRED
            worker.kill_at = time.monotonic() + self._patience.lingering
        log.warning("a worker is replaced: %s", reason, extra={"worker": worker.number})
        self._wake.send(b"\0")

    # ------------------------------------------------------------ the supervisor's thread

    def _supervise(self) -> None:
        looked = time.monotonic()
        while not self._closing:
            self._fill()
            for key, _ in self._selector.select(_ROUND):
                if isinstance(key.fileobj, Worker):
                    self._heard(key.fileobj)
                else:
                    self._woken.recv(4096)
            now = time.monotonic()
            self._look_after(now, missed=max(0.0, now - looked - _ROUND))
            looked = now

    def _fill(self) -> None:
        """Start a worker at each place that has none."""
        with self._changed:
            taken = {worker.place for worker in self._workers if worker.state in (State.STARTING, State.READY)}
        for place in range(self._count):
            if place not in taken and time.monotonic() >= self._not_before:
                self._started += 1
                try:
                    worker = Worker(place, self._orders(self._started, place))
                except OSError as error:  # the system has no process for it
                    self._could_not_start(error)
                    return
                self._selector.register(worker, selectors.EVENT_READ)
                with self._changed:
                    self._workers.append(worker)

    def _heard(self, worker: Worker) -> None:
        try:
            message = worker.receive()
        except (Hangup, Overdue):
            self._died(worker)
            return
        worker.seen = time.monotonic()
        match message.kind:
            case Kind.READY:
                with self._changed:
                    worker.state = State.READY
                    self._failed, self._failure = 0, None
                    self._changed.notify_all()
                log.info("a worker is ready", extra={"worker": worker.number, "pid": worker.pid})
            case Kind.FAILED:
                error = message.value()
                assert isinstance(error, Exception)
                self._could_not_start(error)

    def _died(self, worker: Worker) -> None:
        self._selector.unregister(worker)
        code = worker.wait(_ENDING)
        with self._changed:
            before, worker.state = worker.state, State.DEAD
            self._workers.remove(worker)
            worker.close()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        asked = before is State.RETIRED and code == 0
        log.log(logging.INFO if asked else logging.ERROR, "a worker ended %s", how, extra={"worker": worker.number})
        if before is State.STARTING and self._failure is None:
            self._could_not_start(NoWorkers(f"a worker process ended {how} before it was ready"))

    def _could_not_start(self, error: Exception) -> None:
        self._failed += 1
        pause = _BACK_OFF[min(self._failed, len(_BACK_OFF) - 1)]
        self._not_before = time.monotonic() + pause
        log.error("a worker cannot start: %s", error, extra={"next_try_in": pause})
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _look_after(self, now: float, missed: float) -> None:
        """Replace those that show no sign of life, and kill those whose patience is over.

        The `missed` seconds, in which this thread did not get to look, are nobody's silence: on a loaded machine, and when
        the container was paused, the signs of life are there and not read yet.
        """
        with self._changed:
            workers = list(self._workers)
        for worker in workers:
            worker.seen = min(now, worker.seen + missed)
            silence = now - worker.seen
            if worker.state is State.READY and silence > self._patience.silent:
                self.retire(worker, f"no sign of life for {silence:.0f} s")
            if worker.state is State.RETIRED and not worker.calls:
                worker.hang_up()
                worker.kill_at = min(worker.kill_at, now + _ENDING)
            allowed = self._patience.starting if worker.state is State.STARTING else self._patience.frozen
            if silence > allowed or now > worker.kill_at:
                worker.kill()
