"""What an UPDATE gives to a column: the value cast to the column's type as DuckDB casts, said by assigning it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.sqlgen.changes import Assignment
from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import Cast, ColumnRef, Constant, Expr
from planner.errors import ChangeRefused, InvalidExpression
from watersmeet.spi import Column, Table

_EXACT = frozenset({"int", "hugeint", "decimal"})
"""Families among which an assignment is DuckDB's cast: the value, rounded half away from zero, or an error."""
_CLOCKS = frozenset({"time", "timestamp", "timestamptz"})
_FRACTION = re.compile(r"\.(\d*[1-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    expr: Expr
    assignment: Assignment


def assigned(item: Expr, column: Column, table: Table) -> Assigned:
    """The expression and how it is assigned. Raises InvalidExpression, ChangeRefused for what the column would cut."""
    scale = None
    if isinstance(item, Cast) and not item.safe and {family(item.arg.type), family(item.type)} <= _EXACT:
        scale = _scale(item.type) if _scale(item.arg.type) > _scale(item.type) else None
        item = item.arg
    if isinstance(item, Constant) and item.type == "FLOAT":
        item = Constant(item.text, "DOUBLE")  # the same digits: the nearest FLOAT to them is the same one
    _check_kept(item, column, table)
    return Assigned(expr=item, assignment=Assignment(column=column.name, write=column.write, scale=scale))


def _scale(type_: str) -> int:
    return decimal_shape(type_)[1] if family(type_) == "decimal" else 0


def _check_kept(item: Expr, column: Column, table: Table) -> None:
    """Sources cut blanks beyond a text's length and digits of a second without a word: nothing is lost here in silence."""
    if isinstance(item, Constant):
        if item.text is None:
            return
        if family(item.type) == "text" and column.length is not None and len(item.text) > column.length:
            raise InvalidExpression(
                f"column {column.name} holds {column.length} characters, the value has {len(item.text)}"
            )
        digits = _FRACTION.search(item.text) if family(item.type) in _CLOCKS else None
        if digits and len(digits[1]) > column.fraction:
            raise InvalidExpression(f"column {column.name} keeps {column.fraction} digits of a second, not {item.text}")
        return
    if family(item.type) not in _CLOCKS or column.fraction >= 6:
        return
    kept = table.columns[int(item.column[1:])].fraction if isinstance(item, ColumnRef) else 6
    if kept > column.fraction:
        raise ChangeRefused(
            f"column {column.name} keeps {column.fraction} digits of a second: what is assigned may have more"
        )
