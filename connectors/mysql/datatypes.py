"""What each MySQL and MariaDB column type is announced as, and the expression that yields such a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from connectors.mysql.config import Config, announced_wide

TEXT = "CONVERT({0} USING utf8mb4)"
"""Any value as text of one character set and one implicit collation, so that texts of all columns may meet in a CASE,
COALESCE or UNION (error 1267 or 1271 otherwise)."""

_INTEGERS = {
    "tinyint": ("TINYINT", "UTINYINT"),
    "smallint": ("SMALLINT", "USMALLINT"),
    "mediumint": ("INTEGER", "UINTEGER"),
    "int": ("INTEGER", "UINTEGER"),
    "integer": ("INTEGER", "UINTEGER"),
    "bigint": ("BIGINT", "UBIGINT"),
}
"""Data type -> (announced, announced if unsigned). MEDIUMINT has 24 bits."""

_CHARACTERS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
_BINARY = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"}
_GEOMETRY = {
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection",
}  # fmt: skip
_PLAIN = {"float": "FLOAT", "double": "DOUBLE", "real": "DOUBLE", "time": "TIME"}
_DATES = {"date": "DATE", "datetime": "TIMESTAMP", "timestamp": "TIMESTAMP WITH TIME ZONE"}

# '0000-00-00', '2020-00-15', '2020-05-00' and, under ALLOW_INVALID_DATES, '2020-02-31'. LAST_DAY is asked only of a
# date with a month and a day: of others it answers NULL with a warning.
_REAL_DATE = (
    "CASE WHEN MONTH({0}) = 0 OR DAYOFMONTH({0}) = 0 OR DAYOFMONTH({0}) > DAYOFMONTH(LAST_DAY({0})) "
    "THEN NULL ELSE {0} END"
)

_WIDTH = re.compile(r"\((\d+)(?:,\s*(\d+))?\)")
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*\d+\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """How a column is read."""

    type: str
    """DuckDB's name of the type."""
    read: str = "{0}"
    """Template of the expression that yields it; {0} is the column."""
    write: str = "{0}"
    """Template of the expression that turns a value of the announced type into the column's."""
    text: Literal["no", "plain", "formed"] = "no"
    """'plain': a character column, whose own = finds at least all equal bytes. 'formed': text only by `read`."""


def announce(data_type: str, column_type: str, collation: str | None, common: str, config: Config) -> Announced:
    """The announcement of a column, from information_schema.columns and the settings.

    `common` is the collation that text has here when nothing is said: the default one of utf8mb4.
    What is not known (XMLTYPE, INET6, whatever comes) is text, in the server's own form.

    >>> announce("int", "int(10) unsigned", None, "utf8mb4_general_ci", Config(url="mysql://u@h/")).type
    'UINTEGER'
    """
    kind = data_type.lower()
    shape = column_type.lower()
    if kind in _INTEGERS:
        if shape.startswith("tinyint(1)") and config.tinyint1 == "bool":
            return Announced(type="BOOLEAN")
        signed, unsigned = _INTEGERS[kind]
        return Announced(type=unsigned if "unsigned" in shape else signed)
    if kind in ("decimal", "numeric", "dec", "fixed"):
        return _decimal(shape, config)
    if kind in _PLAIN:
        return Announced(type=_PLAIN[kind])
    if kind in _DATES:
        return Announced(type=_DATES[kind], read=_REAL_DATE if config.zero_dates == "null" else "{0}")
    if kind in _CHARACTERS:
        return Announced(type="VARCHAR", read="{0}" if collation == common else TEXT, text="plain")
    if kind in _BINARY:
        return Announced(type="BLOB")
    if kind == "year":
        # Not the column itself: = 20 would find 2020 there, and < 100000 nothing.
        return Announced(type="SMALLINT", read="({0} + 0)")
    if kind == "bit":
        return Announced(type="BLOB", read="CAST({0} AS BINARY)")
    if kind in _GEOMETRY:
        return Announced(type="BLOB", read="ST_AsBinary({0})", write="ST_GeomFromWKB({0})")
    return Announced(type="VARCHAR", read=TEXT, text="formed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The type of a new table's column."""

    sql: str
    announced: str


_TEXT_COLLATIONS = {True: "utf8mb4_nopad_bin", False: "utf8mb4_0900_bin"}
"""By whether it is MariaDB: text that compares by its bytes, as everywhere here."""
_STORED = {
    "BOOLEAN": Stored(sql="TINYINT(1)", announced="BOOLEAN"),
    "TINYINT": Stored(sql="TINYINT", announced="TINYINT"),
    "SMALLINT": Stored(sql="SMALLINT", announced="SMALLINT"),
    "INTEGER": Stored(sql="INT", announced="INTEGER"),
    "BIGINT": Stored(sql="BIGINT", announced="BIGINT"),
    "UTINYINT": Stored(sql="TINYINT UNSIGNED", announced="UTINYINT"),
    "USMALLINT": Stored(sql="SMALLINT UNSIGNED", announced="USMALLINT"),
    "UINTEGER": Stored(sql="INT UNSIGNED", announced="UINTEGER"),
    "UBIGINT": Stored(sql="BIGINT UNSIGNED", announced="UBIGINT"),
    "HUGEINT": Stored(sql="DECIMAL(38,0)", announced="DECIMAL(38,0)"),
    "UHUGEINT": Stored(sql="DECIMAL(38,0)", announced="DECIMAL(38,0)"),
    "FLOAT": Stored(sql="FLOAT", announced="FLOAT"),
    "DOUBLE": Stored(sql="DOUBLE", announced="DOUBLE"),
    "BLOB": Stored(sql="LONGBLOB", announced="BLOB"),
    "DATE": Stored(sql="DATE", announced="DATE"),
    "TIME": Stored(sql="TIME(6)", announced="TIME"),
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), Stored(sql="DATETIME(6)", announced="TIMESTAMP")
    ),
    "TIMESTAMP WITH TIME ZONE": Stored(sql="TIMESTAMP(6) NULL", announced="TIMESTAMP WITH TIME ZONE"),
}


def stored(type_: str, *, mariadb: bool) -> Stored | None:
    """The column type for values of a DuckDB type; None where there is none.

    >>> stored("DECIMAL(12,2)", mariadb=True).sql, stored("INTERVAL", mariadb=True)
    ('DECIMAL(12,2)', None)
    """
    if type_ in ("VARCHAR", "UUID", "JSON", '"NULL"'):
        return Stored(sql=f"LONGTEXT COLLATE {_TEXT_COLLATIONS[mariadb]}", announced="VARCHAR")
    if _DECIMAL.fullmatch(type_):
        # A DECIMAL has 30 digits after the point at most.
        return Stored(sql=type_, announced=type_) if int(type_.rstrip(")").split(",")[1]) <= 30 else None
    return _STORED.get(type_)


def limits(data_type: str, column_type: str) -> tuple[int | None, int]:
    """How many characters or bytes, and how many digits of a second, a column stores.

    >>> limits("varchar", "varchar(20)"), limits("datetime", "datetime"), limits("time", "time(3)")
    ((20, 6), (None, 0), (None, 3))
    """
    kind = data_type.lower()
    match = _WIDTH.search(column_type)
    number = int(match[1]) if match else 0
    if kind in ("char", "varchar", "binary", "varbinary"):
        return number, 6
    return None, number if kind in ("datetime", "timestamp", "time") else 6


def _decimal(shape: str, config: Config) -> Announced:
    match = _WIDTH.search(shape)
    precision, scale = (int(match[1]), int(match[2] or 0)) if match else (10, 0)
    if precision <= 38:
        return Announced(type=f"DECIMAL({precision},{scale})")
    wide = announced_wide(config.numeric)
    if wide == "DOUBLE":
        return Announced(type=wide, read="({0} * 1e0)")
    if wide == "VARCHAR":
        return Announced(type=wide, read=TEXT, text="formed")
    return Announced(type=wide)
