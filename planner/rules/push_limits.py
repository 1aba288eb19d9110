"""FROM a LEFT JOIN b … ORDER BY a.x LIMIT n  ->  FROM (SELECT … FROM a ORDER BY a.x LIMIT n) LEFT JOIN b … ORDER BY … LIMIT n.

Each row of the kept side comes out at least once, so the first rows above come of the first rows of that side. The
LIMIT above stays, and counts with OFFSET for the one below.

Guards:
- not within one source: it answers the query as it is written
- not below an inner join
- not below WHERE
- not where the order reads the other side
- not below a grouping, a window or DISTINCT
- not a limit that is no number
- not a volatile order
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
    Values,
    transform,
    walk,
)
from planner.rules.algebra import free, has_subquery, has_window, movable, relation_aliases, sources_of, substitute


def push_limits(query: Query) -> Query:
    """The query with limits on the kept sides of outer joins; the very same one if there are none."""
    return transform(query, _block)


def _block(node: Any) -> Any:
    if not isinstance(node, Select) or not _plain(node):
        return node
    count = _count(node.limit, node.offset)
    kept = _kept(node.relation)
    if count is None or kept is None or _limited(kept) or len(sources_of(node.relation)) < 2:
        return node
    aliases = relation_aliases(kept)
    if any(not free(key.expr) <= aliases or not movable(key.expr) or has_subquery(key.expr) for key in node.order):
        return node
    above: Select = replace(node, relation=_replaced(node.relation, Values("", (), ())))
    read = {(part.table, part.column): part for part in walk(above) if isinstance(part, ColumnRef)}
    columns = tuple(column for column in read.values() if column.table in aliases)
    below = Select(columns or (Constant("1", "INTEGER"),), kept, order=node.order, limit=count)
    derived = Derived(f"l{min(aliases)}", below)
    mapping: dict[tuple[str, str], Expr] = {
        (column.table, column.column): ColumnRef(derived.alias, f"c{i}", column.type, column.nullable)
        for i, column in enumerate(columns)
    }
    made: Select = substitute(above, mapping)
    return replace(made, relation=_replaced(made.relation, derived))


def _plain(node: Select) -> bool:
    windows = any(map(has_window, (*node.items, *(key.expr for key in node.order))))
    return node.where is None and node.group is None and node.qualify is None and not node.distinct and not windows


def _count(limit: Expr | None, offset: Expr | None) -> Constant | None:
    """The number of rows that LIMIT and OFFSET read; None if that is not known."""
    parts = [part for part in (limit, offset) if part is not None]
    if limit is None or not all(isinstance(part, Constant) and (part.text or "").isdigit() for part in parts):
        return None
    return Constant(str(sum(int(part.text or "") for part in parts if isinstance(part, Constant))), "BIGINT")


def _kept(relation: Relation | None) -> Relation | None:
    """The relation each of whose rows comes out of a tree of outer joins; None if there is none."""
    if not isinstance(relation, Join) or relation.kind not in ("left", "right"):
        return None
    side = relation.left if relation.kind == "left" else relation.right
    return _kept(side) if isinstance(side, Join) and side.kind in ("left", "right") else side


def _replaced(relation: Relation | None, new: Relation) -> Relation:
    """A tree of outer joins with another relation as its kept side."""
    if not isinstance(relation, Join) or relation.kind not in ("left", "right"):
        return new
    side = "left" if relation.kind == "left" else "right"
    return replace(relation, **{side: _replaced(getattr(relation, side), new)})  # type: ignore[arg-type]


def _limited(relation: Relation) -> bool:
    return isinstance(relation, Derived) and isinstance(relation.query, Select) and relation.query.limit is not None
