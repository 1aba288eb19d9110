"""A statement's stream from a worker. While the client has nothing of it, it survives the death of its worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress

from auth.principal import Principal
from server.execution.errors import StatementTimeout, WorkerLost
from server.requests import Request
from server.workers.cancellation import Cancellation
from server.workers.messages import Hangup, Overdue
from server.workers.supervisor import Supervisor
from watersmeet.spi import SourceChanged


class RemoteStream:
    """Implements server.requests.Stream. The statement starts when its frames are asked for, and it is its turn."""

    def __init__(
        self,
        supervisor: Supervisor,
        cancellation: Cancellation,
        request: Request,
        principal: Principal,
        *,
        timeout: float,
        grace: float,
        compression: str | None,
        lost: Callable[[bool], None],
        changed: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        """`lost(wait)` stops what a lost worker left at the sources, in the background or not; `changed` forgets what
        was announced; `closed` is called last."""
        self._cancellation = cancellation
        self._supervisor = supervisor
        self._request = request
        self._principal = principal
        self._ends = time.monotonic() + timeout
        self._grace = grace
        self._compression = compression
        self._lost = lost
        self._changed = changed
        self._closed = closed
        self._frames: Generator[bytes, None, None] | None = None

    def frames(self) -> Iterator[bytes]:
        self._frames = self._run()
        return self._frames

    def cancel(self) -> None:
        self._cancellation.cancel(force=True)

    def close(self) -> None:
        if self._frames is not None:
            with suppress(ValueError):  # another thread is in it: cancelling wakes it
                self._frames.close()
        self._closed()

    def _run(self) -> Generator[bytes, None, None]:
        self._cancellation.await_turn(self._ends)
        for last in (False, True):
            delivered = False
            try:
                with closing(self._attempt(again=last)) as frames:
                    for frame in frames:
                        delivered = True
                        yield frame
                return
            except SourceChanged:
                self._changed()
                raise
            except Overdue:
                self._lost(False)
                raise StatementTimeout("the statement's time is over, and its process did not end it") from None
            except Hangup:
                self._cancellation.check()
                over = delivered or last
                self._lost(not over)  # by their tag, which the second run has as well
                if over:
                    raise WorkerLost("the process that ran the statement ended: run the statement again") from None

    def _attempt(self, *, again: bool) -> Generator[bytes, None, None]:
        """The frames from one worker. Raises Hangup when it is lost."""
        deadline = self._ends + self._grace
        with (
            self._supervisor.calling(statement=True, deadline=deadline, text=self._request.sql, again=again) as channel,
            self._cancellation.covering(channel),
        ):
            left = max(0.0, self._ends - time.monotonic())
            channel.call("stream", (self._request, self._principal, left, self._compression), deadline)
            yield from channel.frames()
