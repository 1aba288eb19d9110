"""The hostile tables: small, and full of what makes engines disagree.

NULLs, duplicates, dangling keys, trailing blanks, case variants, 4-byte characters, extreme numbers and dates, NaN and
-0.0 (MariaDB stores neither: -0e0 reads back as 0), empty tables, reserved words and mixed case as names, one table
name in several sources and schemas. Values are Python's, or DuckDB's text of what Python cannot hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as D
from typing import Any

from tests.oracle import kinds

Column = tuple[str, str, str]
"""(name, the source's type with its constraints, the announced type)"""
INF, NAN = float("inf"), float("nan")


@dataclass(frozen=True, slots=True)
class Table:
    """One table at one source."""

    source: str
    schema: str
    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    keys: str = ""
    """Further items of CREATE TABLE."""


_INT, _TEXT = ("integer", "INTEGER"), ("text", "VARCHAR")
_CI = ("varchar(60) character set utf8mb4 collate utf8mb4_general_ci", "VARCHAR")
_LATIN = ("varchar(60) character set latin1 collate latin1_swedish_ci", "VARCHAR")
_BIN = ("varchar(60) character set utf8mb4 collate utf8mb4_bin", "VARCHAR")

POSTGRES_SETUP = ("CREATE SCHEMA other", "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")

PEOPLE = Table(
    "pg",
    "public",
    "people",
    (
        ("id", "integer", "INTEGER"),
        ("name", "text", "VARCHAR"),
        ("nick", "varchar(20)", "VARCHAR"),
        ("code", "char(5)", "VARCHAR"),
        ("city", "text", "VARCHAR"),
        ("born", "date", "DATE"),
        ("height", "real", "FLOAT"),
        ("weight", "double precision", "DOUBLE"),
        ("balance", "numeric(12,2)", "DECIMAL(12,2)"),
        ("vip", "boolean", "BOOLEAN"),
        ("boss", "integer", "INTEGER"),
        ("mood", "mood", "VARCHAR"),
        ("tags", "text[]", "VARCHAR[]"),
    ),
    (
        (1, "Ana", "ana", "ab", "Paris", "1980-02-29", 1.5, 60.25, D("10.00"), True, None, "ok", ["x", "y"]),
        (2, "ana", "ANA", "ab   ", "paris", "1980-02-29", 1.5, 60.25, D("10.00"), False, 1, "happy", ["x"]),
        (3, "Bob", "bob ", "AB", "Paris ", None, None, None, None, None, 1, None, None),
        (4, "Bob", None, "abcde", None, "1999-12-31", 1.75, -0.0, D("-5.50"), True, 2, "sad", []),
        (5, "Zoë", "zoe", None, "Köln", "2000-01-01", 0.0, 0.0, D("0.00"), False, 2, "sad", ["x", None]),
        (6, "Zoe", "zoë", "", "", "2000-01-01", 2.0, 1e300, D("9999999999.99"), None, 4, "ok", ["é"]),
        (7, "😀 Smile", "😀", "é", "Köln", "2024-02-29", 1.25, 5e-324, D("-9999999999.99"), True, 99, "happy", ["😀"]),
        (8, "a_b%c", "50%", "%", "New\\York", "1970-01-01", -1.5, NAN, D("0.01"), False, 8, "ok", ["a,b", '"q"']),
        (9, "", "", " ", "Straße", "0001-01-01", INF, INF, D("1.10"), True, None, "happy", [""]),
        (10, " lead", "tail ", "x", "STRASSE", "9999-12-31", -INF, -INF, D("1.10"), True, 1, "sad", ["x", "y"]),
        (11, None, None, None, None, None, None, None, None, None, None, None, None),
        (12, "O'Hara", 'quote"d', "';--", "Paris", "1980-03-01", 0.5, 60.5, D("10.00"), True, 3, "ok", ["NULL"]),
    ),
    "PRIMARY KEY (id)",
)
PG_ORDERS = Table(
    "pg",
    "public",
    "orders",
    (
        ("id", "bigint", "BIGINT"),
        ("person", "integer", "INTEGER"),
        ("amount", "numeric(15,2)", "DECIMAL(15,2)"),
        ("qty", "integer", "INTEGER"),
        ("placed", "date", "DATE"),
        ("ts", "timestamp", "TIMESTAMP"),
        ("status", "text", "VARCHAR"),
    ),
    (
        (100, 1, D("10.50"), 1, "2024-01-15", "2024-01-15 10:30:00", "open"),
        (101, 1, D("20.00"), 2, "2024-01-15", "2024-01-15 23:59:59.999999", "OPEN"),
        (102, 2, D("20.00"), 2, "2024-02-29", "2024-02-29 00:00:00", "done"),
        (103, 2, None, None, None, None, None),
        (104, None, D("7.25"), 3, "2023-12-31", "2023-12-31 12:00:00", "open "),
        (105, 3, D("0.00"), 0, "2024-03-31", "2024-03-31 02:30:00", "done"),
        (106, 3, D("-7.25"), -3, "2024-03-31", "2024-03-31 02:30:00", "done"),
        (107, 77, D("99.99"), 7, "2024-10-27", "2024-10-27 02:30:00", "lost"),
        (108, 5, D("9999999999999.99"), 2147483647, "1969-07-20", "1969-07-20 20:17:40", ""),
        (109, 5, D("9999999999999.99"), 2147483647, "1969-07-20", "1969-07-20 20:17:40.123456", ""),
        (110, 1, D("10.50"), 1, "2024-01-15", "2024-01-15 10:30:00", "open"),
    ),
    "PRIMARY KEY (id)",
)
NUMBERS = Table(
    "pg",
    "public",
    "numbers",
    (
        ("id", "integer", "INTEGER"),
        ("i2", "smallint", "SMALLINT"),
        ("i4", "integer", "INTEGER"),
        ("i8", "bigint", "BIGINT"),
        ("n", "numeric(38,10)", "DECIMAL(38,10)"),
        ("m", "numeric(9,4)", "DECIMAL(9,4)"),
        ("f4", "real", "FLOAT"),
        ("f8", "double precision", "DOUBLE"),
    ),
    (
        (1, 1, 1, 1, D("1.5"), D("1.5"), 1.5, 1.5),
        (2, 7, 2, -7, D("-1.5"), D("-1.5"), -1.5, -1.5),
        (3, -7, -2, 7, D("2.5"), D("2.5"), 2.5, 2.5),
        (4, 0, 0, 0, D(0), D(0), 0.0, 0.0),
        (5, 0, 0, 0, D(0), D(0), -0.0, -0.0),
        (6, 32767, 2147483647, 2**63 - 1, D("9999999999999999999999999999.9999999999"), D("99999.9999"), NAN, NAN),
        (7, -32768, -(2**31), -(2**63), D("-9999999999999999999999999999.9999999999"), D("-99999.9999"), INF, INF),
        (8, None, None, None, None, None, None, None),
        (9, 2, 3, 4, D("0.0000000001"), D("0.0001"), -INF, -INF),
        (10, 2, 3, 4, D("0.1"), D("0.1"), 0.1, 0.1),
        (11, 3, 10, 10**15, D("12345678901234567890.1234567891"), D("0.0005"), 16777216.0, 9007199254740993.0),
        (12, 3, 10, 10**15, D("1.5"), D("0.5"), 0.5, 0.5),
    ),
    "PRIMARY KEY (id)",
)
STAMPS = Table(
    "pg",
    "public",
    "stamps",
    (
        ("id", "integer", "INTEGER"),
        ("d", "date", "DATE"),
        ("t", "time", "TIME"),
        ("ts", "timestamp", "TIMESTAMP"),
        ("tz", "timestamptz", "TIMESTAMP WITH TIME ZONE"),
    ),
    (
        (1, "2024-03-31", "00:00:00", "2024-03-31 01:59:59", "2024-03-31 00:59:59+00"),
        (2, "2024-03-31", "02:30:00", "2024-03-31 02:30:00", "2024-03-31 01:00:00+00"),
        (3, "2024-10-27", "02:30:00", "2024-10-27 02:30:00", "2024-10-27 00:30:00+00"),
        (4, "2024-10-27", "02:30:00.5", "2024-10-27 02:30:00.5", "2024-10-27 01:30:00+00"),
        (5, "2024-12-31", "23:59:59.999999", "2024-12-31 23:59:59.999999", "2024-12-31 23:30:00+00"),
        (6, "1969-12-31", "12:34:56.789", "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999+00"),
        (7, "0044-03-15 (BC)", "11:00:00", "0044-03-15 (BC) 11:00:00", "0044-03-15 (BC) 11:00:00+00"),
        (8, "9999-12-31", "00:00:01", "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999+00"),
        (9, None, None, None, None),
        (10, "2021-01-03", "06:00:00", "2021-01-03 06:00:00", "2021-01-03 06:00:00+00"),
        (11, "2020-02-29", "06:00:00", "2020-02-29 06:00:00", "2020-02-29 06:00:00+00"),
    ),
    "PRIMARY KEY (id)",
)
CUSTOMERS = Table(
    "my",
    "shop",
    "customers",
    (
        ("id", "int", "INTEGER"),
        ("name", *_CI),
        ("email", *_LATIN),
        ("code", "char(4) character set utf8mb4 collate utf8mb4_general_ci", "VARCHAR"),
        ("city", *_BIN),
        ("tier", "enum('low','high','mid') character set utf8mb4", "VARCHAR"),
        ("active", "tinyint(1)", "TINYINT"),
        ("credit", "decimal(12,2)", "DECIMAL(12,2)"),
        ("score", "double", "DOUBLE"),
        ("born", "date", "DATE"),
        ("joined", "datetime(6)", "TIMESTAMP"),
        ("big", "bigint unsigned", "UBIGINT"),
        ("small", "tinyint unsigned", "UTINYINT"),
    ),
    (
        (1, "Ana", "ana@x", "AB", "Paris", "low", 1, D("10.00"), 1.5, "1980-02-29", "2024-01-15 10:30:00", 1, 1),
        (
            2,
            "ANA",
            "ANA@x",
            "ab",
            "paris",
            "high",
            0,
            D("10.00"),
            -1.5,
            "1980-02-29",
            "2024-01-15 10:30:00.123456",
            2,
            2,
        ),
        (3, "ana ", "ana@x ", "ab", "Paris ", "mid", 1, None, None, None, None, None, None),
        (4, "Zoë", "zoë@x", "é", "Köln", "mid", None, D("-5.50"), 0.0, "2000-01-01", "2000-01-01 00:00:00", 0, 0),
        (5, "Zoe", "zoe@x", "e", "Köln", "low", 7, D("0.00"), 0.0, "2000-01-01", "1970-01-01 00:00:00", 2**64 - 1, 255),
        (
            6,
            "😀",
            None,
            "",
            None,
            None,
            -1,
            D("9999999999.99"),
            1e300,
            "9999-12-31",
            "9999-12-31 23:59:59.999999",
            2**63,
            128,
        ),
        (
            7,
            "ß",
            "ß",
            "ss",
            "Straße",
            "high",
            1,
            D("-9999999999.99"),
            5e-324,
            "1000-01-01",
            "1000-01-01 00:00:00",
            10,
            10,
        ),
        (8, "SS", "ss", "SS", "STRASSE", "high", 1, D("0.01"), 2.5, "2024-02-29", "2024-02-29 23:59:59", 10, 10),
        (9, None, None, None, None, None, None, None, None, None, None, None, None),
        (10, "", "", " ", "", "low", 0, D("1.10"), 3.5, "1970-01-01", "1970-01-01 00:00:00", 7, 7),
        (11, "50%\\_x", "a\\b", "\\", "New\\York", "mid", 1, D("1.10"), 0.1, "1999-12-31", "1999-12-31 23:59:59", 8, 8),
        (12, "O'Hara", 'q"q', "'", "Paris", "low", 1, D("10.00"), 60.5, "1980-03-01", "1980-03-01 01:02:03", 9, 9),
    ),
    "PRIMARY KEY (id)",
)
MY_ORDERS = Table(
    "my",
    "shop",
    "orders",
    (
        ("id", "int", "INTEGER"),
        ("customer", "int", "INTEGER"),
        ("item", *_CI),
        ("qty", "int", "INTEGER"),
        ("price", "decimal(10,2)", "DECIMAL(10,2)"),
        ("placed", "date", "DATE"),
    ),
    (
        (1, 1, "Pen", 10, D("1.50"), "2024-01-15"),
        (2, 1, "pen", 5, D("1.50"), "2024-01-16"),
        (3, 2, "Ink", 1, D("12.00"), "2024-02-29"),
        (4, 2, "ink ", 1, None, "2024-02-29"),
        (5, None, "Pen", 3, D("1.25"), None),
        (6, 99, "Cap", None, D("0.00"), "2023-12-31"),
        (7, 4, None, 2, D("-3.00"), "2024-03-31"),
        (8, 4, "Ink", 7, D("99999999.99"), "2024-10-27"),
        (9, 5, "PEN", -4, D("1.50"), "2024-01-15"),
    ),
    "PRIMARY KEY (id)",
)
MY_NUMBERS = Table(
    "my",
    "shop",
    "numbers",
    (
        ("id", "int", "INTEGER"),
        ("i1", "tinyint", "TINYINT"),
        ("i2", "smallint unsigned", "USMALLINT"),
        ("i4", "int", "INTEGER"),
        ("i8", "bigint", "BIGINT"),
        ("u8", "bigint unsigned", "UBIGINT"),
        ("n", "decimal(38,10)", "DECIMAL(38,10)"),
        ("m", "decimal(9,4)", "DECIMAL(9,4)"),
        ("f4", "float", "FLOAT"),
        ("f8", "double", "DOUBLE"),
    ),
    (
        (1, 1, 1, 1, 1, 1, D("1.5"), D("1.5"), 1.5, 1.5),
        (2, 7, 7, 2, -7, 7, D("-1.5"), D("-1.5"), -1.5, -1.5),
        (3, -7, 2, -2, 7, 2, D("2.5"), D("2.5"), 2.5, 2.5),
        (4, 0, 0, 0, 0, 0, D(0), D(0), 0.0, 0.0),
        (
            5,
            127,
            65535,
            2**31 - 1,
            2**63 - 1,
            2**64 - 1,
            D("9999999999999999999999999999.9999999999"),
            D("99999.9999"),
            0.1,
            0.1,
        ),
        (6, -128, 0, -(2**31), -(2**63), 0, D("-9999999999999999999999999999.9999999999"), D("-99999.9999"), -0.5, 0.0),
        (7, None, None, None, None, None, None, None, None, None),
        (8, 3, 3, 10, 10**15, 10**15, D("0.1"), D("0.0005"), 16777216.0, 9007199254740992.0),
        (9, 3, 3, 10, 10**15, 10**15, D("1.5"), D("0.5"), 0.5, 0.5),
    ),
    "PRIMARY KEY (id)",
)
EVENTS = Table(
    "lake",
    "main",
    "events",
    (
        ("id", "INTEGER", "INTEGER"),
        ("kind", "VARCHAR", "VARCHAR"),
        ("ts", "TIMESTAMP", "TIMESTAMP"),
        ("person", "INTEGER", "INTEGER"),
        ("props", "STRUCT(x INTEGER, y VARCHAR)", 'STRUCT("x" INTEGER, "y" VARCHAR)'),
        ("nums", "INTEGER[]", "INTEGER[]"),
        ("val", "DOUBLE", "DOUBLE"),
        ("big", "HUGEINT", "DECIMAL(38,0)"),
        ("lvl", "ENUM('warn', 'info', 'error')", "VARCHAR"),
        ("uid", "UUID", "VARCHAR"),
    ),
    (
        (
            1,
            "click",
            "2024-01-15 10:00:00",
            1,
            {"x": 1, "y": "a"},
            [1, 2, 3],
            1.5,
            1,
            "info",
            "00000000-0000-0000-0000-000000000001",
        ),
        (
            2,
            "Click",
            "2024-01-15 10:05:00",
            1,
            {"x": 2, "y": "b"},
            [],
            2.5,
            2,
            "warn",
            "00000000-0000-0000-0000-000000000002",
        ),
        (3, "view", "2024-01-15 10:05:00", 2, {"x": None, "y": None}, [None, 5], NAN, 10**37, "error", None),
        (
            4,
            "view",
            "2024-02-29 00:00:00",
            3,
            None,
            None,
            -0.0,
            -(10**37),
            "info",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
        (5, "buy", "2024-10-27 02:30:00", 77, {"x": 3, "y": "é"}, [7], 0.0, 0, None, None),
        (6, None, None, None, None, [7, 7], None, None, None, None),
        (7, "buy", "2024-10-27 02:30:00", 5, {"x": 1, "y": "a"}, [9, 8], INF, 5, "warn", None),
    ),
)


def _pairs(source: str, schema: str, rows: tuple[tuple[Any, Any], ...]) -> Table:
    return Table(source, schema, "pairs", (("a", *_INT), ("b", *_INT)), rows)


def _items(source: str, schema: str, text: tuple[str, str], *rows: tuple[int, str | None]) -> Table:
    return Table(source, schema, "items", (("id", *_INT), ("label", *text)), rows)


def _mixed(source: str, schema: str, text: tuple[str, str]) -> Table:
    names = (("Id", *_INT), ("select", *_INT), ("Order", *text), ("a b", *text), ('quo"te', *text), ("group", *_INT))
    rows = ((1, 10, "x", "p", "q", 1), (2, 20, "y", "P", None, 1), (3, None, None, "p", "Q", 2))
    return Table(source, schema, "Mixed Case", names, rows)


def _empty(source: str, schema: str, text: tuple[str, str]) -> Table:
    columns = (("a", *_INT), ("b", *text), ("c", "decimal(10,2)", "DECIMAL(10,2)"), ("d", "date", "DATE"))
    return Table(source, schema, "nothing", columns, ())


def _copies() -> list[Table]:
    return [
        Table(
            source,
            schema,
            name,
            tuple((column, kinds.native(type_, source), type_) for column, type_ in columns.items()),
            rows,
            "PRIMARY KEY (id)",
        )
        for source, schema in kinds.WHERE.items()
        for name, columns, rows in kinds.COPIES
    ]


_TRADES = (("symbol", *_TEXT), ("ts", "timestamp", "TIMESTAMP"), ("qty", *_INT))
_PRICES = (("symbol", *_TEXT), ("ts", "timestamp", "TIMESTAMP"), ("price", "decimal(10,2)", "DECIMAL(10,2)"))

TABLES: tuple[Table, ...] = (
    PEOPLE,
    PG_ORDERS,
    NUMBERS,
    STAMPS,
    CUSTOMERS,
    MY_ORDERS,
    MY_NUMBERS,
    EVENTS,
    _pairs("pg", "public", ((1, 1), (1, 1), (1, 2), (2, None), (None, 3), (None, None), (3, 3), (4, 4))),
    _pairs("my", "crm", ((1, 1), (1, 2), (1, 2), (2, 2), (None, None), (None, 3), (5, None))),
    _pairs("lake", "main", ((1, 1), (2, None), (2, None), (6, 6), (None, None))),
    _items("pg", "public", _TEXT, (1, "pg one"), (2, "pg two"), (3, None)),
    _items("pg", "other", _TEXT, (1, "other one"), (4, "other four")),
    _items("my", "shop", _CI, (1, "shop one"), (2, "SHOP TWO"), (2, "shop two")),
    _items("my", "crm", _CI, (1, "crm one"), (5, None)),
    _items("lake", "main", _TEXT, (1, "lake one"), (6, "lake six")),
    _mixed("pg", "public", _TEXT),
    _mixed("my", "shop", _CI),
    _empty("pg", "public", _TEXT),
    _empty("my", "shop", _CI),
    Table("pg", "public", "Twins", (("A", *_INT), ("a", *_INT)), ((1, 10), (2, 20), (None, 30))),
    Table(
        "pg",
        "public",
        "tree",
        (("id", *_INT), ("parent", *_INT), ("label", *_TEXT)),
        ((1, None, "root"), (2, 1, "left"), (3, 1, "right"), (4, 2, "leaf"), (5, 4, "twig"), (6, 99, "lost")),
    ),
    Table(
        "pg",
        "public",
        "sales",
        (("region", *_TEXT), ("quarter", *_INT), ("amount", "numeric(10,2)", "DECIMAL(10,2)")),
        (
            ("north", 1, D("10.00")),
            ("north", 1, D("5.00")),
            ("north", 2, D("20.00")),
            ("South", 1, D("7.00")),
            ("south", 2, None),
            ("south", None, D("1.00")),
            (None, 1, D("2.00")),
        ),
    ),
    Table(
        "my",
        "shop",
        "targets",
        (("region", *_CI), ("q1", *_INT), ("q2", *_INT)),
        (("North", 12, 18), ("south", 8, None), ("SOUTH", 1, 1), (None, 0, 0)),
    ),
    Table(
        "pg",
        "public",
        "trades",
        _TRADES,
        (
            ("X", "2024-01-01 10:00:00", 1),
            ("X", "2024-01-01 10:00:07", 2),
            ("Y", "2024-01-01 09:59:59", 3),
            ("Z", "2024-01-01 12:00:00", 4),
            (None, "2024-01-01 12:00:00", 5),
            ("X", None, 6),
        ),
    ),
    Table(
        "lake",
        "main",
        "prices",
        _PRICES,
        (
            ("X", "2024-01-01 09:00:00", D("1.00")),
            ("X", "2024-01-01 10:00:00", D("2.00")),
            ("X", "2024-01-01 10:00:05", D("3.00")),
            ("Y", "2024-01-01 10:00:00", D("4.00")),
            ("X", None, D("5.00")),
        ),
    ),
    Table(
        "lake",
        "main",
        "regions",
        (("city", *_TEXT), ("region", *_TEXT)),
        (
            ("Paris", "north"),
            ("paris", "South"),
            ("Köln", "north"),
            ("Paris ", None),
            (None, "south"),
            ("Straße", "south"),
        ),
    ),
    Table(
        "pg",
        "public",
        "spans",
        (("id", "integer", "INTEGER"), ("g", "integer", "INTEGER"), ("iv", "interval", "INTERVAL")),
        ((1, 1, "1 day"), (2, 1, "1 month 2 days 03:00:00"), (3, 2, None), (4, None, "-5 minutes")),
    ),
    *_copies(),
)
