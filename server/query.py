"""The table of contents of the server: what becomes of a statement between its principal and its rows.

visible catalogs -> plan (once more with fresh catalogs, if a name was unknown) -> the schema that was announced?
-> a place among the running -> fragments at their sources, the rest in the engine -> Arrow
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from weakref import WeakSet

import pyarrow as pa

from auth.principal import Principal
from planner.cache import PlanCache
from planner.dml import is_change
from planner.errors import ParameterRefused
from planner.parse import Guards
from planner.pipeline import changes_session, options_changed
from planner.plan import FederatedPlan, OutputColumn, Part, PlanRequest, SessionInfo, SourceInfo
from planner.session import check_session, session_info
from planner.splits import narrowed
from server.catalogs import Catalogs, Seen, Visible, everything_visible
from server.execution.admission import Admission, Slot
from server.execution.answer import RunningAnswer
from server.execution.clock import Clock
from server.execution.constants import Constants
from server.execution.engine import Engine
from server.execution.lanes import readings
from server.execution.limits import LimitsConfig
from server.execution.scheduler import Execution
from server.execution.spill import SpillArea
from server.execution.threads import Threads
from server.explained import EXPLAIN, Explained
from server.layouts import plain
from server.parameters import Bound, bind, read_row
from server.requests import Answer, Cancelled, Described, Ingest, Request, Session, VisibleCatalog
from server.schemas import answer_schema, fingerprint, parameter_schema, widened
from server.writes import Writes
from watersmeet.spi import Source, SourceChanged, SourceError

log = logging.getLogger(__name__)

_SCHEMAS = 512
"""Schemas of answers that are remembered: a statement's is asked for when it is announced and twice when it runs."""
_STREAMED = 16 << 20
"""Bytes of rows that wait at most where they go straight to the client: a few batches."""
_NAMED = re.compile(r"\$[A-Za-z_]")
"""What parameters that have names look like; elsewhere, say in a string, it costs a second planning and no more."""


class LocalQueries:
    """Plans and runs statements in this process. Thread-safe. The sources stay their opener's to close."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        limits: LimitsConfig,
        *,
        visible: Visible = everything_visible,
        settings: Mapping[str, str] | None = None,
        catalog_age: float = 60.0,
    ) -> None:
        """`settings` are those that sessions begin with."""
        self._sources = dict(sources)
        self._limits = limits
        self._settings = dict(settings or {})
        self._plans = PlanCache(Guards(sql_bytes=limits.sql_bytes, depth=limits.sql_depth))
        self._catalogs = Catalogs(sources, visible, catalog_age)
        self._admission = Admission(limits.running, limits.queued)
        self._spill = SpillArea(limits.spill_dir, limits.spill // 2)
        self._engine = Engine(
            memory=limits.memory // 4 * 3,
            threads=len(os.sched_getaffinity(0)),
            spill_dir=self._spill.folder / "engine",
            spill=limits.spill // 2,
        )
        self._constants = Constants(self._engine)
        self._schemas = lru_cache(_SCHEMAS)(self._schema_of)
        self._clock = Clock()
        self._threads = Threads()
        self._lock = threading.Lock()
        self._executions: WeakSet[Execution] = WeakSet()
        guards = Guards(sql_bytes=limits.sql_bytes, depth=limits.sql_depth)
        self._writes = Writes(
            sources, self._catalogs, self._admission, self._clock, self._engine, guards, self._session_of, self._run
        )

    def describe(self, request: Request, principal: Principal) -> Described:
        if is_change(request.sql):
            return self._writes.describe(request, principal)
        if changes_session(request.sql):
            nothing = pa.schema([])
            return Described(
                schema=nothing, parameters=nothing, is_update=True, session=self._session_after(request, principal)
            )
        plan = self._plan(request, principal)
        return Described(
            schema=self._schema(request, plan),
            parameters=parameter_schema(plan.parameters, self._engine.arrow_type),
            parts=() if plan.explain else plan.parts,
        )

    def execute(self, request: Request, principal: Principal, timeout: float) -> Answer:
        deadline = time.monotonic() + min(timeout, self._limits.statement_timeout)
        slot = self._admission.enter()
        try:
            plan = self._plan(request, principal)
            if plan.parameters and request.parameters is None:
                raise ParameterRefused(f"bind a value to parameter {plan.parameters[0][0]}: none is bound")
            self._check_announced(request, plan)
            if plan.explain in {"text", "json", "stages"}:
                slot.leave()
                return Explained(plan, self._sources, None)
            if plan.explain is None and (known := self._constants.answer(plan, self._rows_schema(request, plan))):
                slot.leave()
                return known
            answer = self._run(request, plan, slot, deadline)
        except BaseException:
            slot.leave()
            raise
        return answer if plan.explain is None else Explained(plan, self._sources, answer)

    def update(self, request: Request, principal: Principal, timeout: float) -> int:
        """Run an INSERT, UPDATE or DELETE; see server.requests.Queries."""
        return self._writes.update(request, principal, min(timeout, self._limits.statement_timeout))

    def ingest(self, ingest: Ingest, batches: Iterator[pa.RecordBatch], principal: Principal, timeout: float) -> int:
        """Write rows into a table; see server.requests.Queries."""
        return self._writes.ingest(ingest, batches, principal, min(timeout, self._limits.statement_timeout))

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        seen = self._catalogs.seen_by(principal, only=only)
        return tuple(self._shown(info) for name, info in seen.sources.items() if name not in seen.down)

    def cancel(self, query_id: str, everywhere: bool = False) -> Cancelled:
        """Stop a query: one of this process, or (`everywhere`: and) whatever the sources do under its tag for others."""
        with self._lock:
            running = [execution for execution in self._executions if execution.query_id == query_id]
        for execution in running:
            execution.cancel()
        found = self._writes.cancel(query_id) or bool(running)
        elsewhere = Cancelled.NOT_FOUND if found and not everywhere else self._cancel_at_sources(query_id)
        return Cancelled.STOPPED if found else elsewhere

    def refresh(self) -> None:
        """Forget what is known of the sources' tables: the next statement reads them again."""
        for source in self._sources:
            self._catalogs.forget(source)

    def close(self) -> None:
        """Cancel what runs, and free the engine and the disk."""
        self._writes.close()
        with self._lock:
            running = list(self._executions)
        for execution in running:
            execution.close()
        self._clock.close()
        self._threads.close()
        self._engine.close()
        self._spill.close()

    def _shown(self, info: SourceInfo) -> VisibleCatalog:
        tables = tuple(info.catalog.tables.values())
        types = {column.type for table in tables for column in table.columns}
        return VisibleCatalog(
            name=info.name,
            schemas=info.catalog.schemas,
            tables=tables,
            arrow={type_: plain(self._engine.arrow_type(type_)) for type_ in types},
            writable=info.writable,
        )

    # ------------------------------------------------------------ planning

    def _plan(self, request: Request, principal: Principal) -> FederatedPlan:
        def plan(seen: Seen) -> FederatedPlan:
            made = self._plan_seen(request, principal, seen)
            seen.check(made)
            return made if request.part is None else self._part(made, request.part, seen)

        return self._catalogs.planned(principal, request.sql, plan)

    def _part(self, plan: FederatedPlan, part: Part, seen: Seen) -> FederatedPlan:
        """The plan for one of the parts that were announced. Raises SourceChanged."""
        made = narrowed(plan, part, seen.sources)
        if made is None:
            source = plan.fragments[0].source if plan.fragments else "local"
            raise SourceChanged(source, "the answer does not come in the parts that were announced: plan again")
        return made

    def _plan_seen(self, request: Request, principal: Principal, seen: Seen) -> FederatedPlan:
        if request.parameters is None:
            return self._plan_bound(request, principal, seen, None)
        row = read_row(request.parameters)
        names = [str(position) for position in range(1, row.num_columns + 1)]
        if _NAMED.search(request.sql):  # only the planner knows their order
            names = [name for name, _ in self._plan_bound(request, principal, seen, None).parameters]
        plan = self._plan_bound(request, principal, seen, bind(row, names, self._engine))
        if len(plan.parameters) != row.num_columns:
            raise ParameterRefused(f"the statement has {len(plan.parameters)} parameters, {row.num_columns} are bound")
        return plan

    def _plan_bound(self, request: Request, principal: Principal, seen: Seen, values: Bound | None) -> FederatedPlan:
        session = self._session_of(request.session, principal)
        asked = PlanRequest(sql=request.sql, now=request.now, session=session, parameters=values)
        return self._plans.plan(asked, seen.sources)

    def _session_of(self, session: Session, principal: Principal) -> SessionInfo:
        settings = {**self._settings, **session.settings}
        return session_info(settings, session.catalog, session.schema, principal.subject)

    def _session_after(self, request: Request, principal: Principal) -> Session:
        """The session as a SET, RESET or USE leaves it. Raises PlanningError."""

        def changed(seen: Seen) -> Session:
            session = self._session_of(request.session, principal)
            asked = PlanRequest(sql=request.sql, now=request.now, session=session)
            after = request.session.changed(options_changed(asked, seen.sources))
            check_session(self._session_of(after, principal), seen.sources)
            return after

        return self._catalogs.planned(principal, request.sql, changed)

    def _schema(self, request: Request, plan: FederatedPlan) -> pa.Schema:
        return EXPLAIN if plan.explain else self._rows_schema(request, plan)

    def _rows_schema(self, request: Request, plan: FederatedPlan) -> pa.Schema:
        settings = {**self._settings, **request.session.settings}
        return self._schemas(plan.columns, settings.get("unsigned") == "widen")

    def _schema_of(self, columns: tuple[OutputColumn, ...], wide: bool) -> pa.Schema:
        schema = answer_schema(columns, self._engine.arrow_type)
        return widened(schema) if wide else schema

    def _check_announced(self, request: Request, plan: FederatedPlan) -> None:
        if request.announced is not None and fingerprint(self._schema(request, plan)) != request.announced:
            source = plan.fragments[0].source if plan.fragments else "local"
            self._catalogs.forget(source)
            raise SourceChanged(source, "the answer no longer has the columns that were announced: plan again")

    # ------------------------------------------------------------ running

    def _cancel_at_sources(self, query_id: str) -> Cancelled:
        """Ask every source side by side: which ones the query reads, only the process that runs it knows."""
        with ThreadPoolExecutor(max(1, len(self._sources)), thread_name_prefix="cancel") as threads:
            told = sum(threads.map(lambda source: _told(source, query_id), self._sources.values()))
        return Cancelled.STOPPED if told else Cancelled.NOT_FOUND

    def _run(self, request: Request, plan: FederatedPlan, slot: Slot, deadline: float) -> RunningAnswer:
        queue = max(1 << 20, self._limits.memory // 4 // self._limits.running // max(1, len(plan.fragments)))
        if plan.local_sql is None:  # nothing else is read meanwhile: more would wait for the client only
            queue = min(queue, _STREAMED)
        execution = Execution(
            request.query_id,
            readings(plan.fragments, self._engine.arrow_type, queue),
            self._sources,
            deadline=deadline,
            slot=slot,
            spill=self._spill,
            clock=self._clock,
            threads=self._threads,
        )
        schema = self._rows_schema(request, plan)
        with self._lock:
            self._executions.add(execution)
        execution.start()
        return RunningAnswer(schema, plan, execution, self._engine, self._catalogs.forget)


def _told(source: Source, query_id: str) -> int:
    try:
        return source.cancel(query_id)
    except SourceError as error:
        log.warning("a source could not be asked to cancel: %s", error, extra={"query_id": query_id})
        return 0
