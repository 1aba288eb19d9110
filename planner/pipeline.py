"""The planner's table of contents: text in, FederatedPlan out; each stage is a room of its own."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Mapping

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from connectors.sqlgen.tree import Exchange, Query, Select
from planner.bind import Bound, bind
from planner.errors import PushdownRequired, StatementRefused
from planner.fragment import Cutter, columns_of
from planner.optimize import optimize
from planner.oracle import Oracle
from planner.parse import Guards, Statement, parse
from planner.placement import Placement
from planner.plan import FederatedPlan, PlanRequest, SourceInfo
from planner.session import check_session
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
    statement = parse(request.sql, limits or Guards(), oracle())
    if statement.kind != "query":
        raise StatementRefused(_session_words(statement))
    bound = bind(statement, request, sources, oracle())
    query = optimize(bound.query)
    placement = Placement(sources, request.session.time_zone)
    cutter = Cutter(placement, pushdown=request.session.pushdown != "off")
    local = cutter.cut(query)
    made = _plan(statement, request, bound, local, cutter)
    if request.session.pushdown == "require" and made.fragments and made.local_sql is not None:
        raise PushdownRequired(_why_not_whole(made))
    return made


def _plan(statement: Statement, request: PlanRequest, bound: Bound, local: Query, cutter: Cutter) -> FederatedPlan:
    whole = len(cutter.fragments) == 1 and _passes_on(local)
    return FederatedPlan(
        columns=bound.columns,
        local=local,
        local_sql=None if whole else sql_of(local, DUCKDB),
        fragments=tuple(cutter.fragments),
        stays=() if whole else tuple(cutter.placement.stays),
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


def _session_words(statement: Statement) -> str:
    name = str(statement.node.get("name", ""))
    if statement.kind == "use":
        return "USE needs a session: send the headers `catalog` and `schema` with each call instead"
    header = {"timezone": "watersmeet-timezone", "pushdown": "watersmeet-pushdown"}.get(name.lower())
    hint = (
        f"send the header `{header}` with each call instead" if header else "known settings are TimeZone and pushdown"
    )
    return f"{statement.kind.upper()} {name} needs a session: {hint}"
