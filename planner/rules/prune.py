"""Drop what nobody reads: columns of tables, and columns of derived tables and of EXISTS, which become NULL.

Guards:
- not below DISTINCT: each column counts there
- not below a set operation that removes duplicates
- not the inputs of text that DuckDB resolves
- not the aggregate that makes one group
- not a volatile column
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    ColumnRef,
    Constant,
    Derived,
    Query,
    Scan,
    Select,
    SetOp,
    Subquery,
    rebuild,
    walk,
)
from planner.rules.algebra import has_aggregate, has_window, movable


def prune(query: Query) -> Query:
    """Unread columns dropped; the very same query if all are read."""
    pruned: Query = _visit(query, _used(query))
    # What a dropped column read may be unread now.
    return query if pruned is query else prune(pruned)


def _used(query: Query) -> frozenset[tuple[str, str]]:
    return frozenset((node.table, node.column) for node in walk(query) if isinstance(node, ColumnRef))


def _visit(node: Any, used: frozenset[tuple[str, str]]) -> Any:
    if isinstance(node, Derived):
        wanted = frozenset(i for i in range(len(node.query.types)) if (node.alias, f"c{i}") in used)
        query = _narrowed(node.query, wanted)
        if query is not node.query:
            node = replace(node, query=query)
    if isinstance(node, Subquery) and node.kind == "exists":
        query = _narrowed(node.query, frozenset())
        if query is not node.query:
            node = replace(node, query=query)
    if isinstance(node, Scan):
        columns = tuple(column for column in node.columns if (node.alias, column.name) in used)
        if len(columns) != len(node.columns):
            return replace(node, columns=columns)
    return rebuild(node, lambda child: _visit(child, used))


def _narrowed(query: Query, wanted: frozenset[int]) -> Query:
    """The query with columns outside of `wanted` made NULL where nobody can notice."""
    if isinstance(query, SetOp) and query.op == "union" and query.all:
        keys = {int(key.expr.column[1:]) for key in query.order if isinstance(key.expr, ColumnRef)}
        left, right = _narrowed(query.left, wanted | keys), _narrowed(query.right, wanted | keys)
        return query if left is query.left and right is query.right else replace(query, left=left, right=right)
    if not isinstance(query, Select) or query.distinct:
        return query
    kept = wanted | _one_group(query, wanted)
    items = tuple(
        item
        if i in kept or isinstance(item, Constant) or not (movable(item) or has_aggregate(item) or has_window(item))
        else Constant(None, item.type)
        for i, item in enumerate(query.items)
    )
    return query if items == query.items else replace(query, items=items)


def _one_group(query: Select, wanted: frozenset[int]) -> frozenset[int]:
    """The item to keep because without an aggregate the query would no longer be one group: a count, which cannot fail."""
    aggregates = [i for i, item in enumerate(query.items) if has_aggregate(item)]
    if query.group != () or not wanted.isdisjoint(aggregates):
        return frozenset()
    counts = [i for i in aggregates if getattr(query.items[i], "name", "") in ("count", "count_star")]
    return frozenset([*counts, *aggregates][:1])
