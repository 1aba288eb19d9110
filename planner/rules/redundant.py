"""DISTINCT and ORDER BY of a subquery go where nobody can notice: of EXISTS, IN and ANY, and below a set operation without ALL.

Guards:
- not beside LIMIT or OFFSET: they choose the rows
- not DISTINCT below UNION ALL
- not of a scalar subquery
- not ORDER BY of a derived table: list() and first() above it read in that order
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import Query, Select, SetOp, Subquery, transform


def redundant(query: Query) -> Query:
    """The query without what has no effect; the very same one if there is nothing of it."""
    return transform(query, _node)


def _node(node: Any) -> Any:
    if isinstance(node, Subquery) and node.kind in ("exists", "any"):
        query = _bare(node.query)
        return node if query is node.query else replace(node, query=query)
    if isinstance(node, SetOp) and not node.all:
        left, right = _bare(node.left), _bare(node.right)
        return node if left is node.left and right is node.right else replace(node, left=left, right=right)
    return node


def _bare(query: Query) -> Query:
    """A query of which only the set of rows matters."""
    if not isinstance(query, (Select, SetOp)) or query.limit is not None or query.offset is not None:
        return query
    if query.order:
        query = replace(query, order=())
    if isinstance(query, Select) and query.distinct:
        query = replace(query, distinct=False)
    return query
