"""a SEMI JOIN b ON c  ->  a WHERE EXISTS (FROM b WHERE c); ANTI JOIN likewise with NOT EXISTS.

Guards:
- not below an outer join: its filter could not stand in the block's WHERE
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    Constant,
    Expr,
    Join,
    Query,
    Relation,
    Select,
    Subquery,
    conjunction,
    conjuncts,
    transform,
)


def semi_to_exists(query: Query) -> Query:
    """The query with semi and anti joins as filters; the very same one if there are none."""
    made: Query = transform(query, _block)
    return made


def _block(node: Any) -> Any:
    if not isinstance(node, Select) or node.relation is None:
        return node
    filters: list[Expr] = []
    relation = _kept(node.relation, filters)
    if relation is node.relation:
        return node
    return replace(node, relation=relation, where=conjunction([*conjuncts(node.where), *filters]))


def _kept(relation: Relation, filters: list[Expr]) -> Relation:
    if not isinstance(relation, Join):
        return relation
    if relation.kind == "inner":
        left, right = _kept(relation.left, filters), _kept(relation.right, filters)
        unchanged = left is relation.left and right is relation.right
        return relation if unchanged else replace(relation, left=left, right=right)
    if relation.kind in ("semi", "anti"):
        matches = Select((Constant("1", "INTEGER"),), relation.right, relation.condition)
        exists = Subquery("exists", matches, "BOOLEAN")
        filters.append(exists if relation.kind == "semi" else Call("not", (exists,), "BOOLEAN"))
        return _kept(relation.left, filters)
    return relation
