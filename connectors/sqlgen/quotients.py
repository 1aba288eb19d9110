"""Which averages and which products of DOUBLEs come out at a source as in DuckDB, to the last bit.

An integer below 2^53 is a DOUBLE itself, and IEEE 754 fixes the one result of a division or a multiplication. So an average
of short numbers is the same everywhere, divided as planner/averages.py does; and so is a product, but for its two ends:
beyond 1.8e308 and below 4.9e-324 some sources raise an error. `decades` says that a factor is far from both.
"""

from __future__ import annotations

from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import Call, Cast, Constant, Expr

_DIGITS = 15
"""A DECIMAL of so many digits is an integer below 2^53, over a power of ten that is a DOUBLE, too: rounded once."""
_PLACES = 6
"""With so few, a count times their power of ten is below 2^53 up to 9e9 rows."""
_NARROW = frozenset(["TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER"])
_FAR = 290
"""Decades from 1 that a product may reach."""
_SUMMED = 60
"""Decades of an average: a sum of 38 digits, over a count."""


def short(types: tuple[str, ...]) -> bool:
    """Whether all exact numbers among some types have few enough digits.

    >>> short(("DECIMAL(15,2)", "DOUBLE")), short(("DECIMAL(18,2)",)), short(("BIGINT",))
    (True, False, False)
    """
    return all(_short(type_) for type_ in types)


def _short(type_: str) -> bool:
    kind = family(type_)
    if kind == "decimal":
        precision, scale = decimal_shape(type_)
        return precision <= _DIGITS and scale <= _PLACES
    return kind != "hugeint" and (kind != "int" or type_ in _NARROW)


def moderate(args: tuple[Expr, ...]) -> bool:
    """Whether a product of these is far from both ends of DOUBLE."""
    found = [decades(arg) for arg in args]
    return all(far is not None for far in found) and sum(far or 0 for far in found) <= _FAR


def decades(node: Expr) -> int | None:
    """A number n such that a value is NULL, 0, or between 10^-n and 10^n; None where there is none."""
    if isinstance(node, Cast):
        return decades(node.arg)
    if family(node.type) in ("int", "hugeint", "decimal"):
        return 39
    if isinstance(node, Constant) and node.text is not None and family(node.type) == "double":
        value = abs(float(node.text))
        return 100 if value == 0 or 1e-100 < value < 1e100 else None
    if isinstance(node, Call) and node.aggregate and node.name == "avg":
        return None if decades(node.args[0]) is None or family(node.args[0].type) == "double" else _SUMMED
    if isinstance(node, Call) and node.name in ("*", "-") and len(node.args) <= 2:
        return _product(node)
    return None


def _product(node: Call) -> int | None:
    found = [decades(arg) for arg in node.args]
    if None in found or (node.name == "-" and len(found) == 2):
        return None
    return sum(far or 0 for far in found)
