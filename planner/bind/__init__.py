"""Names -> catalog columns, types, output schema, parameter types: a statement bound to the sources' tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.sqlgen.tree import Query
from planner.bind.context import Context
from planner.bind.queries import Queries
from planner.oracle import Oracle
from planner.parse import Statement
from planner.plan import OutputColumn, PlanRequest, SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A statement after binding."""

    query: Query
    columns: tuple[OutputColumn, ...]
    parameters: tuple[tuple[str, str], ...]
    """(name, type) in order of their numbers or names."""
    deterministic: bool
    clock: bool


def bind(statement: Statement, request: PlanRequest, sources: Mapping[str, SourceInfo], oracle: Oracle) -> Bound:
    """Raises UnknownName, AmbiguousName, InvalidExpression, FunctionRefused, ParameterRefused."""
    context = Context(request, sources, oracle)
    bound = Queries(context).bind(statement.node, {}, None)
    columns = tuple(
        OutputColumn(name=name, type="INTEGER" if type_ == '"NULL"' else type_, origin=origin)
        for name, type_, origin in zip(bound.names, bound.query.types, bound.origins, strict=True)
    )
    names = sorted(context.parameters, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
    parameters = tuple((name, context.parameters[name] or "VARCHAR") for name in names)
    return Bound(
        query=bound.query,
        columns=columns,
        parameters=parameters,
        deterministic=not context.unordered,
        clock=context.clock,
    )
