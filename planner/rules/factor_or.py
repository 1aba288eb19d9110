"""(A and B) or (A and C)  ->  A and (B or C), and what an OR implies for one relation alone.

Of WHERE and of inner joins. What is implied is added beside the OR, never in its place; it lets TPC-H Q7 and Q19 filter
each table at its source.

Guards:
- not where no part is in every branch
- not in the condition of an outer join
- not a volatile condition
- not with a subquery
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import Call, Expr, Join, Query, Select, conjunction, conjuncts, transform
from planner.rules.algebra import has_subquery, movable, tables_of


def factor_or(query: Query) -> Query:
    """The query with its ORs factored; the very same one if none can be."""
    return transform(query, _block)


def _block(node: Any) -> Any:
    if isinstance(node, Select) and node.where is not None:
        where = _condition(node.where)
        return node if where is node.where else replace(node, where=where)
    if isinstance(node, Join) and node.condition is not None and node.kind == "inner":
        condition = _condition(node.condition)
        return node if condition is node.condition else Join(node.kind, node.left, node.right, condition)
    return node


def _condition(condition: Expr) -> Expr:
    parts = conjuncts(condition)
    made: list[Expr] = []
    for part in parts:
        made += _factored(part) if isinstance(part, Call) and part.name == "or" else [part]
    made = list(dict.fromkeys(made))
    return condition if tuple(made) == parts else conjunction(made) or condition


def _factored(disjunction: Call) -> list[Expr]:
    if not movable(disjunction) or has_subquery(disjunction):
        return [disjunction]
    branches = [conjuncts(arg) for arg in _branches(disjunction)]
    common = [part for part in branches[0] if all(part in branch for branch in branches[1:])]
    rest = [tuple(part for part in branch if part not in common) for branch in branches]
    made = list(common)
    if all(rest):
        made.append(_either(rest))
        tables = tables_of(disjunction)
        if len(tables) > 1:
            made += [implied for table in sorted(tables) if (implied := _implied(rest, table)) is not None]
    return made


def _branches(disjunction: Call) -> list[Expr]:
    found: list[Expr] = []
    for arg in disjunction.args:
        found += _branches(arg) if isinstance(arg, Call) and arg.name == "or" else [arg]
    return found


def _either(branches: list[tuple[Expr, ...]]) -> Expr:
    made = tuple(conjunction(branch) for branch in branches)
    return Call("or", tuple(part for part in made if part is not None), "BOOLEAN")


def _implied(branches: list[tuple[Expr, ...]], table: str) -> Expr | None:
    """What must hold for one relation alone whichever branch is true; None if some branch says nothing of it."""
    alone = [tuple(part for part in branch if tables_of(part) == {table}) for branch in branches]
    return _either(alone) if all(alone) else None
