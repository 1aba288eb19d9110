"""Queries in worker processes: each call goes to one of them, and once more to another one if it died and may be repeated."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import cast

import pyarrow as pa

from auth.principal import Principal
from server.execution.admission import Admission
from server.execution.errors import ChangeInDoubt, ExecutionError, NoWorkers, StatementTimeout, WorkerLost
from server.execution.limits import LimitsConfig
from server.requests import Cancelled, Described, Ingest, Request, VisibleCatalog
from server.workers.announced import Announced
from server.workers.cancellation import Cancellation
from server.workers.messages import Hangup, Overdue
from server.workers.stream import RemoteStream
from server.workers.supervisor import Supervisor
from watersmeet.spi import SourceError

_GRACE = 5.0
"""Seconds beyond its time that an answer is waited for: a worker ends statements in time by itself."""
_CANCELLING = 15.0
"""Seconds to ask the sources to stop something."""

log = logging.getLogger(__name__)


class WorkerPool:
    """Implements server.requests.Queries over a supervisor, which stays its owner's to close. Thread-safe."""

    def __init__(self, supervisor: Supervisor, limits: LimitsConfig, grace: float = _GRACE) -> None:
        self._supervisor = supervisor
        # One queue for all workers: a queue at each would have statements wait at one while another one has room.
        self._admission = Admission(limits.running, limits.queued)
        self._timeout = limits.statement_timeout
        self._grace = grace
        self._announced = Announced()
        self._lock = threading.Lock()
        self._running: set[Cancellation] = set()

    def describe(self, request: Request, principal: Principal) -> Described:
        def ask() -> Described:
            return cast(Described, self._ask("describe", request, principal, text=request.sql))

        return self._announced.described(request, principal, ask)

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        return cast(tuple[VisibleCatalog, ...], self._ask("catalogs", principal, only))

    def stream(
        self, request: Request, principal: Principal, timeout: float, compression: str | None = None
    ) -> RemoteStream:
        cancellation = self._enter(request.query_id)
        return RemoteStream(
            self._supervisor,
            cancellation,
            request,
            principal,
            timeout=min(timeout, self._timeout),
            grace=self._grace,
            compression=compression,
            lost=partial(self._lost, request.query_id),
            changed=self._announced.forget,
            closed=partial(self._leave, cancellation),
        )

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        return self._change(request.query_id, timeout, "update", request, principal)

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        count = self._change(ingest.query_id, timeout, "ingest", ingest, principal, upload=batches)
        if ingest.mode == "replace":  # a table of another name is looked for anew, another table of this one is not
            self._refresh()
        self._announced.forget()
        return count

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        with self._lock:
            running = [cancellation for cancellation in self._running if cancellation.query_id == query_id]
        for cancellation in running:
            # Whether a change was kept, only its own answer tells: that is waited for.
            cancellation.cancel(force=False)
        if running and not everywhere:
            return Cancelled.STOPPED
        found = cast(Cancelled, self._ask("cancel", query_id, everywhere))
        return Cancelled.STOPPED if running else found

    def _ask(self, name: str, *arguments: object, text: str | None = None) -> object:
        """A call that changes nothing: it may be made twice."""
        deadline = time.monotonic() + self._timeout + self._grace
        for again in (False, True):
            try:
                with self._supervisor.calling(statement=False, deadline=deadline, text=text, again=again) as channel:
                    channel.call(name, arguments, deadline)
                    return channel.answer()
            except Overdue:
                raise StatementTimeout("planning took longer than limits.statement_timeout") from None
            except Hangup:
                continue
        raise WorkerLost("the process that planned the statement ended, and so did a second one: see the log")

    def _change(
        self,
        query_id: str,
        timeout: float,
        name: str,
        what: Request | Ingest,
        principal: Principal,
        upload: Iterator[pa.RecordBatch] | None = None,
    ) -> int:
        """A call that changes something: it is made once, and if its worker is lost nobody knows what came of it."""
        timeout = min(timeout, self._timeout)
        ends = time.monotonic() + timeout
        deadline = ends + self._grace
        cancellation = self._enter(query_id)
        try:
            cancellation.await_turn(ends)
            with (
                self._supervisor.calling(statement=True, deadline=deadline) as channel,
                cancellation.covering(channel),
            ):
                channel.call(name, (what, principal, max(0.0, ends - time.monotonic())), deadline)
                if upload is not None:
                    channel.upload(upload)
                return cast(int, channel.answer())
        except (Hangup, Overdue):
            self._lost(query_id, wait=False)
            raise ChangeInDoubt(
                "the process that made the change ended or did not answer: look whether the change is there"
            ) from None
        finally:
            self._leave(cancellation)

    def _refresh(self) -> None:
        """Have all workers read the catalogs again. One that cannot be told is lost, and forgets everything."""
        deadline = time.monotonic() + _CANCELLING
        for worker in self._supervisor.workers():
            calling = self._supervisor.calling(statement=False, deadline=deadline, worker=worker)
            with suppress(Hangup, Overdue, NoWorkers), calling as channel:
                channel.call("refresh", (), deadline)
                channel.answer()

    def _enter(self, query_id: str) -> Cancellation:
        """A place for a statement. Raises AdmissionRefused."""
        cancellation = Cancellation(query_id, self._admission.enter())
        with self._lock:
            self._running.add(cancellation)
        return cancellation

    def _leave(self, cancellation: Cancellation) -> None:
        cancellation.end()
        with self._lock:
            self._running.discard(cancellation)

    def _lost(self, query_id: str, wait: bool) -> None:
        """Stop what a lost worker left at the sources: not every source notices by itself."""
        thread = threading.Thread(target=self._stop_at_sources, args=(query_id,), name="stop", daemon=True)
        thread.start()
        if wait:
            thread.join()

    def _stop_at_sources(self, query_id: str) -> None:
        deadline = time.monotonic() + _CANCELLING
        try:
            with self._supervisor.calling(statement=False, deadline=deadline) as channel:
                channel.call("cancel", (query_id,), deadline)
                channel.answer()
        except (Hangup, Overdue, ExecutionError, SourceError) as error:
            log.warning("what a lost worker left at the sources may still run: %r", error, extra={"query_id": query_id})
