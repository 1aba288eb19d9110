"""What the engine would read twice is put aside first: an exchange's rows come only once.

Some of DuckDB's functions are macros that write an argument out several times (nullif(a, b) is CASE WHEN a = b THEN NULL
ELSE a END), with the subquery that may stand in it. And a fragment that is asked for in two places is one (planner/sharing.py).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Cte,
    CteRef,
    Derived,
    Exchange,
    OpaqueExpr,
    OpaqueQuery,
    Query,
    Select,
    Subquery,
    With,
    transform,
    walk,
)

MACROS = frozenset(
    ["array_pop_back", "array_to_string", "array_to_string_comma_default", "fmod", "json_group_array"]
    + ["json_group_object", "map_contains_entry", "nullif", "split_part", "weighted_avg"]
)
"""Those of DuckDB 2.0's macros that repeat an argument (macro_definition in duckdb_functions())."""


def put_aside(query: Query) -> Query:
    """The query with exchanges of repeated subqueries behind a materialized CTE; the very same one if there are none."""
    found = {
        part.fragment: part
        for node in walk(query)
        if (isinstance(node, Call) and node.name in MACROS) or isinstance(node, OpaqueExpr)
        for subquery in walk(node)
        if isinstance(subquery, Subquery)
        for part in walk(subquery)
        if isinstance(part, Exchange)
    }
    exchanges = [part for part in walk(query) if isinstance(part, Exchange)]
    uses = Counter(part.fragment for part in exchanges)
    found |= {part.fragment: part for part in exchanges if uses[part.fragment] > 1}
    if not found:
        return query

    def change(node: Any) -> Any:
        known = isinstance(node, Exchange) and node.fragment in found
        return CteRef(node.alias, _name(node), node.types) if known else node

    read = tuple(Cte(_name(exchange), _all(exchange)) for exchange in found.values())
    body = transform(query, change)
    if isinstance(body, With):
        return With((*read, *body.ctes), body.body)
    if isinstance(body, OpaqueQuery):  # its text may begin with a WITH of its own
        columns = tuple(ColumnRef("kept", f"c{i}", type_) for i, type_ in enumerate(body.types))
        body = Select(columns, Derived("kept", body))
    return With(read, body)


def _name(exchange: Exchange) -> str:
    return f"kept{exchange.fragment}"


def _all(exchange: Exchange) -> Select:
    return Select(tuple(ColumnRef(exchange.alias, f"c{i}", type_) for i, type_ in enumerate(exchange.types)), exchange)
