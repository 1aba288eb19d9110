"""a = b and b = c  ->  also a = c; a = b and a < 5  ->  also b < 5.

Of WHERE and inner joins. What is added is implied, so it may be dropped again anywhere.

Guards:
- not onto a column that may repeat: the join could be larger than its sides (TPC-H Q5's customers and suppliers)
- not between two sources: an equality is added only where it can join
- not across an outer join
- not between different types
- not for floating point: -0.0 equals 0.0 but prints otherwise
- not for intervals: 30 days equal 1 month
- not a filter over several columns
- not a volatile filter
- not a filter with a subquery
- not a filter that can fail: nobody asked it of the other column
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Scan,
    Select,
    conjunction,
    conjuncts,
    transform,
    walk,
)
from planner.rules.algebra import relation_aliases, sources_of, substitute, total

_SAFE = frozenset({"int", "decimal", "date", "text", "bool"})


def transitive(query: Query) -> Query:
    """The query with implied equalities and filters added; the very same one if there are none."""
    return transform(query, _block)


def _block(node: Any) -> Any:
    if not isinstance(node, Select) or node.relation is None:
        return node
    known = [*conjuncts(node.where), *_inner_conditions(node.relation)]
    reachable = _inner_aliases(node.relation)
    groups = _classes([part for part in known if _equality(part, reachable)])
    have, keys = set(known), dict(_keys(node.relation))
    filters = [(part, column) for part in known if groups and (column := _filtered(part)) is not None]
    made: list[Expr] = []
    for group in groups:
        made += _equalities(group, have, keys)
        for column in group:
            for part, only in filters:
                if only == column:
                    made += [
                        substitute(part, {(column.table, column.column): other}) for other in group if other != column
                    ]
    added = [part for part in dict.fromkeys(made) if part not in have]
    if not added:
        return node
    return replace(node, where=conjunction([*conjuncts(node.where), *added]))


def _inner_conditions(relation: Relation) -> list[Expr]:
    if isinstance(relation, Join) and relation.kind == "inner":
        return [
            *conjuncts(relation.condition),
            *_inner_conditions(relation.left),
            *_inner_conditions(relation.right),
        ]
    return []


def _inner_aliases(relation: Relation) -> frozenset[str]:
    """Relations that no outer join may leave out."""
    if isinstance(relation, Join):
        if relation.kind == "inner":
            return _inner_aliases(relation.left) | _inner_aliases(relation.right)
        kept = {"left": relation.left, "semi": relation.left, "anti": relation.left, "right": relation.right}
        side = kept.get(relation.kind)
        return _inner_aliases(side) if side is not None else frozenset()
    return relation_aliases(relation)


def _keys(relation: Relation) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Of each relation that is of one source: its alias, the source, and the columns that no two rows agree in."""
    if isinstance(relation, Join):
        yield from _keys(relation.left)
        yield from _keys(relation.right)
    elif isinstance(relation, Scan):
        yield relation.alias, (relation.source, tuple(relation.key))
    elif isinstance(relation, Derived) and len(sources := sources_of(relation)) == 1:
        yield relation.alias, (min(sources), _grouped_by(relation.query))


def _grouped_by(query: Query) -> tuple[str, ...]:
    """The output columns that hold a grouping's keys; none where they do not hold them all."""
    if not isinstance(query, Select) or not query.group or query.sets is not None:
        return ()
    if not all(key in query.items for key in query.group):
        return ()
    return tuple(f"c{query.items.index(key)}" for key in query.group)


def _equality(part: Expr, reachable: frozenset[str]) -> bool:
    return (
        isinstance(part, Call)
        and part.name == "="
        and all(isinstance(arg, ColumnRef) and arg.table in reachable for arg in part.args)
        and part.args[0].type == part.args[1].type
        and family(part.args[0].type) in _SAFE
    )


def _classes(equalities: list[Expr]) -> list[list[ColumnRef]]:
    groups: list[list[ColumnRef]] = []
    for part in equalities:
        assert isinstance(part, Call)
        touching = [group for group in groups if any(arg in group for arg in part.args)]
        merged = list(dict.fromkeys([column for group in touching for column in group] + list(part.args)))
        groups = [group for group in groups if group not in touching] + [merged]  # type: ignore[list-item]
    return groups


def _equalities(group: list[ColumnRef], have: set[Expr], keys: Mapping[str, tuple[str, tuple[str, ...]]]) -> list[Expr]:
    """Equalities between columns of one source that were connected only through another source."""
    made: list[Expr] = []
    for a, b in combinations(group, 2):
        if a.table == b.table or a.table not in keys or b.table not in keys:
            continue
        (source, left), (other, right) = keys[a.table], keys[b.table]
        if source != other:
            continue
        small = left == (a.column,) or right == (b.column,)
        if small and not {Call("=", (a, b), "BOOLEAN"), Call("=", (b, a), "BOOLEAN")} & have:
            made.append(Call("=", (a, b), "BOOLEAN"))
    return made


def _filtered(part: Expr) -> ColumnRef | None:
    """The one column that a conjunct filters by constants; None if it does not."""
    columns = {node for node in walk(part) if isinstance(node, ColumnRef)}
    return columns.pop() if len(columns) == 1 and total(part) else None
