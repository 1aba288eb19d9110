"""The functions, operators and casts that MySQL and MariaDB compute exactly as DuckDB does, and how they are said there.

Each entry is proven by tests/integration/mysql/test_dialect_scalars.py, which runs it on the server and on DuckDB over
hostile values. What is missing is missing for a reason; the most important ones:

- + - * on DOUBLE: a result beyond 1.8e308 is an error here and infinity there; / of decimals and doubles likewise.
  Minus of one: that of 0.0 is -0.0 there, which cannot be said here.
- / and % and // by anything but a constant: a division by zero is NULL here.
- concat, ||, replace, repeat, lpad: a result beyond max_allowed_packet is NULL here.
- lower, upper, trim, regular expressions: Unicode rules of another table, other grammars.
- number to text and back; text to anything: other grammars, and junk is 0 or NULL with a mere warning.
- FLOAT in comparisons: compared as DOUBLE here. A long DECIMAL against DOUBLE: the ways to DOUBLE round
  differently.
- date - date, date + n, intervals: year 0 has 365 days here, and what leaves 0..9999 is NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

from connectors.sqlgen.dialect import Entry, decimal_shape, each, family
from connectors.sqlgen.quotients import short

EXACT = ("int", "hugeint", "decimal")
"""Families that are exact numbers here: BIGINT or DECIMAL of up to 65 digits."""

_ORDERED_ALIKE = ("bool", "date", "time", "timestamp", "timestamptz", "blob", "double")
"""Families whose values compare with one another as DuckDB's do."""

_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")

_RANGES = {"=": "({0} <= {1} AND {0} >= {1})", "<>": "({0} < {1} OR {0} > {1})"}
_ROUNDED = frozenset({"decimal", "double", "time", "timestamp", "timestamptz"})
"""Families whose constants are not compared with = and <>, nor by IN: MariaDB 10.11 rounds a constant to the type of an
indexed column and then trusts the index. A DECIMAL(4,1) of 0.5 is found by = 0.46, an INT of 1 by = 0.5 and by
NOT (… <> 0.5), a DATETIME by a constant with a fraction of a second. Ranges, <=> and joins are right, and equalities
that never meet a constant cannot hand one on to other columns. Integers and dates have nothing to round."""

# What fixes the type of integer arithmetic: BIGINT UNSIGNED otherwise wins, and -5 + 3 is then out of range.
_WIDE = "CAST({0} AS DECIMAL(65,0))"


def comparisons() -> Iterator[Entry]:
    """= <> < <= > >= and IS [NOT] DISTINCT FROM."""
    for name in (*_COMPARISONS, "is distinct from", "is not distinct from"):
        yield from _comparison(name)


def _comparison(name: str) -> Iterator[Entry]:
    shape = {"is distinct from": "(NOT ({0} <=> {1}))", "is not distinct from": "({0} <=> {1})"}
    template = shape.get(name, f"({{0}} {name} {{1}})")
    form = "eq" if name not in ("<", "<=", ">", ">=") else "ord"
    # A date counts as its midnight on both sides.
    mixed = (("date", "timestamp"), ("timestamp", "date"))
    for pair in (*product(EXACT, EXACT), *((kind, kind) for kind in _ORDERED_ALIKE), *mixed):
        for position, kind in enumerate(pair):
            if name in _RANGES and kind in _ROUNDED:
                yield Entry(name=name, args=pair, sql=_RANGES[name], constants=frozenset({position}))
        yield Entry(name=name, args=pair, sql=template)
    yield Entry(
        name=name,
        args=("text", "text"),
        sql=template.replace("{0}", f"{{0:{form}}}").replace("{1}", f"{{1:{form}}}"),
    )
    # Left to itself the server turns a DOUBLE constant into the integer column's type: 2^53 + 1 = 2^53 e0 is true as
    # DOUBLE (DuckDB's way), false as BIGINT.
    as_double = template.replace("{0}", "({0} * 1e0)").replace("{1}", "({1} * 1e0)")
    for pair in (("int", "double"), ("double", "int")):
        yield Entry(name=name, args=pair, sql=as_double)
    # Both round a short DECIMAL to the nearest DOUBLE.
    for pair in (("decimal", "double"), ("double", "decimal")):
        yield Entry(name=name, args=pair, sql=as_double, types=short)


def arithmetic(product_name: str) -> Iterator[Entry]:
    """+ - * of exact numbers, and what divides by a constant."""
    for name in "+-*":
        for left, right in product(EXACT, EXACT):
            if name == "*" and product_name == "mysql" and left == right == "decimal":
                continue  # a product keeps 30 digits of its fraction there, DuckDB's up to 38
            wide = _WIDE if left != "decimal" and right != "decimal" else "{0}"
            yield Entry(name=name, args=(left, right), sql=f"({wide} {name} {{1}})")
    yield from each("-", (("int", "hugeint"),), f"(0 - {_WIDE})")
    yield Entry(name="-", args=("decimal",), sql="(0 - {0})")
    yield from each("abs", (("int", "hugeint"),), f"ABS({_WIDE})")
    yield from each("abs", (("decimal", "double"),), "ABS({0})")
    yield Entry(name="sign", args=("int",), sql="SIGN({0})")
    yield from each("sign", (("hugeint", "decimal", "double"),), "SIGN({0})")
    # 0 / -4 is -0.0 there, which cannot be said here.
    by_constant = {"constants": frozenset({1}), "check": _positive}
    yield from each("/", (("int",), ("int",)), "(({0} * 1e0) / ({1} * 1e0))", **by_constant)
    yield Entry(
        name="%",
        args=("int", "int"),
        sql="MOD(CAST({0} AS DECIMAL(65,0)), {1})",
        constants=frozenset({1}),
        check=_divisor,
    )
    yield Entry(
        name="//",
        args=("int", "int"),
        sql="CAST(TRUNCATE((CAST({0} AS DECIMAL(65,0)) - MOD(CAST({0} AS DECIMAL(65,0)), {1})) / {1}, 0) AS DECIMAL(65,0))",
        constants=frozenset({1}),
        check=_divisor,
        note="the dividend less its remainder divides without a fraction; DIV fails for a BIGINT UNSIGNED and -1",
    )
    for name in ("floor", "ceil"):
        said = "FLOOR" if name == "floor" else "CEILING"
        yield Entry(name=name, args=("decimal",), sql=f"{said}({{0}})")
        yield Entry(name=name, args=("double",), sql=f"{said}({{0}})")
    yield Entry(name="round", args=("decimal",), sql="ROUND({0})", note="half away from zero on both sides")
    yield Entry(
        name="round",
        args=("decimal", "int"),
        sql="ROUND({0}, {1})",
        constants=frozenset({1}),
        check=_not_negative_second,
    )


def texts() -> Iterator[Entry]:
    """Functions of text that count characters and never make a text longer. {0:eq} makes characters of any form."""
    characters = "{0:eq}"
    yield Entry(name="length", args=("text",), sql=f"CHAR_LENGTH({characters})")
    yield Entry(name="strlen", args=("text",), sql=f"LENGTH({characters})")
    yield Entry(
        name="substr",
        args=("text", "int", "int"),
        sql=f"SUBSTRING({characters}, {{1}}, {{2}})",
        constants=frozenset({1, 2}),
        check=_slice,
    )
    yield Entry(
        name="substr",
        args=("text", "int"),
        sql=f"SUBSTRING({characters}, {{1}})",
        constants=frozenset({1}),
        check=_slice,
    )
    for name in ("left", "right"):
        yield Entry(
            name=name,
            args=("text", "int"),
            sql=f"{name.upper()}({characters}, {{1}})",
            constants=frozenset({1}),
            check=_not_negative_second,
        )
    for name in ("prefix", "^@"):
        yield Entry(name=name, args=("text", "text"), sql=f"(LEFT({characters}, CHAR_LENGTH({{1:eq}})) = {{1:eq}})")
    yield Entry(name="suffix", args=("text", "text"), sql=f"(RIGHT({characters}, CHAR_LENGTH({{1:eq}})) = {{1:eq}})")
    yield Entry(name="contains", args=("text", "text"), sql=f"(LOCATE({{1:eq}}, {characters}) > 0)")
    yield Entry(name="strpos", args=("text", "text"), sql=f"LOCATE({{1:eq}}, {characters})")
    # The contract's LIKE has no escape character, and here there is no LIKE without one: \x01 is none that is typed.
    for name, word in (("~~", "LIKE"), ("!~~", "NOT LIKE")):
        yield Entry(
            name=name,
            args=("text", "text"),
            sql=f"({characters} {word} {{1}} ESCAPE X'01')",
            constants=frozenset({1}),
            check=_no_escape,
        )


def dates() -> Iterator[Entry]:
    """Parts of dates and times."""
    for part, said in _PARTS.items():
        kinds = ("timestamp",) if part in ("hour", "minute") else ("date", "timestamp")
        yield from each(part, (kinds,), f"{said}({{0}})")
        yield from each(
            "date_part", (("text",), kinds), f"{said}({{1}})", constants=frozenset({0}), check=partial(_part, part)
        )
    for unit, shape in _TRUNCATED.items():
        yield from each(
            "date_trunc",
            (("text",), ("date", "timestamp")),
            f"CAST(DATE_FORMAT({{1}}, '{shape}') AS DATETIME)",
            constants=frozenset({0}),
            check=partial(_part, unit),
            result="timestamp",
        )


_PARTS = {
    "year": "YEAR", "month": "MONTH", "day": "DAYOFMONTH", "quarter": "QUARTER", "hour": "HOUR", "minute": "MINUTE",
    "dayofyear": "DAYOFYEAR",
}  # fmt: skip
_TRUNCATED = {
    "year": "%Y-01-01",
    "month": "%Y-%m-01",
    "day": "%Y-%m-%d",
    "hour": "%Y-%m-%d %H:00:00",
    "minute": "%Y-%m-%d %H:%i:00",
    "second": "%Y-%m-%d %H:%i:%s",
}


def choices() -> Iterator[Entry]:
    """greatest, least and nullif: DuckDB passes over NULLs where GREATEST answers NULL."""
    for name in ("greatest", "least"):
        for kind in ("int", "hugeint", "decimal", "date", "timestamp"):
            yield Entry(name=name, args=(kind, kind), sql=f"COALESCE({name.upper()}({{0}}, {{1}}), {{0}}, {{1}})")
    for kind in ("int", "hugeint", "decimal", "date", "timestamp"):
        yield Entry(name="nullif", args=(kind, kind), sql="NULLIF({0}, {1})")


def casts() -> dict[tuple[str, str], Entry]:
    """Casts that cannot saturate: to a type that holds every value, or to none at all.

    Where DuckDB's cast fails because the value is too big, the value itself goes on, and the border refuses it.
    """
    exact = [("int", "int"), ("int", "hugeint"), ("hugeint", "int"), ("bool", "int"), ("bool", "hugeint")]
    made = {pair: _cast(pair, "{0}") for pair in exact}
    made["int", "bool"] = _cast(("int", "bool"), "({0} <> 0)")
    made["int", "double"] = _cast(("int", "double"), "({0} * 1e0)")
    made["int", "decimal"] = _cast(("int", "decimal"), "{0}")
    for target in ("int", "hugeint"):
        made["decimal", target] = _cast(("decimal", target), "ROUND({0})")
    made["decimal", "decimal"] = _cast(("decimal", "decimal"), "{0}", check=_keeps_scale)
    made["date", "timestamp"] = _cast(("date", "timestamp"), "CAST({0} AS DATETIME)")
    made["timestamp", "date"] = _cast(("timestamp", "date"), "CAST({0} AS DATE)")
    return made


def _cast(pair: tuple[str, str], sql: str, check: Callable[[tuple[str | None, ...]], bool] | None = None) -> Entry:
    return Entry(name="cast", args=(pair[0],), sql=sql, check=check, result=pair[1])


def target_type(type_: str) -> str | None:
    """DuckDB's name of a type that a cast here may go to; the templates need no other."""
    return type_ if family(type_) not in ("other", "null", "interval", "float") else None


# ---------------------------------------------------------------- conditions on constants and types


def _positive(texts_: tuple[str | None, ...]) -> bool:
    return texts_[1] is not None and int(texts_[1]) > 0


def _divisor(texts_: tuple[str | None, ...]) -> bool:
    return texts_[1] is not None and int(texts_[1]) != 0


def _slice(texts_: tuple[str | None, ...]) -> bool:
    """From 1 on, and a length that is none or more: 0 and less mean other things on either side."""
    start, *length = (int(text or "0") for text in texts_[1:])
    return 1 <= start < 1 << 31 and all(0 <= n < 1 << 31 for n in length)


def _not_negative_second(texts_: tuple[str | None, ...]) -> bool:
    return texts_[1] is not None and 0 <= int(texts_[1]) < 1 << 31


def _no_escape(texts_: tuple[str | None, ...]) -> bool:
    return texts_[1] is not None and "\x01" not in texts_[1]


def _part(part: str, texts_: tuple[str | None, ...]) -> bool:
    return texts_[0] is not None and texts_[0].lower() == part


def _keeps_scale(types: tuple[str | None, ...]) -> bool:
    """DECIMAL to DECIMAL of at least the same scale: the value is the same, and rounding never happens."""
    source, target = (decimal_shape(type_ or "") for type_ in types)
    return target[1] >= source[1]
