"""A fragment whose rows follow from those of another one of the same source is computed of them here, and never asked for.

    x0: SELECT s_nationkey, sum(x) FROM ps JOIN s … GROUP BY s_nationkey
    x1: SELECT ps_partkey, s_nationkey, sum(x) FROM ps JOIN s … GROUP BY ps_partkey, s_nationkey
        x0 becomes SELECT c1, sum(c2) FROM x1 GROUP BY c1                                        (TPC-H Q11)

The other one joins the same tables, or less of them, and has no condition that this one has not. What it does not send yet
is added to its columns where that adds no rows: a column or an aggregate; a condition that only this one has comes as a
column that says which rows meet it (Q8). A table of which EXISTS asks for one row by its whole key may as well be joined
(Q2).

Guards: inner joins of tables, each named once; no LIMIT, window or grouping set; HAVING only above what is computed here;
groups only of keys that the other one groups by, and of aggregates as planner/partial.py splits them; nothing that could
fail for a row that it would not have been asked for; no reduction by keys that would be lost (planner/reductions.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    CteRef,
    Derived,
    Exchange,
    Expr,
    Query,
    Scan,
    Select,
    conjunction,
    conjuncts,
    transform,
    walk,
)
from planner import partial
from planner.columns import columns_of, replace_nodes, wanted
from planner.cost import NOTICED, Costs
from planner.placement import Placement
from planner.plan import Fragment
from planner.reductions import Pair, Place, pairs
from planner.rules.algebra import has_subquery, may_fail
from planner.shapes import Shape, read, shape_of, within
from planner.splits import scanned

_PLACE = Exchange("?covering", -1, ())
"""Stands for the rows that a fragment is computed of."""
_AGAIN = 0.05
"""Microseconds for each row that is looked at here once more."""
_MOST = 1_000_000
"""Rows that wait here until all who read them are through, at most: answers of more should stream."""


def covered(
    local: Query, fragments: Sequence[Fragment], placement: Placement, *, keys: bool
) -> tuple[Query, tuple[Fragment, ...]]:
    """The local query and its fragments, without those that others cover. `keys`: fragments may be reduced by keys."""
    start = _Plan(local, tuple(fragments))
    found = _cheapest(start, placement, lambda _: True)
    if keys and found.covers and not found.keeps(reducible := pairs(local)):
        found = _cheapest(start, placement, lambda plan: plan.keeps(reducible))
    if not found.covers:
        return local, start.fragments
    aliases = frozenset(node.alias for node in walk(local) if isinstance(node, Exchange))
    return _numbered(found.local, found.fragments, aliases)


@dataclass(frozen=True, slots=True)
class _Cover:
    """A fragment that need not be asked for."""

    fragment: int
    by: Fragment
    """Of whose rows it is computed, with the columns that this needs."""
    block: Select
    """How: over `_PLACE`, whose columns are those of `by`."""
    saved: float
    """Microseconds."""

    def moved(self, needed: frozenset[Pair]) -> frozenset[Pair] | None:
        """Reductions by the columns that now have the keys; None if one is lost."""
        made = set()
        for place, by in needed:
            if place.fragment == self.fragment:
                continue  # its rows do not come at all
            if by.fragment == self.fragment:
                item = self.block.items[by.column]
                if self.block.where is not None or self.block.having is not None or not isinstance(item, ColumnRef):
                    return None  # its few keys restrict others: among more rows there are more
                by = Place(self.by.id, int(item.column[1:]))
                if by == place:
                    continue  # rows that have a value have it
                if by.fragment == place.fragment:
                    return None
            made.add((place, by))
        return frozenset(made)

    def read(self, local: Query) -> Query:
        """The local query, computing the fragment."""
        types = tuple(column.type for column in self.by.read.columns)

        def change(node: Any) -> Any:
            if isinstance(node, Exchange) and node.fragment == self.fragment:
                inner = Exchange(f"{node.alias}of", self.by.id, types)
                return Derived(node.alias, _over(self.block, inner))
            return replace(node, types=types) if isinstance(node, Exchange) and node.fragment == self.by.id else node

        return transform(local, change)


def _over(block: Select, exchange: Exchange) -> Select:
    """A block over `_PLACE`, reading an exchange."""
    columns = columns_of(exchange)

    def change(node: Any) -> Any:
        read = isinstance(node, ColumnRef) and node.table == _PLACE.alias
        return columns[int(node.column[1:])] if read else exchange if node == _PLACE else node

    made: Select = transform(block, change)
    return made


@dataclass(frozen=True, slots=True)
class _Plan:
    """A local query and its fragments, after some were found to be covered."""

    local: Query
    fragments: tuple[Fragment, ...]
    covers: tuple[_Cover, ...] = ()

    def after(self, cover: _Cover) -> _Plan:
        kept = (cover.by if one.id == cover.by.id else one for one in self.fragments if one.id != cover.fragment)
        return _Plan(cover.read(self.local), tuple(kept), (*self.covers, cover))

    def keeps(self, needed: frozenset[Pair]) -> bool:
        """Whether keys may still leave away of the fragments all that they could before."""
        for cover in self.covers:
            moved = cover.moved(needed)
            if moved is None:
                return False
            needed = moved
        return needed <= pairs(self.local)


def _cheapest(plan: _Plan, placement: Placement, allowed: Callable[[_Plan], bool]) -> _Plan:
    """The plan without covered fragments, those first that save most."""
    while True:
        covers = sorted(_covers(plan.fragments, placement), key=lambda cover: -cover.saved)
        better = next((made for cover in covers if allowed(made := plan.after(cover))), None)
        if better is None:
            return plan
        plan = better


def _covers(fragments: Sequence[Fragment], placement: Placement) -> Iterator[_Cover]:
    """The fragments that others cover, where that is worth it."""
    reads = {one.id: read(one.query) for one in fragments}
    shape = cache(lambda number: next(shape_of(one.query) for one in fragments if one.id == number))
    for one, other in permutations(fragments, 2):
        if one.source != other.source or not reads[other.id] <= reads[one.id]:
            continue
        asked, sent = shape(one.id), shape(other.id)
        if asked is not None and sent is not None and (made := _made(one, asked, other, sent, placement)) is not None:
            yield made


# ---------------------------------------------------------------- how it is computed


def _made(one: Fragment, asked: Shape, other: Fragment, sent: Shape, placement: Placement) -> _Cover | None:
    """The first fragment computed of the second; None where that is not exact, or not worth it."""
    found = within(asked, sent)
    if found is None or sent.query.having is not None:
        return None
    block = replace(found.query, relation=_PLACE, where=conjunction(found.conditions))
    if sent.query.group is None and not sent.query.distinct:
        inside = (node for node in walk(found.conditions) if isinstance(node, Scan))
        scans = (*map(found.wider, sent.tables.values()), *inside)
        source, aliases = placement.sources[one.source], sent.aliases
        made = _of_rows(block, sent, lambda part: placement.computes(part, source, scans, aliases))
    else:
        made = _of_groups(block, sent)
    if made is None or any(isinstance(node, (Scan, CteRef)) for node in walk(made[0])):
        return None
    block, added = made
    by = _widened(other, added, found, placement) if added else other
    saved = 0.0 if by is None else _saved(one, other, by, placement, filtered=block.where is not None)
    return _Cover(one.id, by, block, saved) if by is not None and saved > 0 else None


def _of_rows(block: Select, sent: Shape, computes: Callable[[Expr], bool]) -> tuple[Select, tuple[Expr, ...]] | None:
    """A block over the rows that the other fragment sends one by one, and the columns that it has to add."""
    items = list(sent.query.items)
    block = replace_nodes(
        block, {column: other for column, other in sent.equal() if column not in items and other in items}
    )
    for part in conjuncts(block.where):
        if has_subquery(part) or not _columns(part) <= set(items):
            if may_fail(part) or not computes(part):
                return None
            items.append(part)
    made = _placed(block, items)
    items += sorted(_columns(made) - {*map(_place, range(len(items)), items)}, key=repr)
    return _placed(made, items), tuple(items[len(sent.query.items) :])


def _of_groups(block: Select, sent: Shape) -> tuple[Select, tuple[Expr, ...]] | None:
    """A block over the groups that the other fragment sends, and the columns that it has to add."""
    group, items = sent.query.group, sent.query.items
    if (block.group is None and not block.distinct) or (group == () and block.group != ()):
        return None
    among = frozenset(items if group is None else group)
    values: tuple[Call, ...] = ()
    if block.group is None:
        found = None
        keys = wanted(block, sent.aliases, among.__contains__)
    else:
        found = partial.split(block, sent.aliases, among.__contains__)
        if found is None:
            return None
        keys, values = found.keys, found.values
    added = tuple(part for part in dict.fromkeys((*keys, *values)) if part not in items)
    if not among.issuperset(keys) or (added and group is None):
        return None
    places = {item: _place(number, item) for number, item in enumerate((*items, *added))}
    columns = tuple(places[part] for part in (*keys, *values))
    return replace_nodes(block, dict(zip(keys, columns, strict=True))) if found is None else found.received(
        columns
    ), added


def _columns(node: Any) -> set[Expr]:
    return {part for part in walk(node) if isinstance(part, ColumnRef)}


def _place(number: int, item: Expr) -> ColumnRef:
    return ColumnRef(_PLACE.alias, f"c{number}", item.type)


def _placed(block: Select, items: Sequence[Expr]) -> Select:
    """A block that reads items as columns of `_PLACE`."""
    known = {item: _place(number, item) for number, item in enumerate(items) if not isinstance(item, Constant)}
    made: Select = replace_nodes(block, known)
    return made


def _widened(other: Fragment, added: tuple[Expr, ...], asked: Shape, placement: Placement) -> Fragment | None:
    """A fragment with more columns; None if its source cannot compute them."""

    def change(node: Any) -> Any:
        return asked.wider(node) if isinstance(node, Scan) else node

    assert isinstance(other.query, Select)
    query = replace(other.query, items=(*other.query.items, *added))
    query = replace(query, relation=transform(query.relation, change))
    found = placement.read(query, quiet=True)
    return None if found is None else replace(other, query=query, read=found[1])


def _saved(one: Fragment, other: Fragment, by: Fragment, placement: Placement, *, filtered: bool) -> float:
    """Microseconds that are saved if a fragment is not asked for, and another has more columns therefore."""
    costs, speed = Costs(placement.statistics), placement.sources[one.source].speed

    def spent(fragment: Fragment) -> float:
        return costs.read(fragment.query, float(fragment.estimate or 0), speed)

    if (other.estimate or 0) > _MOST:
        return 0.0
    if scanned(other.query) is not None and scanned(by.query) is None and spent(other) > NOTICED:
        return 0.0  # it may be read in parts, which the other may not
    again = _AGAIN * float(other.estimate or 0) if filtered else 0.0
    return spent(one) + spent(other) - spent(by) - again


def _numbered(
    local: Query, fragments: Sequence[Fragment], before: frozenset[str]
) -> tuple[Query, tuple[Fragment, ...]]:
    """The same with the fragments numbered from 0, exchanges called after them, and what were exchanges before, y."""
    numbers = {fragment.id: number for number, fragment in enumerate(fragments)}
    uses = Counter[int]()
    names: dict[str, str] = {}
    for node in walk(local):
        if isinstance(node, Exchange):
            number = numbers[node.fragment]
            names[node.alias] = f"x{number}u{uses[number]}" if uses[number] else f"x{number}"
            uses[number] += 1
        elif isinstance(node, Derived) and node.alias in before:
            names[node.alias] = f"y{node.alias[1:]}"

    def change(node: Any) -> Any:
        if isinstance(node, ColumnRef):
            return replace(node, table=names[node.table]) if node.table in names else node
        if not isinstance(node, (Exchange, Derived)) or node.alias not in names:
            return node
        named = replace(node, alias=names[node.alias])
        return replace(named, fragment=numbers[named.fragment]) if isinstance(named, Exchange) else named

    made: Query = transform(local, change)
    return made, tuple(replace(fragment, id=numbers[fragment.id]) for fragment in fragments)
