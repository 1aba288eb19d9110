"""Plan a change: an INSERT's rows by the ordinary pipeline, an UPDATE or DELETE as one statement of its own source.

UPDATE and DELETE are planned as the SELECT that reads the same rows and computes the same values. If the table's source
can answer that exactly and whole, the same expressions are printed as its UPDATE or DELETE; otherwise the change is
refused with the reason. Nothing is ever changed row by row from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from connectors.sqlgen.changes import delete_of, update_of
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import Refused, sql_of
from connectors.sqlgen.tree import ColumnRef, Exchange, Parameter, Scan, Select, transform, walk
from planner import pipeline
from planner.bind import bind
from planner.bind.tables import resolve
from planner.dml.assign import Assigned, assigned
from planner.dml.frame import Frame
from planner.errors import ChangeRefused, InvalidExpression, ReadOnlySource, StatementRefused, UnknownName
from planner.optimize import optimize
from planner.parse import Statement
from planner.placement import Placement
from planner.plan import FederatedPlan, PlanRequest, SourceInfo
from planner.rules.algebra import has_aggregate, has_window
from planner.session import check_session
from watersmeet.spi import Column, Table

Node = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A planned change. Exactly one of `sql`, `rows` and `each` is set, but for an UPDATE or DELETE whose parameters
    are not bound: that has none."""

    source: str
    table: Table
    """Of INSERT: with the columns that are written, in the order of the rows'."""
    parameters: tuple[tuple[str, str], ...]
    """(name, DuckDB type) in order."""
    sql: str | None = None
    """UPDATE and DELETE: the source's SQL."""
    rows: FederatedPlan | None = None
    """INSERT: the query of its rows; what it gives is still to be cast to the columns' types."""
    each: str | None = None
    """INSERT of one row of parameters: the engine's SQL that makes as many rows out of as many rows of parameters, the
    relation x0 with a column c0, c1 … of its type for each parameter."""
    time_zone: str = "UTC"


def plan_change(frame: Frame, request: PlanRequest, sources: Mapping[str, SourceInfo]) -> Change:
    """Plan a parsed change over the sources. No I/O. Raises PlanningError."""
    check_session(request.session, sources)
    source, table = resolve(frame.path, sources, request.session)
    require_writable(source)
    if frame.kind == "insert":
        return _insert(frame, source, table, request, sources)
    return _in_place(frame, source, table, request, sources)


def require_writable(source: SourceInfo) -> None:
    """Raise ReadOnlySource for one that must not be changed."""
    if not source.writable:
        raise ReadOnlySource(
            f"source {source.name} is read-only: only a source of the kind postgres or mysql can be changed, with"
            " `writable: true` in its configuration"
        )


# ---------------------------------------------------------------- INSERT


def _insert(
    frame: Frame, source: SourceInfo, table: Table, request: PlanRequest, sources: Mapping[str, SourceInfo]
) -> Change:
    columns = named_columns(table, frame.columns) if frame.columns else table.columns
    assert frame.query is not None
    values = _values(frame.query)
    if values is None:
        query = _with_typed_parameters(frame.query, columns)
        rows = pipeline.plan_query(Statement(kind="query", node=query), request, sources)
        if len(rows.columns) != len(columns):
            raise InvalidExpression(f"the query has {len(rows.columns)} columns for {len(columns)} of the table")
        return _change(source, table, columns, request, rows.parameters, rows=rows)
    columns, values = _without_defaults(columns, values)
    cast = [[_cast(value, column.type) for value, column in zip(row, columns, strict=True)] for row in values]
    if len(cast) == 1 and _mentions(cast[0], "class", "PARAMETER") and not _mentions(cast[0], "type", "BASE_TABLE"):
        return _each(source, table, columns, cast[0], request, sources)
    first = frame.query["from_table"]
    query = {**frame.query, "from_table": {**first, "values": cast}}
    rows = pipeline.plan_query(Statement(kind="query", node=query), request, sources)
    return _change(source, table, columns, request, rows.parameters, rows=rows)


def _each(
    source: SourceInfo,
    table: Table,
    columns: tuple[Column, ...],
    items: list[Node],
    request: PlanRequest,
    sources: Mapping[str, SourceInfo],
) -> Change:
    """One row of expressions over parameters: planned once, evaluated for any number of rows of values."""
    unbound = PlanRequest(sql=request.sql, now=request.now, session=request.session)
    bound = bind(Statement(kind="query", node=_select(items)), unbound, sources, pipeline.oracle())
    if any(has_aggregate(item) or has_window(item) for item in getattr(bound.query, "items", ())):
        raise InvalidExpression("VALUES cannot contain aggregates or window functions")
    places = {name: i for i, (name, _) in enumerate(bound.parameters)}
    given = Exchange("x0", 0, tuple(type_ for _, type_ in bound.parameters))

    def placed(node: Any) -> Any:
        return ColumnRef("x0", f"c{places[node.name]}", node.type) if isinstance(node, Parameter) else node

    query = transform(bound.query, placed)
    if not isinstance(query, Select) or query.relation is not None:
        raise InvalidExpression("VALUES of this form cannot have parameters: use INSERT … SELECT")
    each = sql_of(Select(query.items, given), DUCKDB)
    return _change(source, table, columns, request, bound.parameters, each=each)


def _change(
    source: SourceInfo,
    table: Table,
    columns: tuple[Column, ...],
    request: PlanRequest,
    parameters: tuple[tuple[str, str], ...],
    **how: Any,
) -> Change:
    written = Table(schema=table.schema, name=table.name, columns=columns)
    return Change(source=source.name, table=written, parameters=parameters, time_zone=request.session.time_zone, **how)


def named_columns(table: Table, names: tuple[str, ...]) -> tuple[Column, ...]:
    """The table's columns of these names, exact case winning. Raises UnknownName, InvalidExpression."""
    found = []
    for name in names:
        folded = [column for column in table.columns if column.name.lower() == name.lower()]
        exact = [column for column in folded if column.name == name] or folded
        if len(exact) != 1:
            raise UnknownName(f"table {table.schema}.{table.name} has no column {name}")
        if exact[0] in found:
            raise InvalidExpression(f"column {name} is named twice")
        found.append(exact[0])
    return tuple(found)


def _values(query: Node) -> list[list[Node]] | None:
    """The rows of a plain VALUES; None for any other query."""
    relation = query.get("from_table", {})
    plain = {"type", "cte_map", "select_list", "from_table", "aggregate_handling"}
    if relation.get("type") != "EXPRESSION_LIST" or not set(query) <= plain or query.get("cte_map", {}).get("map"):
        return None
    (item, *more) = query["select_list"]
    if more or item["class"] != "STAR" or relation.get("alias") != "valueslist":
        return None
    rows: list[list[Node]] = relation["values"]
    return rows


def _without_defaults(
    columns: tuple[Column, ...], rows: list[list[Node]]
) -> tuple[tuple[Column, ...], list[list[Node]]]:
    """Columns and rows without those columns for which every row says DEFAULT. Raises InvalidExpression."""
    for row in rows:
        if len(row) != len(columns):
            raise InvalidExpression(f"{len(row)} values for {len(columns)} columns")
    kept = [i for i in range(len(columns)) if not all(row[i]["class"] == "DEFAULT" for row in rows)]
    if not kept or any(row[i]["class"] == "DEFAULT" for row in rows for i in kept):
        raise StatementRefused("DEFAULT for some rows only, or for all columns, is not run here: leave columns out")
    return tuple(columns[i] for i in kept), [[row[i] for i in kept] for row in rows]


def _with_typed_parameters(query: Node, columns: tuple[Column, ...]) -> Node:
    """A SELECT whose items that are bare parameters have the types of their columns."""
    items = query.get("select_list", ())
    if len(items) != len(columns) or any(item["class"] == "STAR" for item in items):
        return query
    typed = [
        _cast(item, column.type) if item["class"] == "PARAMETER" else item
        for item, column in zip(items, columns, strict=True)
    ]
    return {**query, "select_list": typed}


def _cast(node: Node, type_: str) -> Node:
    return {"class": "CAST", "type": "OPERATOR_CAST", "child": node, "type_expr": _type_node(type_)}


@cache
def _type_node(type_: str) -> Node:
    """DuckDB's node of a type; the types are those that connectors announce."""
    (select,) = pipeline.oracle().parse(f"SELECT CAST(NULL AS {type_})")
    node: Node = select["select_list"][0]["type_expr"]
    return node


def _select(items: list[Node], table: Node | None = None, where: Node | None = None) -> Node:
    node = {
        "type": "SELECT_NODE",
        "cte_map": {},
        "select_list": items,
        "from_table": table or {"type": "EMPTY"},
        "aggregate_handling": "STANDARD_HANDLING",
    }
    return node if where is None else {**node, "where_clause": where}


def _mentions(node: Any, key: str, value: str) -> bool:
    if isinstance(node, dict):
        return node.get(key) == value or any(_mentions(child, key, value) for child in node.values())
    return isinstance(node, list) and any(_mentions(child, key, value) for child in node)


# ---------------------------------------------------------------- UPDATE and DELETE


def _in_place(
    frame: Frame, source: SourceInfo, table: Table, request: PlanRequest, sources: Mapping[str, SourceInfo]
) -> Change:
    columns = named_columns(table, frame.columns)
    if any(value["class"] == "DEFAULT" for value in frame.values):
        raise StatementRefused("SET … = DEFAULT is not run here: write the value")
    items = [_cast(value, column.type) for value, column in zip(frame.values, columns, strict=True)]
    select = _select(items or [_ONE], frame.table, frame.where)
    bound = bind(Statement(kind="query", node=select), request, sources, pipeline.oracle())
    what = f"this {frame.kind.upper()} of {source.name}.{table.schema}.{table.name}"
    unbound = bool(bound.parameters) and request.parameters is None
    sql = None if unbound else _printed(optimize(bound.query), columns, table, source, request, sources, what)
    return Change(source=source.name, table=table, parameters=bound.parameters, sql=sql)


def _printed(
    block: Any,
    columns: tuple[Column, ...],
    table: Table,
    source: SourceInfo,
    request: PlanRequest,
    sources: Mapping[str, SourceInfo],
    what: str,
) -> str:
    """The source's SQL. Raises ChangeRefused."""
    if not isinstance(block, Select) or not isinstance(block.relation, Scan) or block.group is not None:
        raise ChangeRefused(f"{what} cannot run at its source: {getattr(block, 'why', 'it is more than a condition')}")
    if any(has_window(item) for item in block.items):
        raise ChangeRefused(f"{what} cannot run at its source: a window function has no place in it")
    made = [assigned(item, column, table) for item, column in zip(block.items, columns, strict=False)]
    if made:
        block = Select(tuple(value.expr for value in made), block.relation, block.where)
    _check_reads(block, columns, made, table, source, what)
    placement = Placement(sources, request.session.time_zone)
    if placement.read(block) is None:
        reasons = [f"{stay.what}: {stay.reason}" for stay in placement.stays]
        names = sorted({scan.source for scan in walk(block) if isinstance(scan, Scan)} - {source.name})
        reasons += [f"it reads {', '.join(names)} as well"] if names else []
        raise ChangeRefused(
            f"{what} cannot run exactly at its source: {'; '.join(reasons) or 'it reads more than that'}"
        )
    try:
        if not made:
            return delete_of(block, source.dialect)
        return update_of(block, tuple(value.assignment for value in made), source.dialect)
    except Refused as refused:
        raise ChangeRefused(f"{what} cannot run exactly at its source: {refused.reason}") from None


def _check_reads(
    block: Select, columns: tuple[Column, ...], made: list[Assigned], table: Table, source: SourceInfo, what: str
) -> None:
    """Refuse what the source would compute from rows that it has changed already."""
    target = block.relation
    assert isinstance(target, Scan)
    dialect = source.dialect
    others = [scan for scan in walk(block) if isinstance(scan, Scan) and scan.alias != target.alias]
    if not dialect.reads_changed and any((scan.schema, scan.table) == (target.schema, target.table) for scan in others):
        raise ChangeRefused(f"{what}: {dialect.name} cannot read the table that it changes in a subquery")
    if not dialect.assigns_in_turn:
        return
    ours = {column.name: f"c{i}" for i, column in enumerate(table.columns)}
    for value, column in zip(made, columns, strict=True):
        read = {node.column for node in walk(value.expr) if isinstance(node, ColumnRef) and node.table == target.alias}
        if read & {ours[other.name] for other in columns if other is not column}:
            raise ChangeRefused(
                f"{what}: {dialect.name} would compute {column.name} from columns that the same SET has changed already:"
                " send one UPDATE for each"
            )


_ONE: Node = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": {"kind": "INTEGER", "text": "1"}}
