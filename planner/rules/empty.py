"""What can have no rows has none: WHERE false, a = 1 AND a = 2, a > 5 AND a < 3, LIMIT 0, and all that joins with it.

An empty query is a SELECT of NULLs WHERE false, which reads nothing: no source is asked.

Guards:
- not a grouping without keys: one row comes out whatever goes in
- not grouping sets: the empty set has one row
- not the missing side of an outer join
- not ranges of text: collations are the source's affair
- not a contradiction of two columns
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    Derived,
    Expr,
    Join,
    Query,
    Relation,
    Select,
    SetOp,
    Subquery,
    With,
    conjunction,
    conjuncts,
    transform,
)

_FALSE, _TRUE = Constant("false", "BOOLEAN"), Constant("true", "BOOLEAN")
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_NUMBERS = frozenset(["int", "hugeint", "decimal"])


def empty(query: Query) -> Query:
    """The query without the parts that can have no rows; the very same one if there are none."""
    return transform(query, _node)


def nothing(types: tuple[str, ...]) -> Select:
    """A query without rows."""
    return Select(tuple(Constant(None, type_) for type_ in types), where=_FALSE)


def is_nothing(query: Query) -> bool:
    """Whether a query is one without rows, as this rule writes it."""
    return isinstance(query, Select) and query.relation is None and query.group is None and query.where == _FALSE


def _node(node: Any) -> Any:
    if isinstance(node, Subquery) and is_nothing(node.query):
        return Constant(None, node.type) if node.kind == "scalar" else _FALSE
    if isinstance(node, Call) and node.name == "not" and node.args[0] in (_FALSE, _TRUE):
        return _TRUE if node.args[0] == _FALSE else _FALSE
    if isinstance(node, Select):
        return _select(node)
    if isinstance(node, SetOp):
        return _set_operation(node)
    if isinstance(node, With) and is_nothing(node.body):
        return node.body
    return node


def _select(node: Select) -> Select:
    if is_nothing(node):
        return node
    if node.limit is not None and _number(node.limit) == 0:
        return nothing(node.types)
    parts = conjuncts(node.where)
    kept = tuple(part for part in parts if part != _TRUE)
    vanishes = node.group is None or (node.group and node.sets is None)
    if vanishes and (_never(kept) or (node.relation is not None and _without_rows(node.relation))):
        return nothing(node.types)
    return node if len(kept) == len(parts) else replace(node, where=conjunction(kept))


def _set_operation(node: SetOp) -> Query:
    left, right = is_nothing(node.left), is_nothing(node.right)
    if node.limit is not None and _number(node.limit) == 0:
        return nothing(node.types)
    if (left and (right or node.op != "union")) or (right and node.op == "intersect"):
        return nothing(node.types)
    plain = node.all and not node.order and node.limit is None and node.offset is None
    if plain and (left or right):
        return node.right if left else node.left
    return node


def _without_rows(relation: Relation) -> bool:
    if isinstance(relation, Derived):
        return is_nothing(relation.query)
    if not isinstance(relation, Join):
        return False
    left, right = _without_rows(relation.left), _without_rows(relation.right)
    if relation.kind in ("inner", "semi"):
        return left or right or (relation.kind == "inner" and _never(conjuncts(relation.condition)))
    if relation.kind == "full":
        return left and right
    return right if relation.kind == "right" else left


def _never(parts: tuple[Expr, ...]) -> bool:
    """Whether conditions cannot all be true."""
    bounds: dict[ColumnRef, list[tuple[str, Constant]]] = {}
    for part in parts:
        if isinstance(part, Constant) and (part.text is None or part == _FALSE):
            return True
        for column, op, value in _comparisons(part):
            if value.text is None:
                return True
            bounds.setdefault(column, []).append((op, value))
    return any(len(found) > 1 and _impossible(found) for found in bounds.values())


def _comparisons(part: Expr) -> Iterator[tuple[ColumnRef, str, Constant]]:
    """The comparisons of a column with constants that a condition says."""
    if not isinstance(part, Call):
        return
    if part.name == "between":
        column, low, high = part.args
        yield from _comparisons(Call(">=", (column, low), "BOOLEAN"))
        yield from _comparisons(Call("<=", (column, high), "BOOLEAN"))
    elif part.name in _FLIPPED:
        match part.args:
            case (ColumnRef() as column, Constant() as value):
                yield column, part.name, value
            case (Constant() as value, ColumnRef() as column):
                yield column, _FLIPPED[part.name], value


def _impossible(found: list[tuple[str, Constant]]) -> bool:
    """Whether no value is in all of these ranges."""
    if {value.type for _, value in found} == {"VARCHAR"}:
        return len({value.text for op, value in found if op == "="}) > 1
    numbers = [(op, _number(value)) for op, value in found]
    known = [(op, number) for op, number in numbers if number is not None]
    lows = [(number, op == ">") for op, number in known if op in ("=", ">", ">=")]
    highs = [(number, op == "<") for op, number in known if op in ("=", "<", "<=")]
    return any(low > high or (low == high and (above or below)) for low, above in lows for high, below in highs)


def _number(value: Expr) -> Decimal | None:
    if not isinstance(value, Constant) or value.text is None or family(value.type) not in _NUMBERS:
        return None
    return Decimal(value.text)
