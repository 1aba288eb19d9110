"""avg(x) of exact numbers from sum(x) and count(x), to the last bit as DuckDB 2.0 computes it.

    CAST(s AS DOUBLE) / (count(x) * 10^k)   s is the sum of a DECIMAL(p,k) without its point

DuckDB divides in the processor's 80 bits: a sum beyond 2^53, which a DOUBLE does not hold, is divided as an integer first.
Its optimizer aggregate_function_rewriter, which makes sum(x) / count(x) of an average where that saves work, is off
wherever we run DuckDB: with it a quarter of all averages of DECIMALs have another last bit, and which ones depends on the
plan (2.0.0; TPC-H's q01). Sources that are proven to divide alike do so themselves (connectors/sqlgen/quotients.py).
"""

from __future__ import annotations

from connectors.sqlgen.dialect import decimal_shape, family
from connectors.sqlgen.tree import Call, Cast, Constant, Expr, boolean

_EXACT_DOUBLE = Constant(str(2**53), "HUGEINT")


def average(call: Call, total: Expr, count: Expr) -> Expr:
    """The average that `call` stands for."""
    type_ = call.args[0].type
    if family(type_) == "int":
        return _quotient(total, count)
    scale = decimal_shape(type_)[1]
    power = Constant(str(10**scale), "HUGEINT")
    return _quotient(_without_point(total, scale), Call("*", (Cast(count, "HUGEINT"), power), "HUGEINT"))


def _divided(total: Expr, count: Expr) -> Expr:
    return Call("/", (Cast(total, "DOUBLE"), count), "DOUBLE")


def _quotient(total: Expr, count: Expr) -> Expr:
    whole, rest = (Cast(Call(name, (total, count), "HUGEINT"), "DOUBLE") for name in ("//", "%"))
    exactly = Call("+", (whole, Call("/", (rest, count), "DOUBLE")), "DOUBLE")
    fits = boolean("between", total, Constant(f"-{_EXACT_DOUBLE.text}", "HUGEINT"), _EXACT_DOUBLE)
    # Of no rows: NULL // 0 and NULL % 0 are NULL.
    return Call("case", (fits, _divided(total, count), exactly), "DOUBLE")


def _without_point(total: Expr, scale: int) -> Expr:
    """A decimal's digits as an integer: by its text, since a product by a power of ten may need more than 38."""
    if scale == 0:
        return Cast(total, "HUGEINT")
    text = Call("replace", (Cast(total, "VARCHAR"), Constant(".", "VARCHAR"), Constant("", "VARCHAR")), "VARCHAR")
    return Cast(text, "HUGEINT")
