"""PostgreSQL's types -> the types that we announce, and the expression that reads a value of it.

What PostgreSQL has and DuckDB has not is read in the source's own text form, with CAST(… AS text).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.postgres.config import unbounded_numeric

_SAME = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "text": "VARCHAR",
    "varchar": "VARCHAR",
    "bytea": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "interval": "INTERVAL",
}
"""Built-in types with the same values on both sides."""

AS_TEXT = "CAST({0} AS text)"
AS_TEXTS = "CAST({0} AS text[])"
IN_DEFAULT_COLLATION = '{0} COLLATE "default"'
"""For text columns of another collation than the database's default.

It makes = deterministic where the column's collation is not. And two columns of different collations meet without error
42P22 'could not determine which collation to use', which = raises, too. Never "C": as a derived table's column it would
collide with the default collation in turn.
"""
_TEXT_ELEMENTS = frozenset({"bpchar", "name", "uuid", "json", "jsonb", "citext"})
"""Element types, besides enums, whose arrays are lists of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PgType:
    """A row of pg_type."""

    name: str
    builtin: bool
    """Whether it lives in pg_catalog."""
    kind: str
    """typtype: b base, c composite, d domain, e enum, r range, m multirange, p pseudo."""
    base: int = 0
    """Of a domain: the type below it."""
    modifier: int = -1
    """Of a domain: the type modifier that it gives to its base."""
    element: int = 0
    """Of a true array: its element type."""


def announced(
    oid: int, modifier: int, types: Mapping[int, PgType], *, collated: bool, numeric: str, exact_text: bool = True
) -> tuple[str, str]:
    """The announced DuckDB type of a column, and the template of the expression that reads it.

    `collated`: the column has a collation of its own; `numeric`: the source's setting of that name.
    """
    type_, modifier = _base(oid, modifier, types)
    if type_ is None:
        return "VARCHAR", AS_TEXT
    if type_.element:
        return _array(type_.element, modifier, types, numeric)
    if type_.builtin and type_.name == "numeric":
        return _numeric(modifier, numeric)
    known = _SAME.get(type_.name) if type_.builtin else None
    read = AS_TEXT if known is None else "{0}"
    if collated and exact_text and (known == "VARCHAR" or type_.name in _TEXT_ELEMENTS):
        # Typed before it is collated: citext has a default collation, name is always collated "C".
        read = f"({IN_DEFAULT_COLLATION.format(read)})"
    return known or "VARCHAR", read


def written(oid: int, modifier: int, types: Mapping[int, PgType], announced_type: str, name: str) -> str:
    """The template of the expression that turns a value of the announced type into the column's.

    `name` is the type's own without a modifier: assigned, a text too long for varchar(3) is an error, cast it is cut.
    """
    type_, _ = _base(oid, modifier, types)
    if type_ is not None and type_.element:
        type_, _ = _base(type_.element, -1, types)
    if type_ is not None and type_.builtin:
        item = announced_type.removesuffix("[]")
        if _SAME.get(type_.name) == item or type_.name == "numeric" and item != "VARCHAR":
            return "{0}"
    escaped = name.replace("{", "{{").replace("}", "}}")
    return f"CAST({{0}} AS {escaped})"


def limits(oid: int, modifier: int, types: Mapping[int, PgType]) -> tuple[int | None, int]:
    """How many characters, and how many digits of a second, a column stores."""
    type_, modifier = _base(oid, modifier, types)
    if type_ is None or not type_.builtin or modifier < 0:
        return None, 6
    if type_.name in ("varchar", "bpchar"):
        return modifier - 4, 6
    return None, modifier if type_.name in ("time", "timestamp", "timestamptz") else 6


STORED = {
    "TINYINT": "SMALLINT",
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    '"NULL"': "VARCHAR",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
}
"""Types that PostgreSQL lacks -> the narrowest of its own that holds their values, for columns of new tables."""


def plain_form(oid: int, modifier: int, types: Mapping[int, PgType]) -> str | None:
    """How a constant is compared with a column whose read form no index knows: a bpchar's = passes over trailing blanks.

    So does its read form, but not over the constant's. In a collation of the column's own more texts may be equal.
    Not with an enum's or a uuid's: a constant that is none of their values would be an error.
    """
    type_, _ = _base(oid, modifier, types)
    return "CAST({0} AS bpchar)" if type_ is not None and type_.builtin and type_.name == "bpchar" else None


def _base(oid: int, modifier: int, types: Mapping[int, PgType]) -> tuple[PgType | None, int]:
    """The type below any domains."""
    type_ = types.get(oid)
    while type_ is not None and type_.kind == "d":
        modifier = type_.modifier
        type_ = types.get(type_.base)
    return type_, modifier


def _numeric(modifier: int, setting: str) -> tuple[str, str]:
    shape = numeric_shape(modifier)
    if shape is not None:
        return f"DECIMAL({shape[0]},{shape[1]})", "{0}"
    type_ = unbounded_numeric(setting)
    return type_, {"DOUBLE": "CAST({0} AS float8)", "VARCHAR": AS_TEXT}.get(type_, "{0}")


def numeric_shape(modifier: int) -> tuple[int, int] | None:
    """Precision and scale as DuckDB can declare them; None without any, and where 38 digits do not hold the values.

    A modifier is (precision << 16 | scale) + 4, the scale of 11 bits with a sign (numeric.c, make_numeric_typmod).

    >>> numeric_shape((12 << 16 | 2) + 4), numeric_shape((5 << 16 | (-2 & 0x7FF)) + 4), numeric_shape((3 << 16 | 5) + 4)
    ((12, 2), (7, 0), (5, 5))
    """
    if modifier < 0:
        return None
    packed = modifier - 4
    precision, scale = (packed >> 16) & 0xFFFF, ((packed & 0x7FF) ^ 0x400) - 0x400
    if scale < 0:
        precision, scale = precision - scale, 0
    precision = max(precision, scale)
    return (precision, scale) if precision <= 38 else None


def _array(element: int, modifier: int, types: Mapping[int, PgType], numeric: str) -> tuple[str, str]:
    """Lists for the elements that we know; all other arrays are their text."""
    type_, own = _base(element, modifier, types)
    in_domain = types[element].kind == "d" if element in types else False
    if type_ is None or type_.element:
        return "VARCHAR", AS_TEXT
    if type_.kind == "e" or type_.name in _TEXT_ELEMENTS and (type_.builtin or type_.name == "citext"):
        return "VARCHAR[]", AS_TEXTS
    if not type_.builtin:
        return "VARCHAR", AS_TEXT
    if type_.name == "numeric":
        item = _numeric(own, numeric)[0]
        return f"{item}[]", {"DOUBLE": "CAST({0} AS float8[])", "VARCHAR": AS_TEXTS}.get(item, "{0}")
    if type_.name not in _SAME:
        return "VARCHAR", AS_TEXT
    # A domain's array does not arrive as its base's.
    return f"{_SAME[type_.name]}[]", f"CAST({{0}} AS {type_.name}[])" if in_domain else "{0}"
