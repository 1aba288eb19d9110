"""x < (SELECT avg(b.y) FROM b WHERE b.k = a.k)  ->  a LEFT JOIN (SELECT k, avg(y) FROM b GROUP BY k) ON …, x < its column.

Where the two are in different sources, each group comes as one row instead of every row of b (TPC-H Q2, Q17, Q20).
No row is lost or repeated: the derived table has one row for each key. A missing group is an empty one: count is 0 of
it, the other aggregates NULL. Of b only groups are needed whose key passes the filters of a table of a that asks
for it; where one source has both tables, it can say so.

What multiplies an aggregate to a DOUBLE is computed with the group, so that its source can compare with it.

Guards:
- not within one source: it answers the subquery as it is written
- not where something else than an equality connects the two
- not keys that are computed: computing them could fail for a row that was never asked for
- not aggregates whose value over no rows is their own
- not a subquery with HAVING, ORDER BY or LIMIT
- not above a grouping
- not a volatile subquery
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Scan,
    Select,
    Subquery,
    boolean,
    children,
    conjunction,
    conjuncts,
    rebuild,
    transform,
    walk,
)
from planner.rules.algebra import (
    free,
    has_subquery,
    inner_parts,
    is_volatile,
    may_fail,
    movable,
    relation_aliases,
    sources_of,
)

_COUNTS = frozenset(["count", "count_star"])
_AGGREGATES = _COUNTS | {"sum", "avg", "min", "max", "bool_and", "bool_or"}
"""Aggregates that are 0 (the counts) or NULL of no rows, and that cannot fail for a group that nobody reads."""


_ROW = Select(())


def decorrelate(query: Query) -> Query:
    """The query with correlated aggregates joined; the very same one if there are none."""
    return transform(query, _block)


def _block(node: Any) -> Any:
    if not isinstance(node, Select) or node.relation is None:
        return node
    ours = relation_aliases(node.relation)
    relation: Relation = node.relation
    made: dict[Subquery, Expr] = {}
    rows = replace(node, relation=None) if node.group is None else replace(_ROW, where=node.where)
    asked = _filtered(node.relation, conjuncts(node.where))
    for part in _scalars(rows):
        if part in made or len(sources_of(node.relation) | sources_of(part)) < 2:
            continue
        grouped = _grouped(part, ours, asked)
        if grouped is not None:
            derived, condition, value = grouped
            relation = Join("left", relation, derived, condition)
            made[part] = value
    if not made:
        return node

    def swapped(part: Any) -> Any:
        if isinstance(part, Subquery):
            return made.get(part, part)
        return rebuild(part, swapped)

    made_rows: Select = rebuild(rows, swapped)
    if node.group is not None:
        return replace(node, relation=relation, where=made_rows.where)
    return replace(made_rows, relation=relation)


def _scalars(node: Any) -> list[Subquery]:
    """The scalar subqueries of a block's own expressions."""
    if isinstance(node, Subquery):
        return [node] if node.kind == "scalar" else []
    return [found for child in children(node) for found in _scalars(child)]


def _filtered(relation: Relation, conditions: Sequence[Expr]) -> dict[str, Select]:
    """The tables that a block joins and filters, by their alias: their rows that can reach the answer."""
    parts = list(conditions)
    scans = [part for part in inner_parts(relation, parts) if isinstance(part, Scan)]
    plain = [part for part in parts if movable(part) and not has_subquery(part)]
    own = {scan: [part for part in plain if free(part) == {scan.alias}] for scan in scans}
    return {scan.alias: Select((), scan, conjunction(filters)) for scan, filters in own.items() if filters}


def _among(
    query: Select, pairs: Sequence[tuple[Expr, Expr]], asked: Mapping[str, Select], alias: str
) -> Iterator[Expr]:
    """That a key is one of those that the block asks for, where one source knows both."""
    for key, outer in pairs:
        rows = asked.get(outer.table) if isinstance(outer, ColumnRef) else None
        if rows is None or sources_of(rows) != _held(query, key):
            continue
        assert isinstance(rows.relation, Scan) and isinstance(outer, ColumnRef)
        name, ours = f"{alias}{outer.table}", outer.table

        def renamed(node: Any, name: str = name, ours: str = ours) -> Any:
            return (
                replace(node, table=name)
                if isinstance(node, ColumnRef) and node.table == ours
                else rebuild(node, renamed)
            )

        filters = [renamed(part) for part in conjuncts(rows.where)]
        among = conjunction([boolean("=", renamed(outer), key), *filters])
        scan = replace(rows.relation, alias=name)
        yield Subquery("exists", Select((Constant("1", "INTEGER"),), scan, among), "BOOLEAN")


def _grouped(part: Subquery, ours: frozenset[str], asked: Mapping[str, Select]) -> tuple[Derived, Expr, Expr] | None:
    """(the derived table, what joins it, what stands for the subquery); None where they would not be the same."""
    query = part.query
    if not isinstance(query, Select) or not _plain(query) or not free(query) or not free(query) <= ours:
        return None
    assert query.relation is not None
    inside = relation_aliases(query.relation)
    if free(query.relation) or is_volatile(query):
        return None
    kept: list[Expr] = []
    pairs: list[tuple[Expr, Expr]] = []
    for condition in conjuncts(query.where):
        if not free(condition) & ours:
            kept.append(condition)
            continue
        pair = _pair(condition, inside, ours)
        if pair is None:
            return None
        pairs.append(pair)
    calls = _aggregates(query.items[0])
    if not pairs or calls is None or any(free(call) & ours for call in calls):
        return None
    alias = f"g{min(inside)}"
    value = query.items[0]
    computed = (value,) if _of_group(value) else calls
    items = tuple(dict.fromkeys([*(key for key, _ in pairs), *computed]))
    columns = {item: ColumnRef(alias, f"c{i}", item.type) for i, item in enumerate(items)}
    keys = tuple(dict.fromkeys(key for key, _ in pairs))
    kept += _among(query, pairs, asked, alias)
    derived = Derived(alias, Select(items, query.relation, conjunction(kept), group=keys))

    def read(node: Any) -> Any:
        if node is value and computed == (value,):
            return columns[node]
        if isinstance(node, Call) and node.aggregate:
            if node.name in _COUNTS:
                return Call("coalesce", (columns[node], Constant("0", node.type)), node.type)
            return columns[node]
        return rebuild(node, read)

    joined = conjunction([boolean("=", columns[key], outer) for key, outer in pairs])
    assert joined is not None
    return derived, joined, read(value)


def _held(query: Select, key: Expr) -> frozenset[str]:
    """The source of the table that a key is of."""
    scans = tuple(node for node in walk(query.relation) if isinstance(node, Scan))
    return sources_of(tuple(scan for scan in scans if free(key) == {scan.alias}))


def _plain(query: Select) -> bool:
    """Whether a query is one row of aggregates over all of its rows."""
    return (
        query.relation is not None
        and query.group == ()
        and query.sets is None
        and query.having is None
        and query.qualify is None
        and not query.order
        and query.limit is None
        and query.offset is None
    )


def _pair(condition: Expr, inside: frozenset[str], ours: frozenset[str]) -> tuple[Expr, Expr] | None:
    """(key inside, expression outside) of an equality between the two."""
    if not isinstance(condition, Call) or condition.name != "=" or has_subquery(condition):
        return None
    for key, outer in (condition.args, condition.args[::-1]):
        if free(key) <= inside and free(outer) <= ours and _safe(key):
            return key, outer
    return None


def _safe(key: Expr) -> bool:
    """Whether a key is a column, or one that was only widened."""
    if isinstance(key, Cast):
        return isinstance(key.arg, ColumnRef) and {family(key.type), family(key.arg.type)} == {"int"}
    return isinstance(key, ColumnRef)


def _of_group(value: Expr) -> bool:
    """Whether a value can be computed with its group: it is NULL of a missing one, too, and fails for none."""
    if isinstance(value, Call) and value.aggregate:
        return value.name not in _COUNTS
    if isinstance(value, Cast):
        return _of_group(value.arg) and not may_fail(value)
    product = isinstance(value, Call) and value.name == "*" and value.type == "DOUBLE"
    return (
        product
        and any(map(_of_group, children(value)))
        and all(isinstance(arg, Constant) or _of_group(arg) for arg in children(value))
    )


def _aggregates(item: Expr) -> list[Call] | None:
    """The aggregates of an expression; None if it has others than those that are known here."""
    if isinstance(item, Call) and item.aggregate:
        plain = not item.order and not has_subquery(item) and all(isinstance(arg, ColumnRef) for arg in item.args)
        return [item] if item.name in _AGGREGATES and plain and item.filter is None else None
    if isinstance(item, Subquery):
        return None
    found: list[Call] = []
    for child in children(item):
        inner = _aggregates(child)
        if inner is None:
            return None
        found += inner
    return found
