"""FROM (SELECT exprs FROM r WHERE f) AS t  ->  FROM r WHERE f, t's columns replaced by their expressions.

Guards:
- not below an outer join: a constant column of the missing side must become NULL
- not a grouping
- not DISTINCT
- not a window
- not LIMIT
- not ORDER BY
- not a volatile column
- not a column with a subquery
- not a query without FROM
- not a lateral one
- not below grouping sets: two columns of one expression, or a constant one, are keys of their own there
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    ColumnRef,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Select,
    conjunction,
    conjuncts,
    transform,
)
from planner.rules.algebra import has_aggregate, has_subquery, has_window, movable, substitute


def merge_derived(query: Query) -> Query:
    """The query with simple derived tables merged into their blocks; the very same one if there are none."""
    return transform(query, _block)


def _block(node: Any) -> Any:
    if not isinstance(node, Select) or node.relation is None or node.sets is not None:
        return node
    columns: dict[tuple[str, str], Expr] = {}
    filters: list[Expr] = []
    relation = _merged(node.relation, columns, filters)
    if relation is node.relation:
        return node
    bare = replace(node, relation=None)
    moved: Select = substitute(bare, columns)
    return replace(
        moved,
        relation=substitute(relation, columns),
        where=conjunction([*conjuncts(moved.where), *filters]),
    )


def _merged(relation: Relation | None, columns: dict[tuple[str, str], Expr], filters: list[Expr]) -> Relation | None:
    if isinstance(relation, Join) and relation.kind == "inner":
        left, right = _merged(relation.left, columns, filters), _merged(relation.right, columns, filters)
        if left is relation.left and right is relation.right:
            return relation
        assert left is not None and right is not None
        return replace(relation, left=left, right=right)
    if isinstance(relation, Derived) and _simple(relation):
        inner = relation.query
        assert isinstance(inner, Select)
        for i, item in enumerate(inner.items):
            columns[relation.alias, f"c{i}"] = item
        filters += conjuncts(inner.where)
        return inner.relation
    return relation


def _simple(relation: Derived) -> bool:
    inner = relation.query
    return (
        isinstance(inner, Select)
        and not relation.lateral
        and inner.relation is not None
        and inner.group is None
        and inner.qualify is None
        and not inner.distinct
        and not inner.order
        and inner.limit is None
        and inner.offset is None
        and all(
            isinstance(item, ColumnRef)
            or (movable(item) and not has_window(item) and not has_aggregate(item) and not has_subquery(item))
            for item in inner.items
        )
    )
