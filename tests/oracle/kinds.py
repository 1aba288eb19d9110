"""The tables that every source holds alike, so that a statement can be asked over any placement of them.

`wide` has a column of each family that all three sources store, `deep` refers to it; both have NULLs in every column
that may hold them, duplicates and dangling keys. Not in tables.py because their rows must be sayable by all: no NaN,
no year before 1970 in a TIMESTAMP of MariaDB's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal as D
from typing import Any

_MARIADB_TEXT = "varchar(60) character set utf8mb4 collate utf8mb4_general_ci"

WHERE: Mapping[str, str] = {"pg": "public", "my": "shop", "lake": "main"}
"""Source -> the schema of its copies."""

_POSTGRES, _MARIADB, _DUCKDB = "pg", "my", "lake"
_NATIVE: Mapping[str, Mapping[str, str]] = {
    "INTEGER": {_POSTGRES: "integer", _MARIADB: "int", _DUCKDB: "INTEGER"},
    "BIGINT": {_POSTGRES: "bigint", _MARIADB: "bigint", _DUCKDB: "BIGINT"},
    "DECIMAL(12,2)": {_POSTGRES: "numeric(12,2)", _MARIADB: "decimal(12,2)", _DUCKDB: "DECIMAL(12,2)"},
    "DOUBLE": {_POSTGRES: "double precision", _MARIADB: "double", _DUCKDB: "DOUBLE"},
    "FLOAT": {_POSTGRES: "real", _MARIADB: "float", _DUCKDB: "FLOAT"},
    "VARCHAR": {_POSTGRES: "text", _MARIADB: _MARIADB_TEXT, _DUCKDB: "VARCHAR"},
    "DATE": {_POSTGRES: "date", _MARIADB: "date", _DUCKDB: "DATE"},
    "TIMESTAMP": {_POSTGRES: "timestamp", _MARIADB: "datetime(6)", _DUCKDB: "TIMESTAMP"},
    "TIME": {_POSTGRES: "time", _MARIADB: "time(6)", _DUCKDB: "TIME"},
    "TIMESTAMP WITH TIME ZONE": {
        _POSTGRES: "timestamptz",
        _MARIADB: "timestamp(6) NULL",
        _DUCKDB: "TIMESTAMP WITH TIME ZONE",
    },
    "BLOB": {_POSTGRES: "bytea", _MARIADB: "varbinary(20)", _DUCKDB: "BLOB"},
}

WIDE = {
    "id": "INTEGER",
    "g": "INTEGER",
    "n": "BIGINT",
    "m": "DECIMAL(12,2)",
    "x": "DOUBLE",
    "f": "FLOAT",
    "t": "VARCHAR",
    "d": "DATE",
    "ts": "TIMESTAMP",
    "tm": "TIME",
    "tz": "TIMESTAMP WITH TIME ZONE",
    "raw": "BLOB",
}
DEEP = {"id": "INTEGER", "wide": "INTEGER", "q": "INTEGER", "p": "DECIMAL(12,2)", "t": "VARCHAR", "d": "DATE"}

_NULL: tuple[None, ...] = (None,) * 11
_WIDE_ROWS: tuple[tuple[Any, ...], ...] = (
    (1, 1, 10, D("1.50"), 1.5, 0.5, "Ana", "2024-01-15", "2024-01-15 10:30:00", "10:30:00", "2024-01-15 10:30:00", b"a"),
    (2, 1, 10, D("1.50"), 1.5, 0.5, "ana", "2024-01-15", "2024-01-15 10:30:00", "10:30:00", "2024-01-15 10:30:00", b"A"),
    (3, 2, -7, D("-2.25"), -2.5, 1.5, "ana ", "2024-02-29", "2024-02-29 23:59:59.999999", "23:59:59.999999",
     "2024-02-29 23:59:59.999999", b"a "),
    (4, 2, 0, D("0.00"), 0.0, 0.0, "", "1970-01-02", "1970-01-02 00:00:00", "00:00:00", "1970-01-02 00:00:01", b""),
    (5, None, None, None, None, None, None, None, None, None, None, None),
    (6, *_NULL),
    (7, 3, 2**62, D("9999999999.99"), 1e300, -1.5, "Zoë", "9999-12-31", "9999-12-31 23:59:59.999999", "00:00:00.5",
     "2037-12-31 23:59:59", b"\x00\xff"),
    (8, 3, -(2**62), D("-9999999999.99"), -1e300, 16777216.0, "Zoe", "1000-01-01", "1000-01-01 00:00:00", "12:00:00",
     "2000-01-01 00:00:00", "é".encode()),
    (9, 3, 1, D("0.01"), 0.25, 2.0, "😀", "2000-02-29", "2000-02-29 12:00:00.5", "12:00:00", "2000-02-29 12:00:00.5",
     b"a"),
    (10, None, 3, D("10.00"), 2.5, 2.5, "50%", "2024-10-27", "2024-10-27 02:30:00", "02:30:00", "2024-10-27 00:30:00",
     b"%"),
    (11, 4, 7, None, None, 2.5, "a_b", None, "2024-10-27 02:30:00", None, "2024-10-27 01:30:00", None),
    (12, 4, 7, D("10.00"), 3.5, None, None, "2024-03-31", None, "02:30:00", None, b"\\"),
    (13, 1, 100, D("1.51"), 60.5, 0.25, "O'Hara", "2023-12-31", "2023-12-31 23:59:59", "01:02:03",
     "2023-12-31 23:59:59", b"'"),
    (14, 5, 2, D("2.50"), 0.5, 0.125, "SS", "2021-01-03", "2021-01-03 06:00:00", "06:00:00", "2021-01-03 06:00:00",
     b"ss"),
)  # fmt: skip
_DEEP_ROWS: tuple[tuple[Any, ...], ...] = (
    (1, 1, 2, D("1.50"), "Ana", "2024-01-15"),
    (2, 1, 2, D("1.50"), "ANA", "2024-01-16"),
    (3, 2, 5, D("-3.00"), "ana", "2024-02-29"),
    (4, 3, None, None, None, None),
    (5, None, 1, D("0.00"), "x", "2024-01-15"),
    (6, 99, 7, D("12.00"), "Zoe", "2023-12-31"),
    (7, 7, 7, D("9999999999.99"), "zoe", "9999-12-31"),
    (8, 7, -4, D("0.01"), "Zoë ", "1970-01-02"),
    (9, 4, 0, D("10.00"), "", "2024-03-31"),
    (10, 14, 3, D("2.50"), "ss", None),
)

COPIES = (("wide", WIDE, _WIDE_ROWS), ("deep", DEEP, _DEEP_ROWS))
"""(name, columns with their announced types, rows); `id` is the primary key."""


def native(type_: str, source: str) -> str:
    """A source's own name for an announced type."""
    return _NATIVE[type_][source]
