"""The planner's table of contents: text in, FederatedPlan out; each stage is a room of its own."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from connectors.sqlgen.tree import Exchange, Query, Select
from planner.bind import Bound, bind
from planner.columns import columns_of
from planner.covering import covered
from planner.errors import PushdownRequired, StatementRefused
from planner.fragment import Cutter
from planner.optimize import optimize
from planner.oracle import Oracle
from planner.parse import Guards, Statement, first_word, parse
from planner.placement import Placement
from planner.plan import FederatedPlan, Fragment, PlanRequest, SourceInfo, Stay
from planner.repeated import put_aside
from planner.semijoins import reduced
from planner.session import changed_options, check_session
from planner.splits import announced, split
from planner.stages import stages

# The guards bound the depth of a statement's tree to 200; a level costs the recursive stages up to 12 frames.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))

_oracle: Oracle | None = None


def oracle() -> Oracle:
    """The process's type oracle, made at first use (60 ms)."""
    global _oracle
    if _oracle is None:
        _oracle = Oracle()
        atexit.register(_oracle.close)
    return _oracle


def plan(request: PlanRequest, sources: Mapping[str, SourceInfo], *, limits: Guards | None = None) -> FederatedPlan:
    """Plan one statement over the sources. No I/O. Raises PlanningError."""
    check_session(request.session, sources)
    statement = parse(request.sql, limits or Guards(), oracle(), request.session)
    if statement.kind != "query":
        raise StatementRefused(f"{statement.kind.upper()} changes a session, and there is none here")
    return plan_query(statement, request, sources)


def changes_session(sql: str) -> bool:
    """Whether a text is a SET, RESET or USE. Says nothing of its being correct."""
    return first_word(sql) in {"set", "reset", "use"}


def options_changed(
    request: PlanRequest, sources: Mapping[str, SourceInfo], *, limits: Guards | None = None
) -> Mapping[str, str | None]:
    """What a SET, RESET or USE makes of which session options; None resets one. Raises PlanningError."""
    return changed_options(parse(request.sql, limits or Guards(), oracle()), request.session, sources)


def plan_query(statement: Statement, request: PlanRequest, sources: Mapping[str, SourceInfo]) -> FederatedPlan:
    """Plan a query that was parsed. Raises PlanningError."""
    bound = bind(statement, request, sources, oracle())
    query = optimize(bound.query)
    placement = Placement(sources, request.session.time_zone)
    pushdown = request.session.pushdown
    cutter = Cutter(placement, pushdown=pushdown != "off", costs=pushdown != "require")
    local, fragments = cutter.cut(query), tuple(cutter.fragments)
    if pushdown == "on":
        local, fragments = covered(local, fragments, placement, keys=request.session.semijoin_keys > 0)
    made = _plan(statement, request, bound, put_aside(local), fragments, placement.stays)
    if pushdown != "off" and request.session.semijoin_keys:
        made = replace(made, fragments=reduced(made, placement.statistics, request.session.semijoin_keys))
    made = replace(made, fragments=split(made.fragments, sources))
    made = replace(made, parts=announced(made, sources))
    if pushdown == "require" and made.fragments and made.local_sql is not None:
        raise PushdownRequired(_why_not_whole(made))
    return made


def _plan(
    statement: Statement,
    request: PlanRequest,
    bound: Bound,
    local: Query,
    fragments: tuple[Fragment, ...],
    stays: Sequence[Stay],
) -> FederatedPlan:
    whole = len(fragments) == 1 and _passes_on(local)
    return FederatedPlan(
        columns=bound.columns,
        local=local,
        local_sql=None if whole else sql_of(local, DUCKDB),
        fragments=fragments,
        stays=() if whole else tuple(stays),
        deterministic=bound.deterministic,
        parameters=bound.parameters,
        settings={"TimeZone": request.session.time_zone},
        clock=bound.clock,
        explain=statement.explain,
        stages=tuple(stages(bound.query)) if statement.explain == "stages" else (),
    )


def _passes_on(local: Query) -> bool:
    """Whether the local query only hands on an exchange's rows."""
    return (
        isinstance(local, Select)
        and isinstance(local.relation, Exchange)
        and local == Select(columns_of(local.relation), local.relation)
    )


def _why_not_whole(made: FederatedPlan) -> str:
    reasons = (
        "; ".join(dict.fromkeys(f"{stay.what}: {stay.reason}" for stay in made.stays)) or "it reads several sources"
    )
    return f"pushdown = 'require', but no single source can answer the statement whole: {reasons}"
