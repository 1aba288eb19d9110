"""Changes of sources: INSERT, UPDATE, DELETE and ingests, each one transaction of one source, exactly once or not at all.

visible catalogs -> plan -> a place among the running -> the source's transaction -> rows, or its own UPDATE or DELETE
-> COMMIT. Nothing is tried twice. The transaction begins before any rows are read, on connections that only changes use:
so all statements take connections in one order, and none waits for one that waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import cast

import pyarrow as pa

from auth.principal import Principal
from planner import pipeline
from planner.dml import Change, Frame, plan_change, read_change
from planner.errors import ParameterRefused
from planner.parse import Guards
from planner.plan import FederatedPlan, PlanRequest, SessionInfo
from server.catalogs import Catalogs, Seen
from server.execution.admission import Admission, Slot
from server.execution.change import ChangeUnderWay
from server.execution.clock import Clock
from server.execution.engine import Engine, Input
from server.fitted import fitted
from server.parameters import bind_rows, read_rows, typed_rows
from server.requests import Answer, Described, Ingest, Request, Session
from server.schemas import parameter_schema
from server.targets import ingest_target
from watersmeet.spi import Source, SourceChanged, Tag, WritableSource, Writer

_ROWS = 65536
"""Rows of parameters that the engine is given at once."""

SessionOf = Callable[[Session, Principal], SessionInfo]
Select = Callable[[Request, FederatedPlan, Slot, float], Answer]
"""Run a query within a slot and a deadline."""


class Writes:
    """Thread-safe. What it is given stays its owner's to close."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        catalogs: Catalogs,
        admission: Admission,
        clock: Clock,
        engine: Engine,
        guards: Guards,
        session_of: SessionOf,
        select: Select,
    ) -> None:
        self._sources = sources
        self._catalogs = catalogs
        self._admission = admission
        self._clock = clock
        self._engine = engine
        self._guards = guards
        self._session_of = session_of
        self._select = select
        self._lock = threading.Lock()
        self._under_way: set[ChangeUnderWay] = set()

    def describe(self, request: Request, principal: Principal) -> Described:
        """What is known of an INSERT, UPDATE or DELETE before it runs. Changes nothing."""
        change, _ = self._planned(self._frame(request), request, principal)
        parameters = parameter_schema(change.parameters, self._engine.arrow_type)
        return Described(schema=pa.schema([]), parameters=parameters, is_update=True)

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        """Run an INSERT, UPDATE or DELETE once for each row of its parameters, in one transaction. Rows affected."""
        frame = self._frame(request)
        with self._changing(request.query_id, timeout) as under_way:
            change, seen = self._planned(frame, request, principal)
            if change.parameters and request.parameters is None:
                raise ParameterRefused(f"bind a value to parameter {change.parameters[0][0]}: none is bound")
            rows = None if request.parameters is None else read_rows(request.parameters)
            if change.each is None and not change.parameters:
                if rows is not None and rows.num_columns:
                    raise ParameterRefused(f"the statement has no parameters, {rows.num_columns} are bound")
                steps = iter([change])
            elif change.each is None:
                assert rows is not None
                steps = self._bound(frame, request, principal, change, seen, rows)
            else:
                steps = iter([change])
            with self._writer(change.source, under_way) as writer:
                return sum(self._apply(step, rows, request, under_way, writer) for step in steps)

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        """Write rows into a table, which is made if `ingest.mode` says so; all of them or none. Their number.

        `batches` has the schema `ingest.data_schema` and is read in this thread; what it raises ends the ingest.
        """
        session = self._session_of(ingest.session, principal)
        with self._changing(ingest.query_id, timeout) as under_way:
            target = ingest_target(ingest, session, principal, self._catalogs, self._engine)
            with self._writer(target.source, under_way) as writer:
                table = target.table
                if target.makes:
                    table = writer.create(table, replaces=target.replaces)
                rows = fitted(target.source, table, batches, self._engine, session.time_zone)
                count = writer.insert(table, rows)
            if target.makes:
                self._catalogs.forget(target.source)
            return count

    def cancel(self, query_id: str) -> bool:
        """End a change that is under way; whether there was one."""
        with self._lock:
            found = [change for change in self._under_way if change.query_id == query_id]
        for change in found:
            change.cancel()
        return bool(found)

    def close(self) -> None:
        """End all changes that have not begun to commit."""
        with self._lock:
            left = list(self._under_way)
        for change in left:
            change.cancel()

    # ------------------------------------------------------------ planning

    def _frame(self, request: Request) -> Frame:
        return read_change(request.sql, self._guards, pipeline.oracle())

    def _planned(self, frame: Frame, request: Request, principal: Principal) -> tuple[Change, Seen]:
        """The change without values for its parameters. Raises PlanningError, SourceError of a source that is down."""
        asked = PlanRequest(sql=request.sql, now=request.now, session=self._session_of(request.session, principal))

        def plan(seen: Seen) -> tuple[Change, Seen]:
            return plan_change(frame, asked, seen.sources), seen

        change, seen = self._catalogs.planned(principal, request.sql, plan)
        if change.source in seen.down:
            raise seen.down[change.source]
        if change.rows is not None:
            seen.check(change.rows)
        return change, seen

    def _bound(
        self, frame: Frame, request: Request, principal: Principal, change: Change, seen: Seen, rows: pa.RecordBatch
    ) -> Iterator[Change]:
        """The change planned with each row of values."""
        asked = PlanRequest(sql=request.sql, now=request.now, session=self._session_of(request.session, principal))
        for values in bind_rows(rows, [name for name, _ in change.parameters], self._engine):
            yield plan_change(frame, replace(asked, parameters=values), seen.sources)

    # ------------------------------------------------------------ running

    @contextmanager
    def _changing(self, query_id: str, timeout: float) -> Iterator[ChangeUnderWay]:
        deadline = time.monotonic() + timeout
        with ChangeUnderWay(query_id, deadline, self._admission.enter(), self._clock) as under_way:
            with self._lock:
                self._under_way.add(under_way)
            try:
                under_way.wait_turn()
                yield under_way
            except SourceChanged as error:
                self._catalogs.forget(error.source)
                raise
            finally:
                with self._lock:
                    self._under_way.discard(under_way)

    @contextmanager
    def _writer(self, source: str, under_way: ChangeUnderWay) -> Iterator[Writer]:
        """A transaction that is committed when all went well, and rolled back otherwise."""
        writable = cast(WritableSource, self._sources[source])
        with closing(writable.writer(Tag(query_id=under_way.query_id, timeout=max(0.001, under_way.left())))) as writer:
            under_way.stopped_by(writer.cancel)
            yield writer
            under_way.commit(writer)

    def _apply(
        self, change: Change, rows: pa.RecordBatch | None, request: Request, under_way: ChangeUnderWay, writer: Writer
    ) -> int:
        if change.sql is not None:
            return writer.run(change.table, change.sql)
        if change.each is not None:
            assert rows is not None
            made = self._each(change.each, typed_rows(rows, change.parameters, self._engine), change.time_zone)
            return writer.insert(change.table, self._fitted(change, made))
        assert change.rows is not None
        with closing(self._select(request, change.rows, under_way.slot.lend(), under_way.deadline)) as answer:
            under_way.stopped_by(answer.cancel)
            return writer.insert(change.table, self._fitted(change, answer.batches()))

    def _fitted(self, change: Change, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return fitted(change.source, change.table, batches, self._engine, change.time_zone)

    def _each(self, sql: str, rows: pa.RecordBatch, time_zone: str) -> Iterator[pa.RecordBatch]:
        """The rows that an INSERT's expressions make of rows of parameters."""
        for start in range(0, rows.num_rows, _ROWS):
            part = rows.slice(start, _ROWS)
            reader = pa.RecordBatchReader.from_batches(part.schema, [part])
            query = self._engine.query(sql, {"x0": Input(reader, part.num_rows)}, time_zone=time_zone)
            try:
                yield from query.batches()
            finally:
                query.close()
