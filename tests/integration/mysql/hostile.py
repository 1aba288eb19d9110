"""A table of values that tell two engines apart, on the server and in DuckDB, and trees over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from connectors.mysql.source import MysqlSource
from connectors.sqlgen.tree import ColumnRef, Constant, Expr, Scan, ScanColumn
from tests.integration.mysql.reading import fetch, read_table
from watersmeet.spi import SourceCatalog

CREATE = """
CREATE TABLE h (
  id INT NOT NULL PRIMARY KEY,
  g INT,
  i8 TINYINT, i32 INT, i64 BIGINT, u8 TINYINT UNSIGNED, u32 INT UNSIGNED, u64 BIGINT UNSIGNED,
  n4_1 DECIMAL(4,1), n12_2 DECIMAL(12,2), n38_0 DECIMAL(38,0), n38_20 DECIMAL(38,20),
  r FLOAT, dbl DOUBLE,
  t_ci VARCHAR(40) COLLATE utf8mb4_general_ci, t_uni VARCHAR(400) COLLATE utf8mb4_unicode_ci,
  t_latin VARCHAR(40) CHARACTER SET latin1, t_long TEXT COLLATE utf8mb4_bin, t_char CHAR(12) CHARACTER SET utf8mb3,
  t_enum ENUM('b', 'a', 'B', '') COLLATE utf8mb4_bin,
  v_bin VARBINARY(20), f_bin BINARY(3),
  dt DATE, ts TIMESTAMP(6) NULL, d0 DATETIME, d6 DATETIME(6), tm TIME(6), yr YEAR,
  n_un DECIMAL(6,2) UNSIGNED, d_un DOUBLE(10,2) UNSIGNED,
  tm0 TIME,
  KEY (i8), KEY (i32), KEY (i64), KEY (u8), KEY (u64), KEY (n4_1), KEY (n12_2), KEY (n_un), KEY (tm0), KEY (d_un), KEY (yr), KEY (dbl), KEY (t_ci), KEY (t_latin), KEY (t_enum),
  KEY (t_long(50)), KEY (v_bin), KEY (dt), KEY (d0), KEY (d6), KEY (ts), KEY (tm)
)
"""

LONG = "k" * 2000

ROWS: tuple[tuple[Any, ...], ...] = (
    (0, 0, -128, -2147483648, -9223372036854775808, 0, 0, 0, "-999.9", "-9999999999.99",
     "-99999999999999999999999999999999999999", "-999999999999999999.99999999999999999999", -3.4028234e+38,
     -1.7976931348623157e+308, "", "", "", "", "", "", b"", b"", "0001-01-01", "1970-01-01 00:00:01",
     "0001-01-01 00:00:00", "0001-01-01 00:00:00.000001", "00:00:00", 1901),
    (1, 1, 127, 2147483647, 9223372036854775807, 255, 4294967295, 18446744073709551615, "999.9", "9999999999.99",
     "99999999999999999999999999999999999999", "999999999999999999.99999999999999999999", 3.4028234e+38,
     1.7976931348623157e+308, "a", "a", "a", LONG + "b", "a", "a", b"a", b"a", "9999-12-31",
     "2038-01-19 03:14:07.999999", "9999-12-31 23:59:59", "9999-12-31 23:59:59.999999", "23:59:59.999999", 2155),
    (2, 0, 0, 0, 0, 1, 1, 1, "0.0", "0.00", "0", "0.00000000000000000001", 0.0, 0.0, "A", "A", "A", LONG + "a", "A",
     "b", b"A", b"A", "2000-02-29", "2000-02-29 12:00:00", "2000-02-29 12:00:00", "2000-02-29 12:00:00.5", "12:00:00",
     2000),
    (3, 1, 1, 1, 1, 2, 2, 2, "0.5", "0.50", "1", "-0.00000000000000000001", 0.1, 0.1, "a ", "a ", "a ", LONG, "a ",
     "B", b"a ", b"a ", "2024-02-29", "2024-12-31 23:59:59.999999", "2024-12-31 23:59:59",
     "2024-12-31 23:59:59.999999", "00:00:00.000001", 2024),
    (4, 0, -1, -1, -1, 127, 65535, 9223372036854775808, "-0.5", "-0.50", "-1", "0.50000000000000000000", -0.1, -0.1,
     "a\0", "a\0", "a\0", "a\0", "á", "", b"a\x00", b"a\x00", "1999-12-31", "1999-12-31 23:59:59",
     "1999-12-31 23:59:59", "1999-12-31 00:00:00", "01:02:03", 1999),
    (5, 1, 7, 7, 9007199254740993, 7, 7, 9007199254740993, "1.5", "1.55", "9007199254740993",
     "2.50000000000000000000", 16777216.0, 9007199254740992.0, "á", "á", "á", "á😀é", "e\u0301", "a", b"\xff\x00\x80",
     b"\xff\x00\x80", "1970-01-01", "2001-01-01 00:00:00", "1970-01-01 00:00:00", "2000-02-29 00:00:00", "10:00:00.5",
     1970),
    (6, 0, -7, -7, -9007199254740993, 100, 100, 100, "2.5", "2.45", "100", "-2.50000000000000000000", 2.5, 2.5, "ß",
     "ss", "ß", "日本語", "50%_x\\", "b", b"%", b"%", "2020-10-31", "2020-10-31 01:30:00", "2020-10-31 01:30:00",
     "2020-10-31 01:30:00.123", "18:30:00", 2020),
    (7, 1, 100, 1000000, 1000000000000, 200, 3000000000, 3000000000000, "-2.5", "-2.45", "-100",
     "123456789.12345678901234567890", 1e-45, 5e-324, "b", "B", "Z", "🎉", "日", "B", b"\\x'\"", b"\n", "2020-01-01",
     "2020-01-01 00:00:00", "2020-01-01 00:00:00", "2020-01-01 00:00:00", "06:00:00", 2020),
    (8, 0, 1, 1, 1, 2, 2, 2, "0.5", "0.50", "1", "2.50000000000000000000", 2.5, 2.5, "a", "a", "a", "a", "a", "a",
     b"a", b"a", "2020-01-01", "2020-01-01 00:00:00", "2020-01-01 00:00:00", "2020-01-01 00:00:00", "12:00:00", 2020),
    (9, 1, *[None] * 26),
    (10, None, 1, None, 1, None, 2, None, "0.5", None, "1", None, 2.5, None, "a", None, "a", None, "a", None, b"a",
     None, "2020-01-01", None, "2020-01-01 00:00:00", None, "12:00:00", None),
    (11, 1, None, -5, -5, 3, 3, 3, None, "12.34", "5", "5", None, -7.25, "a'\"\n,;--/*", "'", "\\", "\t\r\n", "x'",
     "a", b"\x01", b"\x01", None, "2016-02-29 10:20:30.4", "2016-02-29 10:20:30", "2016-02-29 10:20:30.4",
     "10:20:30.4", 2016),
)  # fmt: skip


def load(
    admin: Callable[..., Any], source: MysqlSource, database: str
) -> tuple[SourceCatalog, duckdb.DuckDBPyConnection]:
    """Create the table at the server, and in DuckDB from what the source reads of it."""
    admin("SET SESSION sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'")
    admin(CREATE)
    width = len(ROWS[0])
    for row in ROWS:
        assert len(row) == width, row[0]
        admin(f"INSERT INTO h VALUES ({'%s, ' * width}DEFAULT, DEFAULT, DEFAULT)", *row)
    admin("UPDATE h SET n_un = ABS(n4_1), d_un = ABS(i8) / 4, tm0 = tm")
    catalog = source.catalog()
    rows = fetch(source, read_table(catalog, database, "h"))
    con = duckdb.connect()
    # Averages have one value only without it (planner/averages.py).
    con.execute("SET disabled_optimizers = 'aggregate_function_rewriter'")
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"CREATE SCHEMA {database}")
    columns = catalog.tables[database, "h"].columns
    defined = ", ".join(f"{c.name} {c.type}" for c in columns)
    con.execute(f"CREATE TABLE {database}.h ({defined})")
    con.register("rows", rows)
    con.execute(f"INSERT INTO {database}.h SELECT * FROM rows")
    return catalog, con


def scan(catalog: SourceCatalog, database: str, alias: str, *, engine: bool = False) -> Scan:
    """The table under an alias; with `engine`, as DuckDB's own table, whose columns need no form."""
    columns = tuple(
        ScanColumn(
            name=c.name,
            source_name=c.name,
            type=c.type,
            nullable=c.nullable,
            read="{0}" if engine else c.read,
            collation=c.collation,
            plain=None if engine else c.plain,
        )
        for c in catalog.tables[database, "h"].columns
    )
    return Scan(alias, "crm", database, "h", columns)


BY_FAMILY = {
    "int": ("i8", "i32", "i64", "u8", "u64", "yr"),
    "decimal": ("n4_1", "n12_2", "n38_20", "n_un"),
    "double": ("dbl", "d_un"),
    "float": ("r",),
    "text": ("t_ci", "t_latin", "t_long", "t_enum", "t_char"),
    "blob": ("v_bin", "f_bin"),
    "date": ("dt",),
    "timestamp": ("d0", "d6"),
    "timestamptz": ("ts",),
    "time": ("tm", "tm0"),
}
"""Columns to try a family with."""

CONSTANTS: dict[str, tuple[tuple[str, str], ...]] = {
    "int": (
        ("0", "INTEGER"),
        ("-5", "INTEGER"),
        ("9007199254740993", "BIGINT"),
        ("18446744073709551615", "UBIGINT"),
        ("20", "INTEGER"),
        ("127", "INTEGER"),
    ),
    "hugeint": (("170141183460469231731687303715884105727", "HUGEINT"), ("-1", "HUGEINT")),
    "decimal": (("0.5", "DECIMAL(2,1)"), ("0.46", "DECIMAL(3,2)"), ("-9999999999.99", "DECIMAL(12,2)")),
    "double": (
        ("9007199254740992.0", "DOUBLE"),
        ("-1.5", "DOUBLE"),
        ("1.7976931348623157e+308", "DOUBLE"),
        ("0.1", "DOUBLE"),
    ),
    "text": (
        ("a", "VARCHAR"),
        ("A ", "VARCHAR"),
        ("", "VARCHAR"),
        ("a\0", "VARCHAR"),
        ("\\'\"", "VARCHAR"),
        ("á😀", "VARCHAR"),
    ),
    "blob": (("a", "BLOB"), ("\\xFF\\x00\\x80", "BLOB"), ("", "BLOB")),
    "date": (("2020-01-01", "DATE"), ("9999-12-31", "DATE")),
    "timestamp": (
        ("2020-01-01 00:00:00", "TIMESTAMP"),
        ("2020-01-01 00:00:00.4", "TIMESTAMP"),
        ("2024-12-31 23:59:59.999999", "TIMESTAMP"),
    ),
    "timestamptz": (
        ("2020-01-01 02:00:00+02", "TIMESTAMP WITH TIME ZONE"),
        ("2038-01-19 03:14:08+00", "TIMESTAMP WITH TIME ZONE"),
    ),
    "time": (("12:00:00", "TIME"), ("12:00:00.4", "TIME"), ("23:59:59.999999", "TIME")),
    "bool": (("true", "BOOLEAN"), ("false", "BOOLEAN")),
}
"""Constants to try a family with."""


def constants(family_: str) -> list[Expr]:
    return [Constant(text, type_) for text, type_ in CONSTANTS.get(family_, ())]


def references(scan_: Scan, names: tuple[str, ...]) -> list[Expr]:
    types = {column.name: column for column in scan_.columns}
    return [ColumnRef(scan_.alias, name, types[name].type, types[name].nullable) for name in names]
