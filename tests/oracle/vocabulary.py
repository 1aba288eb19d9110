"""The words of random statements: tables with the families of their columns, literals, operators.

A family is a set of types between which expressions are exchanged; the generator writes only what its families allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.oracle import kinds

Column = tuple[str, str]
"""(SQL, family)"""


def _columns(text: str) -> dict[str, str]:
    """Column -> family.

    >>> _columns("a:int b:text")
    {'a': 'int', 'b': 'text'}
    """
    return dict(part.split(":") for part in text.split())


_WIDE = _columns(
    "id:int g:int n:int m:decimal x:double f:float t:text d:date ts:timestamp tm:time tz:timestamptz raw:blob"
)
_DEEP = _columns("id:int wide:int q:int p:decimal t:text d:date")

RELATIONS: Mapping[str, Mapping[str, str]] = {
    "@wide": _WIDE,
    "@deep": _DEEP,
    "pg.public.people": _columns(
        "id:int name:text nick:text code:text city:text born:date weight:double height:float balance:decimal vip:bool"
        " boss:int mood:text"
    ),
    "pg.public.orders": _columns("id:int person:int amount:decimal qty:int placed:date ts:timestamp status:text"),
    "pg.public.pairs": _columns("a:int b:int"),
    "pg.public.items": _columns("id:int label:text"),
    "pg.public.numbers": _columns("id:int i2:int m:decimal f8:double"),
    "pg.public.stamps": _columns("id:int d:date t:time ts:timestamp tz:timestamptz"),
    "pg.public.nothing": _columns("a:int b:text c:decimal d:date"),
    "my.shop.customers": _columns(
        "id:int name:text email:text code:text city:text tier:text active:int credit:decimal score:double born:date"
        " joined:timestamp small:int"
    ),
    "my.shop.orders": _columns("id:int customer:int item:text qty:int price:decimal placed:date"),
    "my.crm.pairs": _columns("a:int b:int"),
    "my.shop.items": _columns("id:int label:text"),
    "my.shop.numbers": _columns("id:int i1:int m:decimal f8:double"),
    "my.shop.nothing": _columns("a:int b:text c:decimal d:date"),
    "lake.main.events": _columns("id:int kind:text ts:timestamp person:int val:double lvl:text"),
    "lake.main.pairs": _columns("a:int b:int"),
    "lake.main.items": _columns("id:int label:text"),
    "lake.main.regions": _columns("city:text region:text"),
}
"""Tables and the families of those of their columns that statements use; '@' is the same table at any source."""

PORTABLE = ("@wide", "@deep")
UNIQUE = frozenset(
    {"@wide", "@deep", "pg.public.people", "pg.public.orders", "pg.public.numbers", "pg.public.stamps"}
    | {"my.shop.customers", "my.shop.orders", "my.shop.numbers", "lake.main.events"}
)
"""Tables whose column id is unique."""

LITERALS: Mapping[str, Sequence[str]] = {
    "int": ("1", "0", "2", "3", "5", "-1", "-7", "100", "NULL::INTEGER"),
    "decimal": ("10.00", "0.00", "1.5", "-5.50", "20", "0.01", "-1.25", "1.500"),
    "text": (
        "'ana'", "'Ana'", "'Paris'", "'Paris '", "''", "'open'", "'é'", "'ab'", "'z'", "'O''Hara'", "'\\'", "'50%'",
    ),
    "date": ("DATE '2024-01-15'", "DATE '1980-02-29'", "DATE '0001-01-01'", "DATE '9999-12-31'"),
    "timestamp": ("TIMESTAMP '2024-01-15 10:30:00'", "TIMESTAMP '2000-01-01 00:00:00.5'", "TIMESTAMP '1970-01-01'"),
    "bool": ("TRUE", "FALSE", "NULL::BOOLEAN"),
    "double": ("1.5::DOUBLE", "0.0::DOUBLE", "-1.5::DOUBLE", "60.25::DOUBLE", "'NaN'::DOUBLE", "1e300"),
    "float": ("1.5::FLOAT", "0.5::FLOAT", "-1.5::FLOAT", "16777216::FLOAT"),
    "time": ("TIME '12:00:00'", "TIME '02:30:00'", "TIME '23:59:59.999999'"),
    "timestamptz": ("TIMESTAMPTZ '2024-03-31 01:00:00+00'", "TIMESTAMPTZ '2024-01-15 10:30:00+00'"),
    "blob": ("'a'::BLOB", "''::BLOB", "'\\x00\\xFF'::BLOB"),
}  # fmt: skip
FAMILIES = tuple(LITERALS)
COMMON = ("int", "decimal", "text", "date", "timestamp", "bool")
"""Families of which outputs are mostly made. Doubles and floats are asked for apart: they are not grouped or sorted."""
SORTED = frozenset({"int", "decimal", "text", "date", "timestamp", "bool", "time", "timestamptz", "blob"})
"""Families whose equal values look the same: not doubles and floats, where 0.0 and -0.0 may stand for each other."""

COMPARISONS = ("=", "=", "<>", "<", ">", "<=", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
PATTERNS = ("'%a%'", "'An_'", "'_'", "'%\\%'", "'P%s%'", "'%o'", "'%'", "'ab'", "'a%'", "'%''%'")
UNITS = ("day", "month", "year", "hour", "quarter", "week", "minute")


def copy(name: str, source: str) -> str:
    """The full name of a table that every source has.

    >>> copy("@wide", "my")
    'my.shop.wide'
    """
    return f"{source}.{kinds.WHERE[source]}.{name[1:]}"
