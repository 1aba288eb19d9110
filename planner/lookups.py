"""A row that IN looks up by its key may come beside each row that asks for it, once: a join at their source.

    S WHERE S.k IN (SELECT q FROM Q JOIN R …)  ->  (SELECT DISTINCT S.k, S.a FROM Q JOIN R … JOIN S ON S.k = q)

Where S and Q are of one source and R is of another, Q brings the row of S along, and the others of S need not come (TPC-H
Q20). There is one such row at most, since k is the whole key; DISTINCT makes one of those that several rows bring, and k
among its columns keeps others apart. Which form is cheaper is found by cutting both.

Guards: the key is one column whose equal values are the same value; the query of IN reads nothing from around it, and has
no grouping, window or LIMIT; all of it is of several sources, and S is of one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connectors.sqlgen.tree import (
    ColumnRef,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Scan,
    Select,
    Subquery,
    boolean,
    conjunction,
    conjuncts,
    walk,
)
from planner.columns import groupable
from planner.cost import Costs
from planner.plan import Fragment, Stay
from planner.rules.algebra import (
    free,
    has_subquery,
    has_window,
    inner_parts,
    is_volatile,
    movable,
    sources_of,
    substitute,
)

if TYPE_CHECKING:
    from planner.fragment import Cutter


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A condition that a column is among a query's values."""

    condition: Expr
    key: ColumnRef
    query: Select


def brought(block: Select) -> Select | None:
    """The block with a row that IN looks up joined where the values come from; None if it looks up none."""
    if block.relation is None or block.where is None:
        return None
    found = [lookup for part in conjuncts(block.where) if (lookup := _lookup(part)) is not None]
    if not found:
        return None
    conditions = list(conjuncts(block.where))
    parts = inner_parts(block.relation, conditions)
    scans = {part.alias: part for part in parts if isinstance(part, Scan)}
    for lookup in found:
        scan = scans.get(lookup.key.table)
        if scan is not None and scan.key == (lookup.key.column,) and scan.source in sources_of(lookup.query):
            return _joined(block, parts, scan, lookup, [part for part in conditions if part is not lookup.condition])
    return None


def _lookup(condition: Expr) -> _Lookup | None:
    """The IN that may become a join; None if a condition is none."""
    if not isinstance(condition, Subquery) or condition.kind != "any" or condition.op != "=":
        return None
    key, query = condition.arg, condition.query
    if not isinstance(key, ColumnRef) or not groupable((key,)) or not isinstance(query, Select):
        return None
    stages = (query.group, query.having, query.qualify, query.limit, query.offset)
    if query.relation is None or any(stage is not None for stage in stages) or any(map(has_window, query.items)):
        return None
    (value,) = query.items
    plain = movable(value) and not has_subquery(value) and value.type == key.type and not is_volatile(query)
    return _Lookup(condition, key, query) if plain and not free(query) and len(sources_of(query)) > 1 else None


def _joined(block: Select, parts: list[Relation], scan: Scan, lookup: _Lookup, conditions: list[Expr]) -> Select:
    """The block with the lookup as a join, and conditions on the row looked up alone beside it."""
    own = [part for part in conditions if free(part) == {scan.alias} and movable(part) and not has_subquery(part)]
    rest = replace(block, relation=None, where=conjunction([part for part in conditions if part not in own]))
    others = tuple(part for part in parts if part is not scan)
    read = {
        part.column: part for part in walk((rest, *others)) if isinstance(part, ColumnRef) and part.table == scan.alias
    }
    items = tuple({lookup.key.column: lookup.key, **read}.values())
    assert lookup.query.relation is not None
    met = [*conjuncts(lookup.query.where), boolean("=", lookup.key, lookup.query.items[0]), *own]
    rows = Select(items, Join("inner", lookup.query.relation, scan, None), conjunction(met), distinct=True)
    derived = Derived(f"l{scan.alias}", rows)
    columns: dict[tuple[str, str], Expr] = {
        (scan.alias, item.column): ColumnRef(derived.alias, f"c{number}", item.type, item.nullable)
        for number, item in enumerate(items)
    }
    relation: Relation | None = None
    for part in parts:
        placed = derived if part is scan else substitute(part, columns)
        relation = placed if relation is None else Join("inner", relation, placed, None)
    made: Select = substitute(rest, columns)
    return replace(made, relation=relation)


def cheaper(cutter: Cutter, forms: Sequence[Select], cut: Callable[[Select], Query]) -> Query:
    """Of several forms of a block that one cut whose fragments cost least."""
    costs, sources = Costs(cutter.placement.statistics), cutter.placement.sources
    before, noted = len(cutter.fragments), len(cutter.placement.stays)
    best: tuple[float, Query, list[Fragment], list[Stay]] | None = None
    for form in forms:
        local = cut(form)
        made, stays = cutter.fragments[before:], cutter.placement.stays[noted:]
        del cutter.fragments[before:], cutter.placement.stays[noted:]
        cost = sum(costs.read(one.query, float(one.estimate or 0), sources[one.source].speed) for one in made)
        if best is None or cost < best[0]:
            best = cost, local, made, stays
    assert best is not None
    cutter.fragments += best[2]
    cutter.placement.stays += best[3]
    return best[1]
