"""WITH c AS (q) … FROM c WHERE f … FROM c WHERE g  ->  WITH c AS (q WHERE f OR g) … FROM c WHERE f … FROM c WHERE g

A CTE that is used several times is computed once, so no use's filter can move into it alone. What they say together can;
each use still filters for itself (TPC-DS 4, 11 and 74 compare two years of five).

Guards:
- not where a use has no filter
- not a use that an outer join may leave out
- not a filter over several relations
- not a filter over an aggregate
- not a volatile filter
- not a filter with a subquery
- not a filter that can fail
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Cte,
    CteRef,
    Expr,
    Join,
    Query,
    Relation,
    Select,
    SetOp,
    With,
    conjunction,
    conjuncts,
    transform,
    walk,
)
from planner.rules.algebra import has_aggregate, has_subquery, may_fail, movable, substitute, tables_of
from planner.rules.push_filters import filtered

_ROWS = "?c"
"""Stands for the CTE in what its uses say together."""


def filter_ctes(query: Query) -> Query:
    """The query with what all uses of a CTE filter by inside it; the very same one if there is nothing."""
    return transform(query, _with)


def _with(node: Any) -> Any:
    if not isinstance(node, With):
        return node
    for number in reversed(range(len(node.ctes))):  # what a later one says of an earlier one is a use as well
        cte = _narrowed(node.ctes[number], node)
        if cte is not None:
            node = replace(node, ctes=(*node.ctes[:number], cte, *node.ctes[number + 1 :]))
    return node


def _narrowed(cte: Cte, among: With) -> Cte | None:
    uses = sum(isinstance(part, CteRef) and part.name == cte.name for part in walk(among))
    said = list(_said(cte, among))
    if uses < 2 or len(said) < uses:
        return None
    either = tuple(dict.fromkeys(said))
    query = filtered(cte.query, _ROWS, Call("or", either, "BOOLEAN") if len(either) > 1 else either[0])
    return None if query is None else replace(cte, query=query)


def _said(cte: Cte, among: With) -> Iterator[Expr]:
    """What the uses of a CTE filter it by, one condition for each use that has any."""
    for block in walk(among):
        if not isinstance(block, Select) or block.relation is None:
            continue
        for use in _kept(block.relation):
            if use.name == cte.name:
                own = (part for part in conjuncts(block.where) if tables_of(part) == {use.alias} and _plain(part))
                condition = conjunction([made for part in own if (made := _inside(part, use, cte.query)) is not None])
                if condition is not None:
                    yield condition


def _kept(relation: Relation) -> Iterator[CteRef]:
    """The uses of CTEs in a FROM whose every row its WHERE decides on."""
    if isinstance(relation, CteRef):
        yield relation
    elif isinstance(relation, Join) and relation.kind == "inner":
        yield from _kept(relation.left)
        yield from _kept(relation.right)


def _plain(part: Expr) -> bool:
    return movable(part) and not has_subquery(part) and not may_fail(part)


def _inside(part: Expr, use: CteRef, query: Query) -> Expr | None:
    """A filter as one over the CTE's rows; None if it cannot move to where they are read."""
    columns = {node for node in walk(part) if isinstance(node, ColumnRef)}
    if any(_aggregated(query, int(column.column[1:])) for column in columns):
        return None
    made: Expr = substitute(part, {(use.alias, column.column): replace(column, table=_ROWS) for column in columns})
    return None if filtered(query, _ROWS, made) is None else made


def _aggregated(query: Query, column: int) -> bool:
    if isinstance(query, SetOp):
        return _aggregated(query.left, column) or _aggregated(query.right, column)
    return isinstance(query, Select) and has_aggregate(query.items[column])
