"""The functions, operators, aggregates, windows and casts that PostgreSQL computes exactly as DuckDB does.

Each entry is run on both over hostile values by tests/integration/postgres/test_dialect_oracle.py; what could not be
proven there is not here. Three rules run through the templates: PostgreSQL may not raise where DuckDB answers; a result
narrower than DuckDB's is widened, so that what is computed from it does not overflow; an int4 argument is cast to one.

Left out, with a counter-example each:
  + - * / over FLOAT and DOUBLE, and sum of them: 1e308 + 1e308 is inf there, an error here.
  / and comparisons between DOUBLE and a long DECIMAL: a DECIMAL(38,10) becomes another DOUBLE in the last bit.
  DATE or TIMESTAMP + INTERVAL, DATE + INTEGER: PostgreSQL's calendar ends at 4714 BC, DuckDB's does not.
  ntile: an int4, which OVER lets no template widen; ntile(3) OVER (…) * 2000000000 is an error here.
  upper, lower, ILIKE, trim: by the database's locale, by Unicode there. reverse: by graphemes there.
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.sqlgen.dialect import Entry, each, entries
from connectors.sqlgen.quotients import short

_EXACT = ("int", "hugeint", "decimal")
_ORDERED = ("bool", "int", "hugeint", "decimal", "float", "double", "date", "time", "timestamp", "timestamptz", "blob")
"""Families that both order alike: NaN above all, -0.0 equal to 0.0, false before true, blobs by bytes."""
_PAIRS = [
    *((kind, kind) for kind in _ORDERED),
    *((a, b) for a in ("int", "hugeint", "decimal") for b in ("int", "hugeint", "decimal") if a != b),
    # PostgreSQL compares these by the same cast that DuckDB makes: int8 and real to float8.
    ("int", "double"),
    ("double", "int"),
    ("float", "double"),
    ("double", "float"),
    ("date", "timestamp"),
    ("timestamp", "date"),
]
_COMPARISONS = {
    "=": "=",
    "<>": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "is distinct from": "IS DISTINCT FROM",
    "is not distinct from": "IS NOT DISTINCT FROM",
}
_BY_EQUALITY = frozenset({"=", "<>", "is distinct from", "is not distinct from"})


def _compare() -> Iterable[Entry]:
    for name, operator in _COMPARISONS.items():
        for pair in _PAIRS:
            yield Entry(name=name, args=pair, sql=f"({{0}} {operator} {{1}})")
        # Both round a short DECIMAL to the nearest DOUBLE.
        yield Entry(name=name, args=("decimal", "double"), sql=f"(CAST({{0}} AS float8) {operator} {{1}})", types=short)
        yield Entry(name=name, args=("double", "decimal"), sql=f"({{0}} {operator} CAST({{1}} AS float8))", types=short)
        form = "eq" if name in _BY_EQUALITY else "ord"
        yield Entry(name=name, args=("text", "text"), sql=f"({{0:{form}}} {operator} {{1:{form}}})")


def _arithmetic() -> Iterable[Entry]:
    for operator in "+-*":
        # Overflow is an error on both sides for integers; numeric has none, and gives the exact value.
        yield Entry(name=operator, args=("int", "int"), sql=f"({{0}} {operator} {{1}})", result="int")
        for a in _EXACT:
            for b in _EXACT:
                if (a, b) != ("int", "int"):
                    result = "decimal" if "decimal" in (a, b) else "hugeint"
                    yield Entry(name=operator, args=(a, b), sql=f"({{0}} {operator} {{1}})", result=result)
    for pair in (("decimal", "double"), ("double", "decimal"), ("int", "double"), ("double", "int")):
        sql = "(CAST({0} AS float8) * CAST({1} AS float8))"
        yield Entry(name="*", args=pair, sql=sql, types=short, moderate=True, result="double")
    for kind in (*_EXACT, "float", "double"):
        yield Entry(name="-", args=(kind,), sql="(- {0})", result=kind)
        yield Entry(name="+", args=(kind,), sql="{0}", result=kind)
        yield Entry(name="abs", args=(kind,), sql="abs({0})", result=kind)
    # DuckDB 2.0 raises for a divisor of 0 and for the least integer by -1, so PostgreSQL may as well.
    yield Entry(name="//", args=("int", "int"), sql="({0} / {1})", result="int")
    yield Entry(name="%", args=("int", "int"), sql="({0} % {1})", result="int")
    yield Entry(
        name="/",
        args=("int", "int"),
        sql="(CASE WHEN {1} <> 0 THEN CAST({0} AS float8) / CAST({1} AS float8)"
        " WHEN {1} = 0 THEN CASE sign({0}) WHEN 1 THEN float8 'Infinity' WHEN -1 THEN float8 '-Infinity'"
        " WHEN 0 THEN float8 'NaN' END END)",
        result="double",
    )
    yield Entry(
        name="-", args=("date", "date"), sql="CAST({0} - {1} AS int8)", result="int", note="days, at most 2.1e9"
    )


def _rounding() -> Iterable[Entry]:
    yield Entry(name="round", args=("decimal",), sql="round({0})", result="decimal", note="half away from zero")
    yield Entry(
        name="round",
        args=("decimal", "int"),
        sql="round({0}, {1})",
        result="decimal",
        constants=frozenset({1}),
        check=_small_scale,
    )
    for name in ("floor", "ceil"):
        yield from each(name, (("decimal", "double", "float"),), f"{name}({{0}})")
    yield Entry(name="trunc", args=("decimal",), sql="trunc({0})", result="decimal")
    yield Entry(name="sign", args=("decimal",), sql="CAST(sign({0}) AS int2)", result="int")
    yield Entry(name="sign", args=("int",), sql="CAST(sign({0}) AS int2)", result="int")


def _choices() -> Iterable[Entry]:
    for name, function in (("greatest", "GREATEST"), ("least", "LEAST")):
        for kind in ("int", "decimal", "date", "timestamp", "timestamptz", "double"):
            yield Entry(name=name, args=(kind, f"{kind}*"), sql=f"{function}({{*}})", result=kind)
        for count in (2, 3):
            ordered = ", ".join(f"{{{i}:ord}}" for i in range(count))
            yield Entry(name=name, args=("text",) * count, sql=f'({function}({ordered}) COLLATE "default")')
    for kind in (*_ORDERED, "text"):
        form = ":eq" if kind == "text" else ""
        yield Entry(name="nullif", args=(kind, kind), sql=f"NULLIF({{0{form}}}, {{1{form}}})")


_BEYOND_ASCII = "{0} COLLATE \"C\" ~ '[^ -~]'"
"""Keeps control characters, too, which does no harm: no escape is needed."""


def _text() -> Iterable[Entry]:
    yield Entry(name="||", args=("text", "text"), sql="({0} || {1})")
    yield Entry(name="concat", args=("text", "text*"), sql="concat({*})", note="skips NULLs on both sides")
    yield Entry(name="length", args=("text",), sql="CAST(length({0}) AS int8)")
    yield Entry(name="strlen", args=("text",), sql="CAST(octet_length(convert_to({0}, 'UTF8')) AS int8)")
    # Without ESCAPE '' a backslash in the pattern escapes; DuckDB has no default escape.
    yield Entry(name="~~", args=("text", "text"), sql="({0} LIKE {1} ESCAPE '')")
    yield Entry(name="!~~", args=("text", "text"), sql="({0} NOT LIKE {1} ESCAPE '')")
    # In the "C" locale ILIKE folds ASCII only, so it is right for rows that are ASCII; the others are all kept.
    yield Entry(
        name="~~*",
        args=("text", "text"),
        sql=f"({{0}} COLLATE \"C\" ILIKE {{1}} ESCAPE '' OR {_BEYOND_ASCII})",
        superset=True,
        constants=frozenset({1}),
        check=_ascii_pattern,
    )
    yield Entry(name="prefix", args=("text", "text"), sql="starts_with({0}, {1})")
    yield Entry(name="suffix", args=("text", "text"), sql="(right({0}, length({1})) = {1})")
    yield Entry(name="contains", args=("text", "text"), sql="(strpos({0}, {1}) > 0)")
    yield Entry(name="strpos", args=("text", "text"), sql="CAST(strpos({0}, {1}) AS int8)")
    yield Entry(name="replace", args=("text", "text", "text"), sql="replace({0}, {1}, {2})")
    for name, function in (("trim", "btrim"), ("ltrim", "ltrim"), ("rtrim", "rtrim")):
        yield Entry(name=name, args=("text", "text"), sql=f"{function}({{0}}, {{1}})")
    for name in ("left", "right"):
        yield Entry(
            name=name,
            args=("text", "int"),
            sql=f"{name}({{0}}, CAST({{1}} AS int4))",
            constants=frozenset({1}),
            check=_modest,
        )
    # A start below 0 counts from the end in DuckDB, and a negative length raises in PostgreSQL.
    yield Entry(
        name="substr",
        args=("text", "int"),
        sql="substr({0}, CAST({1} AS int4))",
        constants=frozenset({1}),
        check=_not_negative,
    )
    yield Entry(
        name="substr",
        args=("text", "int", "int"),
        sql="substr({0}, CAST({1} AS int4), CAST({2} AS int4))",
        constants=frozenset({1, 2}),
        check=_not_negative,
    )


_YEAR = "(CAST(date_part('year', {0}) AS int8) + CASE WHEN {0} < '0001-01-01'::date THEN 1 ELSE 0 END)"
"""44 BC is -44 in PostgreSQL and -43 in DuckDB."""


def _dates() -> Iterable[Entry]:
    for kind in ("date", "timestamp"):
        yield Entry(name="year", args=(kind,), sql=_YEAR)
        for name, field in (("month", "month"), ("day", "day"), ("dayofmonth", "day"), ("quarter", "quarter")):
            yield Entry(name=name, args=(kind,), sql=f"CAST(date_part('{field}', {{0}}) AS int8)")
        yield Entry(name="dayofyear", args=(kind,), sql="CAST(date_part('doy', {0}) AS int8)")
        yield Entry(
            name="date_part",
            args=("text", kind),
            sql="(CAST(floor(date_part({0}, {1})) AS int8)"
            " + CASE WHEN {0} = 'year' AND {1} < '0001-01-01'::date THEN 1 ELSE 0 END)",
            constants=frozenset({0}),
            check=_day_field if kind == "date" else _time_field,
            result="int",
        )
        yield Entry(
            name="date_trunc",
            args=("text", kind),
            sql="date_trunc({0}, CAST({1} AS timestamp))",
            constants=frozenset({0}),
            check=_truncation,
            result="timestamp",
        )
    for name in ("hour", "minute", "second"):
        for kind in ("timestamp", "time"):
            yield Entry(name=name, args=(kind,), sql=f"CAST(floor(date_part('{name}', {{0}})) AS int8)")


_SMALL = 1_000_000_000
"""Sums of two of these are int4."""
_DAY_FIELDS = frozenset({"year", "month", "day", "quarter", "doy"})
_TIME_FIELDS = _DAY_FIELDS | {"hour", "minute", "second"}
_UNITS = frozenset({"year", "quarter", "month", "day", "hour", "minute", "second"})


def _small_scale(texts: tuple[str | None, ...]) -> bool:
    return texts[1] is not None and 0 <= int(texts[1]) <= 38


def _ascii_pattern(texts: tuple[str | None, ...]) -> bool:
    return texts[1] is not None and texts[1].isascii()


def _modest(texts: tuple[str | None, ...]) -> bool:
    return texts[1] is not None and abs(int(texts[1])) <= _SMALL


def _small_count(texts: tuple[str | None, ...]) -> bool:
    return texts[1] is not None and 1 <= int(texts[1]) <= _SMALL


def _not_negative(texts: tuple[str | None, ...]) -> bool:
    return all(text is not None and 0 <= int(text) <= _SMALL for text in texts[1:])


def _day_field(texts: tuple[str | None, ...]) -> bool:
    return texts[0] in _DAY_FIELDS


def _time_field(texts: tuple[str | None, ...]) -> bool:
    return texts[0] in _TIME_FIELDS


def _truncation(texts: tuple[str | None, ...]) -> bool:
    return texts[0] in _UNITS


SCALARS = entries(_compare(), _arithmetic(), _rounding(), _choices(), _text(), _dates())

_COUNTED = (*_ORDERED, "text", "interval", "other")


_AVERAGE = (
    "(CASE WHEN abs(sum({0})) * {unit} <= 9007199254740992"
    " THEN CAST(sum({0}) * {unit} AS float8) / CAST(count({0}) * {unit} AS float8)"
    " ELSE CAST(div(sum({0}) * {unit}, count({0}) * CAST({unit} AS numeric)) AS float8)"
    " + CAST(mod(sum({0}) * {unit}, count({0}) * CAST({unit} AS numeric)) AS float8) / CAST(count({0}) * {unit} AS float8) END)"
)
"""As planner/averages.py: a sum beyond 2^53 is divided as an integer first."""


def _aggregates() -> Iterable[Entry]:
    yield Entry(name="count_star", args=(), sql="count(*)")
    yield from each("count", (_COUNTED,), "count({0})")
    for kind in ("int", "hugeint"):
        yield Entry(name="sum", args=(kind,), sql="CAST(sum({0}) AS numeric)", result="hugeint")
    yield Entry(name="sum", args=("decimal",), sql="sum({0})", result="decimal")
    # One aggregate that is written several times is computed once.
    yield from each("avg", (("int", "decimal"),), _AVERAGE, types=short, result="double")
    for name in ("min", "max"):
        for kind in _ORDERED:
            if kind not in ("bool", "blob"):  # PostgreSQL has neither
                yield Entry(name=name, args=(kind,), sql=f"{name}({{0}})")
        yield Entry(name=name, args=("text",), sql=f'({name}({{0:ord}}) COLLATE "default")')
    for name in ("bool_and", "bool_or"):
        yield Entry(name=name, args=("bool",), sql=f"{name}({{0}})")

    # Both pass over NULLs, and have none of nothing.
    for name in ("string_agg", "group_concat", "listagg"):
        yield Entry(name=name, args=("text",), sql="string_agg({0}, ','{order})")
        yield Entry(name=name, args=("text", "text"), sql="string_agg({0}, {1}{order})", constants=frozenset({1}))
    # NULLs are elements on both sides. Arrays of arrays would be of more dimensions, and numeric[] of one shape.
    for name in ("list", "array_agg"):
        for kind in ("bool", "int", "float", "double", "text", "date", "timestamp"):
            yield Entry(name=name, args=(kind,), sql="CAST(array_agg({0}{order}){filter} AS {type})")


AGGREGATES = entries(_aggregates())


def _windows() -> Iterable[Entry]:
    for name in ("row_number", "rank", "dense_rank"):
        yield Entry(name=name, args=(), sql=f"{name}()")
    yield Entry(name="count_star", args=(), sql="count(*)")
    yield from each("count", (_COUNTED,), "count({0})")
    # OVER follows the template, so what widens the result stands inside.
    for kind in ("int", "hugeint"):
        yield Entry(name="sum", args=(kind,), sql="sum(CAST({0} AS numeric))", result="hugeint")
    yield Entry(name="sum", args=("decimal",), sql="sum({0})", result="decimal")
    plain = [kind for kind in _ORDERED if kind not in ("bool", "blob")]
    for name in ("min", "max"):
        yield from each(name, (plain,), f"{name}({{0}})")
    for name in ("lag", "lead", "first_value", "last_value"):
        yield from each(name, ((*_ORDERED, "text"),), f"{name}({{0}})")
    counted = {"constants": frozenset({1}), "check": _small_count}
    for name in ("lag", "lead"):
        yield from each(name, ((*_ORDERED, "text"), ("int",)), f"{name}({{0}}, CAST({{1}} AS int4))", **counted)
    yield from each("nth_value", ((*_ORDERED, "text"), ("int",)), "nth_value({0}, CAST({1} AS int4))", **counted)
    for name in ("percent_rank", "cume_dist"):
        yield Entry(name=name, args=(), sql=f"{name}()", note="a quotient of two counts on both sides")
    for name in ("bool_and", "bool_or"):
        yield Entry(name=name, args=("bool",), sql=f"{name}({{0}})")


WINDOWS = entries(_windows())


def _cast(source: str, target: str, sql: str = "CAST({0} AS {type})", **more: object) -> tuple[tuple[str, str], Entry]:
    return (source, target), Entry(name="cast", args=(source,), sql=sql, **more)  # type: ignore[arg-type]


def _short_cast(types: tuple[str | None, ...]) -> bool:
    return short((types[0] or "",))


CASTS = dict(
    [
        _cast("int", "int"),
        _cast("int", "hugeint"),
        _cast("int", "decimal"),
        _cast("int", "float"),
        _cast("int", "double"),
        _cast("int", "text"),
        _cast("int", "bool", "({0} <> 0)"),
        _cast("hugeint", "int"),
        _cast("hugeint", "text"),
        _cast("decimal", "int"),
        _cast("decimal", "decimal"),
        _cast("decimal", "double", check=_short_cast),
        _cast("double", "int"),
        _cast("float", "int"),
        _cast("float", "double"),
        _cast("bool", "int", "CAST(CAST({0} AS int4) AS {type})"),
        _cast("bool", "text"),
        _cast("date", "timestamp"),
        _cast("timestamp", "date"),
        _cast("timestamp", "time"),
    ]
)
