"""Expressions as the columns of an exchange: what is computed at the source is read here by its position."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Exchange,
    Expr,
    N,
    Subquery,
    Window,
    children,
    rebuild,
    transform,
    walk,
)
from planner.rules.algebra import has_subquery, tables_of, total


def columns_of(exchange: Exchange) -> tuple[Expr, ...]:
    """All columns of an exchange, of the types that they have in the trees.

    Arrow has no HUGEINT: it arrives as a DECIMAL(38,0), whose // and % are not those of integers.
    """
    return tuple(
        Cast(column, column.type) if column.type in ("HUGEINT", "UHUGEINT") else column
        for column in (ColumnRef(exchange.alias, f"c{i}", type_) for i, type_ in enumerate(exchange.types))
    )


def replace_nodes(node: Any, mapping: dict[Any, Any]) -> Any:
    """The tree with whole nodes replaced, the largest first.

    Inside the query of a subquery only what reads a column of ours is meant: its count(*) is its own.
    """
    kinds = {type(key) for key in mapping}  # to look a node up means to hash all that is below it

    def replaced(part: Any, known: dict[Any, Any]) -> Any:
        if type(part) in kinds and (found := known.get(part)) is not None:
            return found
        if isinstance(part, Subquery):
            correlated = {key: value for key, value in known.items() if tables_of(key)}
            arg = None if part.arg is None else replaced(part.arg, known)
            return replace(part, query=replaced(part.query, correlated), arg=arg)
        if isinstance(part, Window):
            # sum(a) OVER () is no sum(a): only what the window function reads is meant.
            rest = rebuild(replace(part, call=_NO_CALL), lambda child: replaced(child, known))
            return replace(rest, call=rebuild(part.call, lambda child: replaced(child, known)))
        return rebuild(part, lambda child: replaced(child, known))

    return replaced(node, mapping)


_NO_CALL = Call("", (), "")


def mapping_of(exprs: tuple[Expr, ...], columns: tuple[Expr, ...]) -> dict[Expr, Expr]:
    """Expressions -> the columns that hold them. Whether a column may be NULL makes it no other column."""
    made: dict[Expr, Expr] = {}
    for expr, column in zip(exprs, columns, strict=True):
        made[expr] = column
        if isinstance(expr, ColumnRef):
            made[replace(expr, nullable=not expr.nullable)] = column
    return made


def wanted(
    node: Any, aliases: frozenset[str], computable: Callable[[Expr], bool], *, tests: bool = False
) -> tuple[Expr, ...]:
    """What a tree needs of the relations `aliases`: the largest expressions over them that are `computable` there, and
    the columns that the rest reads. A scalar expression over columns that are needed anyway is left to the tree, and so is
    one over a key that the tree groups by: above the grouping there are only its keys.

    `tests`: also conditions that might not be asked for every row, if they have a value for each: they have fewer values
    than their columns.
    """
    columns: dict[Expr, None] = {}
    computed: dict[Expr, None] = {}
    keys = {key for key in getattr(node, "group", None) or () if not isinstance(key, ColumnRef)}

    def visit(part: Any, sure: bool) -> None:
        if isinstance(part, ColumnRef):
            if part.table in aliases:
                columns[anyhow(part)] = None
            return
        if _eager(part, sure) or (tests and _test(part)):
            if not _offered(part, aliases):
                return
            if not _reads(part, keys) and computable(part):
                computed[part] = None
                return
        sure = sure and not (isinstance(part, Call) and (part.name in _LAZY or part.filter is not None))
        for child in _inside(part):
            visit(child, sure)

    visit(node, True)
    kept = [
        part
        for part in computed
        if has_subquery(part)
        or any(isinstance(inner, Window) for inner in walk(part))
        or not _columns(part) <= columns.keys()
    ]
    for part in computed:
        if part not in kept:
            columns.update(dict.fromkeys(_columns(part)))
    return (*columns, *kept)


_LAZY = frozenset(["case", "coalesce", "and", "or", "in", "not in", "if", "nullif"])
"""Calls that may leave an argument alone: CASE WHEN b <> 0 THEN a // b END raises nothing, a // b as a column would."""


def _eager(node: Any, sure: bool) -> bool:
    """Whether an expression is computed for every row, so that nothing new can fail when a source computes it."""
    return isinstance(node, (Window, Subquery)) or (sure and isinstance(node, (Call, Cast)))


def _test(node: Any) -> bool:
    """Whether an expression is a condition that is true, false or NULL of whatever row."""
    return isinstance(node, Call) and node.type == "BOOLEAN" and total(node)


def gathered(node: N, aliases: frozenset[str]) -> N:
    """A tree in which the conditions of an AND that read only the relations `aliases` stand together in an AND of their own,
    as long as no row makes them fail."""

    def change(part: Any) -> Any:
        if not isinstance(part, Call) or part.name != "and":
            return part
        own = tuple(arg for arg in part.args if tables_of(arg) and tables_of(arg) <= aliases and _test(arg))
        if not 1 < len(own) < len(part.args):
            return part
        rest = tuple(arg for arg in part.args if arg not in own)
        return replace(part, args=(replace(part, args=own), *rest))

    return transform(node, change)


def _reads(node: Expr, keys: set[Expr]) -> bool:
    """Whether one of the keys is a part of an expression."""
    return bool(keys) and node not in keys and any(part in keys for part in walk(node))


def _columns(node: Any) -> set[Expr]:
    return {anyhow(part) for part in walk(node) if isinstance(part, ColumnRef)}


def anyhow(column: ColumnRef) -> ColumnRef:
    """A column as one that may be NULL."""
    return column if column.nullable else replace(column, nullable=True)


def _offered(node: Expr, aliases: frozenset[str]) -> bool:
    """Whether an expression reads something of the relations."""
    return any(isinstance(part, ColumnRef) and part.table in aliases for part in walk(node))


def _inside(node: Any) -> Iterator[Any]:
    """The parts of a node that are expressions of their own: a window's call is none."""
    if isinstance(node, Window):
        yield from (*node.call.args, *node.partition, *node.order)
        if node.call.filter is not None:
            yield node.call.filter
    else:
        yield from children(node)


def strict(node: Expr) -> bool:
    """Whether an expression is NULL wherever all its columns are."""
    if isinstance(node, ColumnRef):
        return True
    if isinstance(node, Cast):
        return strict(node.arg)
    return isinstance(node, Call) and node.name in _STRICT and any(strict(arg) for arg in node.args)


_STRICT = frozenset(["+", "-", "*", "year", "month", "day", "quarter", "date_part", "date_trunc", "substr", "length"])

GROUPABLE = frozenset(
    ["bool", "int", "hugeint", "decimal", "text", "blob", "date", "time", "timestamp", "timestamptz", "null"]
)
"""Families of which equal values are the same value: not of floats (-0.0 = 0.0), nor of intervals (30 days = 1 month)."""


def groupable(exprs: tuple[Expr, ...]) -> bool:
    """Whether rows that are equal in these are the same rows to everybody."""
    return all(family(expr.type) in GROUPABLE for expr in exprs)
