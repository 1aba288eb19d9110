"""Client values as literals of MySQL and MariaDB: the only place where they become SQL.

Safe without any trust in the session: a quote is doubled, and a text with a backslash or anything unprintable is
written as hexadecimal digits, so no sql_mode and no character set can make it end early.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from connectors.sqlgen.dialect import family, items_of_rows

_INTEGER = re.compile(r"-?\d{1,39}")
_NUMBER = re.compile(r"-?\d{1,38}(?:\.\d{1,38})?|-?\.\d{1,38}")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,6})?")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)")
_ZONE = re.compile(r"([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?|Z")
_BLOB = re.compile(r"(?:\\x[0-9A-Fa-f]{2}|[\x20-\x5b\x5d-\x7e])*")
_DIGITS = frozenset("0123456789-.\0")
_MOMENT = frozenset("0123456789-:. +\0")
_MOMENTS = {"date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP"}
_BLOB_BYTE = re.compile(r"\\x([0-9A-Fa-f]{2})|(.)")


def literal(text: str | None, type_: str) -> str | None:
    """A constant in DuckDB's text form as a literal of exactly its value, None where there is none.

    >>> literal("it's", "VARCHAR"), literal("-5", "BIGINT"), literal("1.5", "DOUBLE"), literal("2020-02-01", "DATE")
    ("'it''s'", '(-5)', '1.5e0', "DATE'2020-02-01'")
    """
    if text is None:
        return "NULL"
    maker = _MAKERS.get(family(type_))
    return maker(text) if maker is not None else None


def listed(texts: tuple[str, ...], types: tuple[str, ...]) -> str | None:
    r"""Keys as a list, of rows for several columns: texts and DuckDB types as in Dialect.key_list.

    >>> listed(("1\x00-2",), ("INTEGER",)), listed(("it's\x00b",), ("VARCHAR",))
    ('1,-2', "'it''s','b'")
    >>> listed(("1\x002", "a\x00\\"), ("INTEGER", "VARCHAR"))
    "(1,'a'),(2,_utf8mb4 X'5c')"
    >>> listed(("2020-02-01 12:00:00+00",), ("TIMESTAMP WITH TIME ZONE",))
    "TIMESTAMP'2020-02-01 12:00:00'"
    """
    columns = []
    for text, type_ in zip(texts, types, strict=True):
        kind = family(type_)
        if kind == "text" and "\\" not in text and text.replace("\0", "").isprintable():
            columns.append("'" + text.replace("'", "''").replace("\0", "'\0'") + "'")
        elif kind in ("int", "decimal") and _DIGITS.issuperset(text):
            columns.append(text)
        elif kind in _MOMENTS and _MOMENT.issuperset(text):
            word = _MOMENTS[kind]
            columns.append(f"{word}'" + text.replace("+00", "").replace("\0", f"'\0{word}'") + "'")
        else:
            items = [literal(item, type_) for item in text.split("\0")]
            if None in items:
                return None
            columns.append("\0".join(filter(None, items)))
    return items_of_rows(columns)


def _signed(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def _bool(text: str) -> str | None:
    return {"true": "TRUE", "false": "FALSE"}.get(text.lower())


def _integer(text: str) -> str | None:
    return _signed(text) if _INTEGER.fullmatch(text) else None


def _decimal(text: str) -> str | None:
    if not _NUMBER.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    if whole in ("", "-"):
        whole += "0"
    return _signed(f"{whole}.{fraction}" if fraction else whole)


def _double(text: str) -> str | None:
    try:
        value = float(text)
    except ValueError:
        return None
    shown = repr(value)
    if not re.fullmatch(r"-?\d[\d.]*(e[+-]?\d+)?", shown) or shown == "-0.0":
        return None  # inf, nan, and a zero whose sign would be lost
    return _signed(shown if "e" in shown else shown.removesuffix(".0") + "e0")


def _text(text: str) -> str | None:
    if text.isprintable() and "\\" not in text:
        return "'" + text.replace("'", "''") + "'"
    try:
        return f"_utf8mb4 X'{text.encode().hex()}'"
    except UnicodeEncodeError:
        return None


def _blob(text: str) -> str | None:
    if not _BLOB.fullmatch(text):
        return None
    octets = b"".join(bytes.fromhex(code) if code else char.encode() for code, char in _BLOB_BYTE.findall(text))
    return f"X'{octets.hex()}'"


def _date(text: str) -> str | None:
    match = _DATE.fullmatch(text)
    return f"DATE'{text}'" if match and match[1] != "0000" else None


def _time(text: str) -> str | None:
    return f"TIME'{text}'" if _TIME.fullmatch(text) and text < "24" else None


def _timestamp(text: str) -> str | None:
    match = _TIMESTAMP.fullmatch(text)
    return f"TIMESTAMP'{text}'" if match and not text.startswith("0000") else None


def _timestamptz(text: str) -> str | None:
    """DuckDB shows it in the session's zone: '2020-01-01 12:00:00+02'. Here all sessions are at UTC."""
    match = re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?", text)
    zone = _ZONE.fullmatch(text[match.end() :]) if match else None
    if match is None or zone is None:
        return None
    offset = timedelta(hours=int(zone[2] or 0), minutes=int(zone[3] or 0), seconds=int(zone[4] or 0))
    try:
        local = datetime.fromisoformat(match[0]).replace(tzinfo=timezone(-offset if zone[1] == "-" else offset))
        moment = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"TIMESTAMP'{moment.replace(tzinfo=None).isoformat(sep=' ')}'"


_MAKERS = {
    "bool": _bool,
    "int": _integer,
    "hugeint": _integer,
    "decimal": _decimal,
    "double": _double,
    "text": _text,
    "blob": _blob,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
}
"""By family. No FLOAT: its columns are not compared here. No INTERVAL: there is no such value."""
