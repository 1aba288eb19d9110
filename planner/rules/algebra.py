"""What several rules need to know of expressions: which relations they read, whether they may be moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    CteRef,
    Expr,
    Join,
    OpaqueExpr,
    Parameter,
    Relation,
    Scan,
    Subquery,
    Window,
    children,
    conjuncts,
    transform,
    walk,
)
from planner.functions import VOLATILE


def tables_of(node: Any) -> frozenset[str]:
    """Aliases of the relations whose columns a node reads, those of outer queries included."""
    return frozenset(part.table for part in walk(node) if isinstance(part, ColumnRef) and part.table)


def free(node: Any) -> frozenset[str]:
    """Aliases that a node reads but does not define: what it needs from around it."""
    read: set[str] = set()
    inside: set[str] = set()
    for part in walk(node):
        if isinstance(part, ColumnRef):
            read.add(part.table)
        elif hasattr(part, "alias"):
            inside.add(part.alias)
    return frozenset(read - inside - {""})


def relation_aliases(relation: Relation) -> frozenset[str]:
    """Aliases whose columns a FROM item offers to its block (not those inside a derived table)."""
    if hasattr(relation, "alias"):
        return frozenset([relation.alias])
    left, right = relation_aliases(relation.left), relation_aliases(relation.right)
    return left if relation.kind in ("semi", "anti") else left | right


def sources_of(node: Any) -> frozenset[str]:
    """The sources that a tree reads; what a CTE reads counts as one more."""
    return frozenset(
        part.source if isinstance(part, Scan) else "" for part in walk(node) if isinstance(part, (Scan, CteRef))
    )


def inner_parts(relation: Relation, conditions: list[Expr]) -> list[Relation]:
    """The relations of nested inner joins; what they are joined on is added to the conditions."""
    if not isinstance(relation, Join) or relation.kind != "inner":
        return [relation]
    left, right = inner_parts(relation.left, conditions), inner_parts(relation.right, conditions)
    conditions += conjuncts(relation.condition)
    return left + right


def movable(expr: Expr) -> bool:
    """Whether an expression has the same value wherever it is evaluated: no chance, window or aggregate in it."""
    return not any(
        isinstance(part, (Window, Parameter))
        or (isinstance(part, Call) and (part.aggregate or part.name in VOLATILE))
        or (isinstance(part, OpaqueExpr) and any(name in part.text for name in VOLATILE))
        for part in walk(expr)
    )


def is_volatile(node: Any) -> bool:
    """Whether something in a tree has another value at each evaluation."""
    return any(
        (isinstance(part, Call) and part.name in VOLATILE)
        or (isinstance(part, OpaqueExpr) and any(name in part.text for name in VOLATILE))
        for part in walk(node)
    )


def may_fail(node: Any) -> bool:
    """Whether a value that may well occur makes an expression fail: a division by zero, a sum near a small type's end, a
    cast of text that is no number."""
    return any(
        (isinstance(part, Call) and (part.name in _PARSING or _divides(part) or _overflows(part)))
        or (isinstance(part, Cast) and not _holds(part))
        for part in walk(node)
    )


def total(node: Any) -> bool:
    """Whether an expression has a value whatever its columns hold: comparisons and their like, nothing that computes."""
    return all(
        isinstance(part, (ColumnRef, Constant))
        or (isinstance(part, Call) and part.name in _TOTAL)
        or (isinstance(part, Cast) and _holds(part))
        for part in walk(node)
    )


_PARSING = frozenset(["strptime", "make_date", "make_time", "make_timestamp", "chr", "from_hex", "unhex"])
_COMPARING = frozenset(
    ["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from", "between", "in", "not in"]
)
_TESTING = frozenset(
    ["and", "or", "not", "is null", "is not null", "case", "coalesce", "nullif", "~~", "!~~", "~~*", "!~~*"]
)
_READING = frozenset(
    ["lower", "upper", "length", "substr", "prefix", "suffix", "contains", "year", "month", "day", "date_part"]
)
_TOTAL = _COMPARING | _TESTING | _READING
_DIGITS = {"TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10, "BIGINT": 19}
_SAFE_CASTS = frozenset(
    [("float", "double"), ("date", "timestamp"), ("date", "timestamptz"), ("timestamp", "date"), ("timestamp", "time")]
)
"""Between these every value that may well occur is one: a DATE beyond the year 294246 is no TIMESTAMP."""


def _holds(cast: Cast) -> bool:
    """Whether a cast has a value for each value of its argument."""
    old, new = cast.arg.type, cast.type
    before, after = family(old), family(new)
    if cast.safe or old == new or before == "null" or after == "text" or (before, after) in _SAFE_CASTS:
        return True
    if after in ("float", "double") or (before == "bool" and after != "other"):
        return before in ("bool", "int", "hugeint", "decimal")
    if before not in ("int", "decimal") or after not in ("int", "hugeint", "decimal"):
        return False
    digits, scale = _shape(old)
    if after == "int":
        negative = new.startswith("U") and not old.startswith("U")
        return scale == 0 and not negative and digits < _shape(new)[0]
    precision, places = decimal_shape(new) if after == "decimal" else (38, 0)
    return scale <= places and digits - scale <= precision - places


def _shape(type_: str) -> tuple[int, int]:
    """How many digits a type of exact numbers holds, and how many of them after the point."""
    return decimal_shape(type_) if family(type_) == "decimal" else (_DIGITS.get(type_, 20), 0)


def _divides(call: Call) -> bool:
    if call.name not in ("//", "%"):
        return False
    by = call.args[1]
    return not isinstance(by, Constant) or by.text is None or not by.text.strip("-0.")


def _overflows(call: Call) -> bool:
    return call.name in ("+", "-", "*") and call.type in ("TINYINT", "SMALLINT", "UTINYINT", "USMALLINT")


def has_subquery(expr: Any) -> bool:
    return any(isinstance(part, Subquery) for part in walk(expr))


def has_aggregate(expr: Any) -> bool:
    """Whether an aggregate of the expression's own block is in it."""
    if isinstance(expr, Subquery):
        return expr.arg is not None and has_aggregate(expr.arg)
    if isinstance(expr, Window):
        return any(has_aggregate(part) for part in (*expr.call.args, *expr.partition, *expr.order))
    if isinstance(expr, Call) and expr.aggregate:
        return True
    return any(has_aggregate(child) for child in children(expr))


def has_window(expr: Any) -> bool:
    """Whether a window function of the expression's own block is in it."""
    if isinstance(expr, Subquery):
        return expr.arg is not None and has_window(expr.arg)
    return isinstance(expr, Window) or any(has_window(child) for child in children(expr))


def substitute(node: Any, columns: Mapping[tuple[str, str], Expr]) -> Any:
    """The node with columns replaced by expressions, also inside subqueries."""

    def change(part: Any) -> Any:
        return columns.get((part.table, part.column), part) if isinstance(part, ColumnRef) else part

    return transform(node, change) if columns else node
