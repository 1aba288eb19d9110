"""DuckDB values as PostgreSQL literals: the only place where a client's values become SQL for PostgreSQL.

Every literal has a type, so that what surrounds it is resolved as DuckDB resolved it: a bare 1 is an int4, and int4
arithmetic overflows where DuckDB's BIGINT does not.
"""

from __future__ import annotations

import re

from connectors.sqlgen.dialect import decimal_shape, family

_TYPES = {
    "BOOLEAN": "bool",
    "SMALLINT": "int2",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "HUGEINT": "numeric",
    "FLOAT": "float4",
    "DOUBLE": "float8",
    "VARCHAR": "text",
    "BLOB": "bytea",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
}
_INTEGERS = {"TINYINT": "int2", "UTINYINT": "int2", "USMALLINT": "int4", "UINTEGER": "int8", "UBIGINT": "numeric"}
"""DuckDB's integers that PostgreSQL lacks -> the smallest type that holds them. Not for casts: no range check."""

_INTEGER = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]*\.?[0-9]+")
_FLOAT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|inf|nan)", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4,6})-[0-9]{2}-[0-9]{2}( \(BC\))?")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?")
_ZONE = re.compile(r"[+-][0-9]{2}(:[0-9]{2}){0,2}")
_INTERVAL = re.compile(r"[a-z0-9 :.\-]+")
_BYTE = re.compile(r"\\x([0-9A-Fa-f]{2})|([^\\])", re.DOTALL)


def types(type_: str) -> str | None:
    """The name of a DuckDB type in CAST; None where PostgreSQL has none with the same values.

    >>> types("DECIMAL(12,2)"), types("BIGINT[]"), types("UBIGINT")
    ('numeric(12,2)', 'int8[]', None)
    """
    if type_.endswith("[]"):
        item = types(type_[:-2])
        # int4[][] is int4[] to PostgreSQL, a list of lists is not.
        return None if item is None or item.endswith("[]") else item + "[]"
    if family(type_) == "decimal":
        precision, scale = decimal_shape(type_)
        return f"numeric({precision},{scale})"
    return _TYPES.get(type_)


def literal(text: str | None, type_: str) -> str | None:
    r"""A literal of exactly this value, or None where PostgreSQL has none. Safe for any text.

    >>> literal("it's", "VARCHAR"), literal("a\\b", "VARCHAR"), literal("a\0b", "VARCHAR")
    ("'it''s'::text", "E'a\\\\b'::text", None)
    >>> literal("-5", "BIGINT"), literal("5", "INTEGER"), literal("0044-03-15 (BC)", "DATE")
    ("'-5'::int8", '5', "'0044-03-15 BC'::date")
    """
    name = types(type_) or _INTEGERS.get(type_)
    if text is None:
        return "NULL" if type_ == '"NULL"' else name and f"CAST(NULL AS {name})"
    if name is None or name.endswith("[]"):
        return None
    kind = family(type_)
    if kind == "text":
        return quoted(text, "text")
    if kind == "bool":
        return text.upper() if text in ("true", "false") else None
    if kind == "int" and type_ == "INTEGER" and text.isdecimal() and text.isascii():
        return text
    value = _VALUES[kind](text)
    return None if value is None else quoted(value, name)


def quoted(text: str, type_: str) -> str | None:
    """A string constant cast to a type. E'' where there is a backslash, so that it means the same whatever
    standard_conforming_strings is; PostgreSQL's text holds no NUL."""
    if "\0" in text:
        return None
    doubled = text.replace("'", "''")
    if "\\" in text:
        return "E'" + doubled.replace("\\", "\\\\") + f"'::{type_}"
    return f"'{doubled}'::{type_}"


def listed(texts: tuple[str, ...], types_: tuple[str, ...]) -> str | None:
    r"""Keys as arrays, one for each column: texts and DuckDB types as in Dialect.key_list. None where it cannot say them.

    >>> listed(("1\x002",), ("INTEGER",)), listed(("1.5", "2020-02-01"), ("DECIMAL(4,1)", "DATE"))
    ("'{1,2}'::int4[]", '\'{1.5}\'::numeric[], \'{"2020-02-01"}\'::date[]')
    >>> print(listed(("it's\x00a\"b",), ("VARCHAR",)))
    E'{"it''s","a\\"b"}'::text[]
    """
    arrays = []
    for text, type_ in zip(texts, types_, strict=True):
        kind = family(type_)
        name = "numeric" if kind == "decimal" else types(type_)  # numeric(12,2) would refuse what does not fit
        if name is None:
            return None
        if kind not in ("int", "decimal"):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            text = '"' + escaped.replace("\0", '"\0"') + '"'
        arrays.append(quoted("{" + text.replace("\0", ",") + "}", f"{name}[]"))
    return ", ".join(filter(None, arrays))


def _number(text: str) -> str | None:
    return text if _INTEGER.fullmatch(text) else None


def _exact(text: str) -> str | None:
    return text if _DECIMAL.fullmatch(text) else None


def _approximate(text: str) -> str | None:
    # Both sides print the shortest digits that round-trip and read them to the nearest value. NaN has no sign there.
    return text.replace("-nan", "nan") if _FLOAT.fullmatch(text) else None


def _date(text: str) -> str | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    # From 4713 BC to 5874897 for dates, to 294276 for timestamps; DuckDB's reach further back and forth.
    before_christ = bool(match[2])
    if int(match[1]) > (4713 if before_christ else 294000):
        return None
    return text.replace(" (BC)", " BC")


def _timestamp(text: str) -> str | None:
    date, time = _split(text)
    day = _date(date)
    if day is None or not _TIME.fullmatch(time):
        return None
    return f"{day.removesuffix(' BC')} {time}{' BC' if day.endswith(' BC') else ''}"


def _timestamptz(text: str) -> str | None:
    zone = re.search(r"[+-][0-9:]+$", text)
    if zone is None or not _ZONE.fullmatch(zone[0]):
        return None
    local = _timestamp(text[: zone.start()])
    if local is None:
        return None
    return f"{local.removesuffix(' BC')}{zone[0]}{' BC' if local.endswith(' BC') else ''}"


def _split(text: str) -> tuple[str, str]:
    """'0044-03-15 (BC) 12:00:00' -> ('0044-03-15 (BC)', '12:00:00')."""
    date, _, time = text.rpartition(" ")
    return date, time


def _time(text: str) -> str | None:
    return text if _TIME.fullmatch(text) else None


def _interval(text: str) -> str | None:
    return text if _INTERVAL.fullmatch(text) else None


def _bytes(text: str) -> str | None:
    r"""DuckDB's 'a\xAB' as PostgreSQL's '\x61ab'."""
    made, position = "", 0
    while position < len(text):
        match = _BYTE.match(text, position)
        if match is None:
            return None
        made += match[1].lower() if match[1] else match[2].encode().hex()
        position = match.end()
    return "\\x" + made


_VALUES = {
    "int": _number,
    "hugeint": _number,
    "decimal": _exact,
    "float": _approximate,
    "double": _approximate,
    "blob": _bytes,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "interval": _interval,
}
"""By family: DuckDB's text of a value -> PostgreSQL's, None where it has none."""
