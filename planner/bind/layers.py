"""QUALIFY and DISTINCT ON as what they are: a filter above a query that computes window functions.

Every later stage then knows them without knowing them, and a source needs windows only, not the syntax.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    Derived,
    Expr,
    Select,
    Sort,
    Subquery,
    Window,
    boolean,
    rebuild,
)
from planner.rules.algebra import relation_aliases


def layered(block: Select, targets: tuple[Expr, ...] | None, alias: Callable[[], str]) -> Select:
    """The block with its QUALIFY and its DISTINCT ON (`targets`; None for none) as filters of queries around it.

    QUALIFY comes first. Of each value of the targets the first row by the block's ORDER BY is kept. `alias` makes names.
    """
    if block.qualify is not None:
        block, lifted = _around(replace(block, qualify=None), alias(), block.qualify, targets or ())
        targets = None if targets is None else lifted
    if targets is not None:
        call = Call("row_number", (), "BIGINT", aggregate=True)
        number = Window(call, targets, block.order, "", "BIGINT")
        block, _ = _around(block, alias(), boolean("=", number, Constant("1", "BIGINT")), ())
    return block


def _around(block: Select, alias: str, condition: Expr, more: tuple[Expr, ...]) -> tuple[Select, tuple[Expr, ...]]:
    """A query that filters the block's rows, and expressions of the block as its own; ORDER BY, LIMIT and DISTINCT move to it."""
    below = replace(block, distinct=False, order=(), limit=None, offset=None)
    own = relation_aliases(block.relation) if block.relation is not None else frozenset()
    items = list(block.items)

    def column(node: Expr) -> ColumnRef:
        if node not in items:
            items.append(node)
        return ColumnRef(alias, f"c{items.index(node)}", node.type, getattr(node, "nullable", True))

    def lifted(node: Any) -> Any:
        if isinstance(node, Constant):
            return node
        if node in items or isinstance(node, Window) or node in (block.group or ()):
            return column(node)
        if isinstance(node, Call) and node.aggregate:
            return column(node)
        if isinstance(node, ColumnRef):
            return column(node) if node.table in own else node
        if isinstance(node, Subquery):
            arg = None if node.arg is None else lifted(node.arg)
            return replace(node, arg=arg, query=outer_columns(node.query))
        return rebuild(node, lifted)

    def outer_columns(node: Any) -> Any:
        """A subquery's tree with the block's own columns, which it is correlated by, as columns of the new query."""
        if isinstance(node, ColumnRef):
            return column(node) if node.table in own else node
        return rebuild(node, outer_columns)

    outer = tuple(column(item) for item in block.items)
    where = lifted(condition)
    others = tuple(lifted(expr) for expr in more)
    order = tuple(Sort(lifted(key.expr), key.descending, key.nulls_first) for key in block.order)
    relation = Derived(alias, replace(below, items=tuple(items)))
    made = Select(outer, relation, where, distinct=block.distinct, order=order, limit=block.limit, offset=block.offset)
    return made, others
