"""A LEFT JOIN B WHERE f(B)  ->  A JOIN B WHERE f(B), where f is never true of a missing B; RIGHT and FULL likewise.

An inner join may be written in any order, so that its filters and equalities reach both sides.

Guards:
- not where the filter may hold for a missing row
- not for a filter over the kept side
- not above a grouping
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import Call, Cast, ColumnRef, Expr, Join, Query, Relation, Select, conjuncts, transform
from planner.rules.algebra import relation_aliases

_STRICT = frozenset(["=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "~~", "!~~", "~~*", "!~~*", "not"])
"""Calls that are NULL where any argument is."""


def outer_to_inner(query: Query) -> Query:
    """The query with outer joins made inner by its filters; the very same one if none can be."""
    return transform(query, _block)


def _block(node: Any) -> Any:
    if not isinstance(node, Select) or node.relation is None:
        return node
    relation = _stronger(node.relation, _required(node.where, node.relation))
    return node if relation is node.relation else replace(node, relation=relation)


def _stronger(relation: Relation, present: frozenset[str]) -> Relation:
    """The relation as it may be where rows without one of the relations `present` are dropped above it."""
    if not isinstance(relation, Join):
        return relation
    kind = relation.kind
    if kind in ("left", "full") and present & relation_aliases(relation.right):
        kind = "inner" if kind == "left" else "right"
    if kind in ("right", "full") and present & relation_aliases(relation.left):
        kind = "inner" if kind == "right" else "left"
    matched = _required(relation.condition, relation)
    # Of a side that may be missing, a row that no ON holds for is dropped; of a side that is kept, none is.
    left = present | matched if kind in ("inner", "right", "semi") else present
    right = present | matched if kind in ("inner", "left", "semi", "anti") else present
    made = _stronger(relation.left, left), _stronger(relation.right, right)
    if kind == relation.kind and made[0] is relation.left and made[1] is relation.right:
        return relation
    return Join(kind, *made, relation.condition)


def _required(condition: Expr | None, relation: Relation) -> frozenset[str]:
    """The relations without which a condition is not true."""
    aliases = relation_aliases(relation)
    if isinstance(relation, Join) and relation.kind in ("semi", "anti"):
        aliases |= relation_aliases(relation.right)
    parts = conjuncts(condition)
    return frozenset(alias for alias in aliases if any(_rejects(part, alias) for part in parts))


def _rejects(part: Expr, alias: str) -> bool:
    """Whether a condition is false or NULL where all columns of a relation are NULL."""
    if isinstance(part, Call) and part.name in ("and", "or"):
        found = [_rejects(arg, alias) for arg in part.args]
        return any(found) if part.name == "and" else all(found)
    if isinstance(part, Call) and part.name == "is not null":
        return _null(part.args[0], alias)
    return _null(part, alias)


def _null(expr: Expr, alias: str) -> bool:
    """Whether an expression is NULL where all columns of a relation are NULL."""
    if isinstance(expr, ColumnRef):
        return expr.table == alias
    if isinstance(expr, Cast):
        return _null(expr.arg, alias)
    if not isinstance(expr, Call) or expr.aggregate:
        return False
    if expr.name in ("in", "not in", "between"):
        return _null(expr.args[0], alias)
    if expr.name in ("and", "or"):
        return all(_null(arg, alias) for arg in expr.args)
    if family(expr.type) == "other":
        return False  # + joins lists, and a NULL is an empty one
    return expr.name in _STRICT and any(_null(arg, alias) for arg in expr.args)
