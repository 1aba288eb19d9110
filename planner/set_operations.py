"""Set operations across sources: arms of one source go there together, and each arm sends no more rows than are needed.

UNION is associative and commutative, so its arms may be grouped by source. With ORDER BY and LIMIT above a UNION ALL each arm
sends its own first rows. Where repeated rows do not count, arms send each row once. A grouping above a UNION ALL is done
in the arms first (planner/partial.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.sqlgen.tree import (
    ColumnRef,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Select,
    SetOp,
    Sort,
    walk,
)
from planner import partial
from planner.columns import replace_nodes
from planner.prefix import rows_wanted
from planner.rules.algebra import has_subquery, movable

if TYPE_CHECKING:
    from planner.fragment import Cutter


def cut(cutter: Cutter, node: SetOp, *, unique: bool) -> Query:
    """A set operation that no source can answer whole, its arms cut."""
    once = not node.all or (unique and node.op == "union" and node.limit is None and node.offset is None)
    if node.op != "union":
        left, right = cutter.cut(node.left, unique=once), cutter.cut(node.right, unique=once)
        return replace(node, left=left, right=right)
    arms = _by_source(cutter, _first_rows(cutter, node, _arms(node)), node) if cutter.pushdown else _arms(node)
    made = [cutter.cut(arm, unique=once) for arm in arms]
    joined = _chained(made, node)
    if isinstance(joined, SetOp):
        return replace(joined, order=node.order, limit=node.limit, offset=node.offset)
    return joined


def _arms(node: SetOp) -> list[Query]:
    """The arms of nested unions of the same kind."""
    arms: list[Query] = []
    for side in (node.left, node.right):
        same = isinstance(side, SetOp) and (side.op, side.all) == (node.op, node.all)
        plain = isinstance(side, SetOp) and not side.order and side.limit is None and side.offset is None
        arms += _arms(side) if isinstance(side, SetOp) and same and plain else [side]
    return arms


def _chained(arms: list[Query], node: SetOp) -> Query:
    made = arms[0]
    for arm in arms[1:]:
        made = SetOp(node.op, node.all, made, arm, node.types)
    return made


def _by_source(cutter: Cutter, arms: list[Query], node: SetOp) -> list[Query]:
    """The arms, those that one source can answer together made one; never all of them: that is what was just refused."""
    sources = [found[0].name if (found := cutter.placement.read(arm)) is not None else None for arm in arms]
    made: list[Query] = []
    done: set[str] = set()
    for arm, source in zip(arms, sources, strict=True):
        if source in done:
            continue
        together = [other for other, its in zip(arms, sources, strict=True) if its == source]
        if source is None or len(together) in (1, len(arms)):
            made.append(arm)
            continue
        chained = _chained(together, node)
        if cutter.placement.read(chained) is None:
            made.append(arm)
            continue
        done.add(source)
        made.append(chained)
    return made


def _first_rows(cutter: Cutter, node: SetOp, arms: list[Query]) -> list[Query]:
    """With ORDER BY and LIMIT above a UNION ALL, the arms with the same."""
    limit = rows_wanted(node.limit, node.offset)
    if limit is None or not node.all:
        return arms
    made: list[Query] = []
    for arm in arms:
        better = arm
        if isinstance(arm, Select) and not arm.order and arm.limit is None and arm.offset is None:
            order = tuple(
                Sort(arm.items[int(key.expr.column[1:])], key.descending, key.nulls_first)
                for key in node.order
                if isinstance(key.expr, ColumnRef)
            )
            better = replace(arm, order=order, limit=limit)
            if cutter.placement.read(better) is None:
                better = arm
        made.append(better)
    return made


# ---------------------------------------------------------------- a grouping above UNION ALL


def aggregated(cutter: Cutter, block: Select) -> Select:
    """The block with a UNION ALL in its FROM whose arms are grouped first, where that is worth it; or the very same one."""
    if block.group is None or block.relation is None:
        return block
    for derived, missing in _unions(block.relation, missing=False):
        made = _over(cutter, block, derived, missing)
        if made is not None:
            return made
    return block


def _unions(relation: Relation, *, missing: bool) -> list[tuple[Derived, bool]]:
    """The UNION ALLs in a FROM, and whether an outer join may leave them out."""
    if isinstance(relation, Join):
        if relation.kind not in ("inner", "left", "right"):
            return []
        left = _unions(relation.left, missing=missing or relation.kind == "right")
        return left + _unions(relation.right, missing=missing or relation.kind == "left")
    if isinstance(relation, Derived) and not relation.lateral and isinstance(relation.query, SetOp):
        node = relation.query
        plain = node.op == "union" and node.all and node.limit is None and node.offset is None
        return [(relation, missing)] if plain else []
    return []


def _over(cutter: Cutter, block: Select, derived: Derived, missing: bool) -> Select | None:
    node = derived.query
    assert isinstance(node, SetOp)
    alias = derived.alias
    found = partial.split(
        block,
        frozenset([alias]),
        lambda expr: movable(expr) and not has_subquery(expr) and _only(expr, alias),
        missing=missing,
    )
    if found is None:
        return None
    statistics = cutter.placement.statistics
    arms: list[Query] = []
    worth = False
    for arm in _arms(node):
        grouped = partial.below(found.keys, found.values, Select((), Derived(alias, arm)))
        where = cutter.placement.read(grouped, quiet=True)
        if where is None:
            return None
        rows = statistics.joined([Derived(alias, arm)], ())
        worth = worth or cutter.groups_there(rows, found.keys, (*found.keys, *found.values), where[0])
        arms.append(grouped)
    if not worth:
        return None
    types = tuple(expr.type for expr in (*found.keys, *found.values)) or ("INTEGER",)
    union = _chained(arms, replace(node, types=types, order=()))
    columns = tuple(ColumnRef(alias, f"c{i}", type_) for i, type_ in enumerate(types))
    made = found.received(columns[: len(found.keys) + len(found.values)])
    return replace_nodes(made, {derived: Derived(alias, union)})  # type: ignore[no-any-return]


def _only(expr: Expr, alias: str) -> bool:
    return all(part.table == alias for part in walk(expr) if isinstance(part, ColumnRef))
