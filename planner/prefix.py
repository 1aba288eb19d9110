"""The longest prefix of a block's stages that one source runs: FROM and WHERE, GROUP and HAVING, windows, DISTINCT, ORDER."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    Constant,
    Expr,
    Query,
    Select,
    Sort,
    Subquery,
    Window,
    children,
    conjunction,
    conjuncts,
)
from planner.averages import average
from planner.columns import columns_of, mapping_of, replace_nodes
from planner.partial import sum_type
from planner.plan import SourceInfo
from planner.rules.algebra import has_window
from watersmeet.spi import Read

if TYPE_CHECKING:
    from planner.fragment import Cutter


def cut(cutter: Cutter, block: Select) -> Query | None:
    """The block over a fragment with all of its stages but the last ones; None if no source can run its GROUP BY or items."""
    for attempt in (_before_order, _before_distinct, _grouped):
        made = attempt(cutter, block)
        if made is not None:
            return made
    return None


def top(cutter: Cutter, block: Select, query: Select) -> Select:
    """The query with ORDER BY and LIMIT where the source can send the first rows only; here they run again."""
    limit = rows_wanted(block.limit, block.offset)
    plain = block.group is None and block.qualify is None and not block.distinct
    if limit is None or not plain or any(map(has_window, (*block.items, *block.order))):
        return query
    better = replace(query, order=block.order, limit=limit)
    return better if cutter.placement.read(better) is not None else query


def rows_wanted(limit: Expr | None, offset: Expr | None) -> Constant | None:
    """How many first rows LIMIT and OFFSET together need; None if that is not known."""
    if not isinstance(limit, Constant) or limit.text is None:
        return None
    if offset is None:
        return limit
    if not isinstance(offset, Constant) or offset.text is None:
        return None
    return Constant(str(int(limit.text) + int(offset.text)), "BIGINT")


# ---------------------------------------------------------------- all items at the source


def _before_order(cutter: Cutter, block: Select) -> Query | None:
    """All but ORDER BY and LIMIT at the source."""
    if not block.order and block.limit is None and block.offset is None:
        return None
    return _items_at_source(cutter, block, distinct=block.distinct)


def _before_distinct(cutter: Cutter, block: Select) -> Query | None:
    """All but DISTINCT, ORDER BY and LIMIT at the source."""
    return _items_at_source(cutter, block, distinct=False) if block.distinct else None


def _items_at_source(cutter: Cutter, block: Select, *, distinct: bool) -> Query | None:
    keys = tuple(key.expr for key in block.order)
    if block.distinct and not all(key in block.items for key in keys):
        return None
    items = tuple(dict.fromkeys((*block.items, *keys)))
    below = replace(block, items=items, distinct=distinct, order=(), limit=None, offset=None)
    found = cutter.placement.read(below)
    if found is None or not cutter.fits(below, found[0]):
        return None
    exchange = cutter.exchange(below, *found)
    columns = dict(zip(items, columns_of(exchange), strict=True))
    order = tuple(Sort(columns[key.expr], key.descending, key.nulls_first) for key in block.order)
    return Select(
        tuple(columns[item] for item in block.items),
        exchange,
        distinct=block.distinct and not distinct,
        order=order,
        limit=block.limit,
        offset=block.offset,
    )


# ---------------------------------------------------------------- groups at the source


def _grouped(cutter: Cutter, block: Select) -> Query | None:
    """FROM, WHERE, GROUP and what of HAVING is exact at the source; all above the grouping here."""
    if block.group is None:
        return None
    atoms = _Atoms()
    for node in (*block.items, block.having, block.qualify, *block.order):
        if node is not None:
            atoms.collect(node, block.group)
    items = tuple(dict.fromkeys((*block.group, *atoms.calls))) or (Constant("1", "INTEGER"),)
    below = Select(items, block.relation, block.where, block.group, block.sets)
    if (found := cutter.placement.read(below)) is None or not cutter.fits(below, found[0]):
        return None
    kept: list[Expr] = list(conjuncts(block.having))
    pushed: list[Expr] = []
    for part in list(kept):
        better = cutter.placement.read(replace(below, having=conjunction([*pushed, part])))
        if better is not None:
            found = better
            pushed.append(part)
            kept.remove(part)
    below = replace(below, having=conjunction(pushed))
    if not kept:
        below, found = _first_groups(cutter, block, below, found)
    exchange = cutter.exchange(below, *found)
    listed = [(item, column) for item, column in zip(items, columns_of(exchange), strict=True) if not _fixed(item)]
    columns = mapping_of(tuple(item for item, _ in listed), tuple(column for _, column in listed))
    rest = Select(
        block.items,
        exchange,
        None,
        qualify=block.qualify,
        distinct=block.distinct,
        order=block.order,
        limit=block.limit,
        offset=block.offset,
    )
    for call in atoms.averages:
        sums, counts = columns[_sum(call)], columns[_count(call)]
        columns[call] = average(call, sums, counts)
    made = replace_nodes(rest, columns)
    where = tuple(replace_nodes(part, columns) for part in kept)
    finished: Query = cutter.subqueries(replace(made, where=conjunction(where)))
    return finished


def _first_groups(
    cutter: Cutter, block: Select, below: Select, found: tuple[SourceInfo, Read]
) -> tuple[Select, tuple[SourceInfo, Read]]:
    """With ORDER BY … LIMIT over exact keys, the source need only send the first groups."""
    limit = rows_wanted(block.limit, block.offset)
    if limit is None or block.qualify is not None or block.distinct or any(map(has_window, block.items)):
        return below, found
    first = replace(below, order=block.order, limit=limit)
    better = cutter.placement.read(first)
    return (first, better) if better is not None else (below, found)


def _fixed(item: Expr) -> bool:
    return isinstance(item, Constant)


@dataclass(slots=True)
class _Atoms:
    """What the stages above a grouping read: group keys and aggregates."""

    calls: list[Expr] = field(default_factory=list)
    averages: list[Call] = field(default_factory=list)

    def collect(self, node: Any, keys: tuple[Expr, ...]) -> None:
        if node in keys:
            return
        if isinstance(node, Call) and node.aggregate:
            if node.name == "avg" and family(node.args[0].type) in ("int", "decimal"):
                self.averages.append(node)
                self.calls += [_sum(node), _count(node)]
            else:
                self.calls.append(node)
            return
        if isinstance(node, Window):
            for part in (*node.call.args, *node.partition, *node.order, node.call.filter):
                if part is not None:
                    self.collect(part, keys)
            return
        if isinstance(node, Subquery):
            if node.arg is not None:
                self.collect(node.arg, keys)
            return
        for child in children(node):
            self.collect(child, keys)


def _sum(call: Call) -> Call:
    return replace(call, name="sum", type=sum_type(call.args[0].type))


def _count(call: Call) -> Call:
    return replace(call, name="count", type="BIGINT")
