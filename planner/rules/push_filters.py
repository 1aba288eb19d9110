"""Move a filter into the derived table that it reads: through a projection, below DISTINCT, a grouping or a window, into
both sides of a set operation; and a filter of ON into the side that it alone chooses the matches of.

A filter over an aggregate becomes HAVING.

Guards:
- not below LIMIT
- not below a window but by its partition
- not into the side of a left join that may be missing
- not into either side of a full join
- not below grouping sets
- not below a grouping without keys
- not a volatile filter
- not a filter with a subquery
- not through a volatile column
- not by floating point below what makes equal values one
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    ColumnRef,
    Constant,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Select,
    SetOp,
    Window,
    conjunction,
    conjuncts,
    rebuild,
    walk,
)
from planner.columns import groupable
from planner.rules.algebra import has_aggregate, has_subquery, movable, substitute, tables_of


def push_filters(query: Query) -> Query:
    """The query with filters moved down as far as they go; the very same one if none moves."""
    made: Query = _visit(query)
    return made


def _visit(node: Any) -> Any:
    if isinstance(node, Select) and node.relation is not None and node.where is not None:
        node = _block(node)
    if isinstance(node, Join) and node.condition is not None:
        node = _on(node)
    return rebuild(node, _visit)


def _on(node: Join) -> Join:
    """A join with conditions of its ON inside the side that may be missing."""
    name = {"left": "right", "right": "left", "semi": "right", "anti": "right"}.get(node.kind)
    if name is None:
        return node
    side: Relation = getattr(node, name)
    kept: list[Expr] = []
    for part in conjuncts(node.condition):
        moved = _into(side, part) if movable(part) and not has_subquery(part) else None
        if moved is None:
            kept.append(part)
        else:
            side = moved
    if side is getattr(node, name):
        return node
    condition = conjunction(kept) or Constant("true", "BOOLEAN")
    return replace(node, condition=condition, **{name: side})  # type: ignore[arg-type]


def _block(node: Select) -> Select:
    kept: list[Expr] = []
    relation = node.relation
    assert relation is not None
    for part in conjuncts(node.where):
        moved = _into(relation, part) if movable(part) and not has_subquery(part) else None
        if moved is None:
            kept.append(part)
        else:
            relation = moved
    if relation is node.relation:
        return node
    return replace(node, relation=relation, where=conjunction(kept))


def _into(relation: Relation, part: Expr) -> Relation | None:
    """The relation filtered by `part` further down; None if it cannot take it."""
    tables = tables_of(part)
    if len(tables) != 1:
        return None
    if isinstance(relation, Join):
        sides = {"inner": ("left", "right"), "right": ("right",), "full": ()}.get(relation.kind, ("left",))
        for side in sides:
            moved = _into(getattr(relation, side), part)
            if moved is not None:
                return replace(relation, **{side: moved})  # type: ignore[arg-type]
        return None
    if isinstance(relation, Derived) and not relation.lateral and tables == {relation.alias}:
        query = filtered(relation.query, relation.alias, part)
        return None if query is None else replace(relation, query=query)
    return None


def filtered(query: Query, alias: str, part: Expr) -> Query | None:
    """The query with a filter over its output columns (as alias.c0 …) inside it; None where that is not safe."""
    if isinstance(query, SetOp) and query.limit is None and query.offset is None:
        if not (query.all and query.op == "union") and not groupable(tuple(_columns(part))):
            return None
        left, right = filtered(query.left, alias, part), filtered(query.right, alias, part)
        return None if left is None or right is None else replace(query, left=left, right=right)
    if not isinstance(query, Select) or query.limit is not None or query.offset is not None:
        return None
    if query.relation is None or query.qualify is not None:
        return None
    used = {node.column: query.items[int(node.column[1:])] for node in _columns(part) if node.table == alias}
    if any(has_subquery(item) or not (movable(item) or has_aggregate(item)) for item in used.values()):
        return None
    windows = [node for node in _nodes(query) if isinstance(node, Window)]
    if any(item not in window.partition for window in windows for item in used.values()):
        return None
    if (windows or query.distinct or query.group) and not groupable(tuple(used.values())):
        return None  # it might tell -0.0 from 0.0, which are one group
    moved: Expr = substitute(part, {(alias, name): item for name, item in used.items()})
    if query.group is None:
        return replace(query, where=conjunction([*conjuncts(query.where), moved]))
    if query.sets is not None or not query.group:
        return None
    if has_aggregate(moved):
        return replace(query, having=conjunction([*conjuncts(query.having), moved]))
    if all(item in query.group or isinstance(item, Constant) for item in used.values()):
        return replace(query, where=conjunction([*conjuncts(query.where), moved]))
    return None


def _nodes(query: Select) -> list[Any]:
    """All that is computed beside a block's WHERE and GROUP."""
    return list(walk((*query.items, *query.order)))


def _columns(node: Any) -> list[ColumnRef]:
    return [part for part in walk(node) if isinstance(part, ColumnRef)]
