"""Every column type of docs/semantics.md's table, value by value: what is stored is what arrives, or a named error."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from connectors.mysql.source import MysqlSource
from tests.integration.mysql.conftest import MakeSource, Run
from tests.integration.mysql.reading import column_of, fetch, read_sql, read_table
from watersmeet.spi import SourceQueryFailed, ValueDoesNotFit

pytestmark = pytest.mark.usefixtures("way")


def wkb_point(x: float, y: float) -> bytes:
    return struct.pack("<BIdd", 1, 1, x, y)


def f32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


NINES = "9" * 38

CASES: list[tuple[str, str, list[tuple[str, Any]]]] = [
    # definition, announced type, (SQL literal, value that arrives)
    ("TINYINT", "TINYINT", [("-128", -128), ("127", 127), ("0", 0)]),
    ("TINYINT(1)", "TINYINT", [("0", 0), ("1", 1), ("5", 5), ("-1", -1)]),
    ("TINYINT UNSIGNED", "UTINYINT", [("255", 255), ("0", 0)]),
    ("SMALLINT", "SMALLINT", [("-32768", -32768), ("32767", 32767)]),
    ("SMALLINT UNSIGNED", "USMALLINT", [("65535", 65535)]),
    ("MEDIUMINT", "INTEGER", [("-8388608", -8388608), ("8388607", 8388607)]),
    ("MEDIUMINT UNSIGNED ZEROFILL", "UINTEGER", [("16777215", 16777215), ("7", 7)]),
    ("INT", "INTEGER", [("-2147483648", -(2**31)), ("2147483647", 2**31 - 1)]),
    ("INT UNSIGNED", "UINTEGER", [("4294967295", 2**32 - 1)]),
    ("BIGINT", "BIGINT", [("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1)]),
    ("BIGINT UNSIGNED", "UBIGINT", [("18446744073709551615", 2**64 - 1), ("9223372036854775808", 2**63)]),
    ("DECIMAL(4,1)", "DECIMAL(4,1)", [("-999.9", Decimal("-999.9")), ("0", Decimal("0.0"))]),
    ("DECIMAL(10)", "DECIMAL(10,0)", [("-9999999999", Decimal(-9999999999))]),
    ("DECIMAL(38,0)", "DECIMAL(38,0)", [(NINES, Decimal(NINES)), ("-" + NINES, Decimal("-" + NINES))]),
    ("DECIMAL(38,38)", "DECIMAL(38,38)", [("0." + NINES, Decimal("0." + NINES)), ("-1e-38", Decimal("-1e-38"))]),
    ("DECIMAL(65,20)", "DECIMAL(38,20)", [("1.5", Decimal("1.5")), ("-999999999999999999.00000000000000000001",
                                           Decimal("-999999999999999999.00000000000000000001"))]),
    ("FLOAT", "FLOAT", [("16777216", 16777216.0), ("0.1", f32(0.1)), ("3.4028234e38", f32(3.4028234e38)),
                        ("1e-45", f32(1e-45)), ("16777215", 16777215.0), ("-0.1", f32(-0.1))]),
    ("DOUBLE", "DOUBLE", [("0.1", 0.1), ("1.7976931348623157e308", 1.7976931348623157e308), ("5e-324", 5e-324),
                          ("-2.2250738585072014e-308", -2.2250738585072014e-308), ("9007199254740993", 2.0**53),
                          ("-1.2345678901234567e-300", -1.2345678901234567e-300), ("0.30000000000000004", 0.1 + 0.2)]),
    ("DOUBLE(30,2)", "DOUBLE", [("12345678901234567.12", 12345678901234567.12), ("0.3", 0.3)]),
    ("FLOAT(10,2)", "FLOAT", [("1234567.25", 1234567.25)]),
    ("DATE", "DATE", [("'0001-01-01'", date(1, 1, 1)), ("'9999-12-31'", date(9999, 12, 31)),
                      ("'2000-02-29'", date(2000, 2, 29))]),
    ("DATETIME", "TIMESTAMP", [("'9999-12-31 23:59:59'", datetime(9999, 12, 31, 23, 59, 59))]),
    ("DATETIME(3)", "TIMESTAMP", [("'2020-01-01 00:00:00.123'", datetime(2020, 1, 1, 0, 0, 0, 123000))]),
    ("DATETIME(6)", "TIMESTAMP", [("'0001-01-01 00:00:00.000001'", datetime(1, 1, 1, 0, 0, 0, 1))]),
    ("TIMESTAMP(6) NULL", "TIMESTAMP WITH TIME ZONE", [
        ("'1970-01-01 00:00:01'", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("'2038-01-19 03:14:07.999999'", datetime(2038, 1, 19, 3, 14, 7, 999999, tzinfo=UTC))]),
    ("TIME", "TIME", [("'00:00:00'", time(0)), ("'23:59:59'", time(23, 59, 59))]),
    ("TIME(6)", "TIME", [("'23:59:59.999999'", time(23, 59, 59, 999999)), ("'00:00:00.000001'", time(0, 0, 0, 1))]),
    ("YEAR", "SMALLINT", [("1901", 1901), ("2155", 2155), ("'0000'", 0)]),
    ("CHAR(5)", "VARCHAR", [("'ab  '", "ab"), ("''", ""), ("'  a'", "  a")]),
    ("VARCHAR(40)", "VARCHAR", [("'a '", "a "), ("''", ""), ("'NULL'", "NULL"), ("'🎉é'", "🎉é"), ("X'0061000A0D'", "\0a\0\n\r"),
                                ("X'222C22'", '","'), ("X'2222'", '""'), ("X'5C6E'", "\\n"), ("X'0A'", "\n"), ("'nan'", "nan"),
                                ("X'0161'", "\x01a"), ("X'6101'", "a\x01"), ("X'010101'", "\x01\x01\x01"), ("X'012C0A'", "\x01,\n"),
                                ("X'E284A201'", "™\x01")]),
    ("VARCHAR(40) CHARACTER SET latin1", "VARCHAR", [("'é '", "é "), ("X'80'", "€"), ("X'81'", "\x81")]),
    ("VARCHAR(40) CHARACTER SET utf16", "VARCHAR", [("'🎉'", "🎉")]),
    ("VARCHAR(40) CHARACTER SET cp1250", "VARCHAR", [("'ž'", "ž")]),
    ("TINYTEXT", "VARCHAR", [("'x'", "x")]),
    ("MEDIUMTEXT", "VARCHAR", [("REPEAT('é', 300000)", "é" * 300000)]),
    ("LONGTEXT", "VARCHAR", [("REPEAT('\"', 70000)", '"' * 70000), ("''", "")]),
    ("ENUM('x', 'b', 'a', '')", "VARCHAR", [("'b'", "b"), ("''", "")]),
    ("SET('x', 'y', 'z')", "VARCHAR", [("'z,x'", "x,z"), ("''", "")]),
    ("JSON", "VARCHAR", [("'{\"a\": [1, \"é\"]}'", '{"a": [1, "é"]}')]),
    ("UUID", "VARCHAR", [("'123E4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000")]),
    ("INET6", "VARCHAR", [("'2001:DB8::1'", "2001:db8::1")]),
    ("BINARY(4)", "BLOB", [("X'61'", b"a\0\0\0"), ("X'00000000'", b"\0\0\0\0")]),
    ("VARBINARY(40)", "BLOB", [("X'6120'", b"a "), ("''", b""), ("X'FF00802C22'", b"\xff\x00\x80,\"")]),
    ("BLOB", "BLOB", [("REPEAT(X'00FF', 30000)", b"\0\xff" * 30000)]),
    ("LONGBLOB", "BLOB", [("REPEAT(X'0A', 100000)", b"\n" * 100000)]),
    ("BIT(1)", "BLOB", [("b'1'", b"\1"), ("b'0'", b"\0")]),
    ("BIT(9)", "BLOB", [("b'100000001'", b"\1\1"), ("1", b"\0\1")]),
    ("BIT(64)", "BLOB", [("18446744073709551615", b"\xff" * 8)]),
    ("POINT", "BLOB", [("ST_GeomFromText('POINT(1 2)')", wkb_point(1, 2))]),
    ("GEOMETRY", "BLOB", [("ST_GeomFromText('POINT(-1 0.5)')", wkb_point(-1, 0.5))]),
]  # fmt: skip


@pytest.fixture
def table(admin: Run, database: str) -> Iterator[str]:
    admin(f"USE {database}")
    admin("SET SESSION sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES', time_zone = '+00:00'")
    yield "v"
    admin("DROP TABLE IF EXISTS v")


def same(mine: Any, theirs: Any) -> bool:
    if isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=0, abs_tol=0)
    return type(mine) is type(theirs) and bool(mine == theirs)


@pytest.mark.parametrize(("definition", "announced", "values"), CASES, ids=[case[0] for case in CASES])
def test_a_value_arrives_as_it_is_stored(
    definition: str,
    announced: str,
    values: list[tuple[str, Any]],
    admin: Run,
    source: MysqlSource,
    database: str,
    table: str,
) -> None:
    admin(f"CREATE TABLE {table} (id INT, v {definition})")
    for i, (sql, _) in enumerate(values):
        admin(f"INSERT INTO {table} VALUES ({i}, {sql})")
    admin(f"INSERT INTO {table} VALUES ({len(values)}, NULL)")
    catalog = source.catalog()
    assert column_of(catalog, database, table, "v").type == announced
    arrived = fetch(source, read_table(catalog, database, table, "ORDER BY id")).column(1).to_pylist()
    assert arrived[-1] is None
    assert all(same(mine, value) for mine, (_, value) in zip(arrived[:-1], values, strict=True)), arrived[:5]


@pytest.mark.parametrize(("definition", "announced", "values"), CASES, ids=[case[0] for case in CASES])
def test_a_column_read_alone_keeps_every_row(
    definition: str,
    announced: str,
    values: list[tuple[str, Any]],
    admin: Run,
    source: MysqlSource,
    database: str,
    table: str,
) -> None:
    admin(f"CREATE TABLE {table} (v {definition})")
    for sql, _ in values:
        admin(f"INSERT INTO {table} VALUES (NULL), ({sql}), (NULL)")
    arrived = fetch(source, read_table(source.catalog(), database, table)).column(0).to_pylist()
    assert len(arrived) == 3 * len(values)
    assert arrived.count(None) == 2 * len(values)


@pytest.mark.parametrize(
    ("definition", "sql", "value", "setting"),
    [
        ("DATE", "'0000-00-00'", "0000-00-00", "zero_dates"),
        ("DATE", "'2020-00-15'", "2020-00-15", "zero_dates"),
        ("DATE", "'2020-02-31'", "2020-02-31", "zero_dates"),
        ("DATETIME(6)", "'0000-00-00'", "0000-00-00", "zero_dates"),
        ("TIMESTAMP NULL", "'0000-00-00 00:00:00'", "0000-00-00", "zero_dates"),
        ("TIME", "'24:00:00'", "24:00:00", "text"),
        ("TIME(6)", "'838:59:59.999999'", "838:59:59.999999", "text"),
        ("TIME", "'-00:00:01'", "-00:00:01", "text"),
        ("DECIMAL(65,30)", "0.000000000000000000000000000001", "0.000000000000000000000000000001", "numeric"),
        ("DECIMAL(65,0)", "1234567890123456789", "1234567890123456789", "numeric"),
    ],
)
def test_a_value_without_a_place_is_a_named_error(
    definition: str, sql: str, value: str, setting: str, admin: Run, source: MysqlSource, database: str, table: str
) -> None:
    admin(f"CREATE TABLE {table} (a INT, v {definition})")
    admin(f"INSERT INTO {table} VALUES (1, NULL)")
    admin(f"INSERT INTO {table} VALUES (2, {sql})")
    with pytest.raises(ValueDoesNotFit) as caught:
        fetch(source, read_table(source.catalog(), database, table))
    for part in ("crm", f"{database}.{table}.v", value, setting):
        assert part in str(caught.value)


def test_zero_dates_become_null_where_that_is_wanted(
    admin: Run, make_source: MakeSource, database: str, table: str
) -> None:
    source = make_source(zero_dates="null")
    admin(f"CREATE TABLE {table} (id INT, d DATE NOT NULL, dt DATETIME(6), ts TIMESTAMP NULL)")
    for i, text in enumerate(("0000-00-00", "2020-00-15", "2020-05-00", "2020-02-31", "2020-02-29")):
        admin(f"INSERT INTO {table} VALUES (%s, %s, %s, %s)", i, text, text, None if i else "0000-00-00")
    catalog = source.catalog()
    assert column_of(catalog, database, table, "d").nullable
    rows = fetch(source, read_table(catalog, database, table, "ORDER BY id")).to_pylist()
    assert [row["c1"] for row in rows] == [None, None, None, None, date(2020, 2, 29)]
    assert [row["c2"] for row in rows] == [None, None, None, None, datetime(2020, 2, 29)]
    assert rows[0]["c3"] is None


def test_tinyint1_is_boolean_where_that_is_wanted(
    admin: Run, make_source: MakeSource, database: str, table: str
) -> None:
    source = make_source(tinyint1="bool")
    admin(f"CREATE TABLE {table} (v TINYINT(1))")
    admin(f"INSERT INTO {table} VALUES (0), (1), (NULL)")
    assert fetch(source, read_table(source.catalog(), database, table)).column(0).to_pylist() == [False, True, None]
    admin(f"INSERT INTO {table} VALUES (5)")
    with pytest.raises(ValueDoesNotFit, match="'5' does not fit BOOLEAN; tinyint1"):
        fetch(source, read_table(source.catalog(), database, table))


@pytest.mark.parametrize(
    ("numeric", "announced", "value"),
    [
        ("text", "VARCHAR", "1234567890123456789012345678901234567890.5"),
        ("double", "DOUBLE", 1234567890123456789012345678901234567890.5),
        ("decimal(38,1)", "DECIMAL(38,1)", None),
    ],
)
def test_wide_decimals_are_read_as_the_setting_says(
    numeric: str, announced: str, value: Any, admin: Run, make_source: MakeSource, database: str, table: str
) -> None:
    source = make_source(numeric=numeric)
    admin(f"CREATE TABLE {table} (v DECIMAL(60,1))")
    admin(f"INSERT INTO {table} VALUES (1234567890123456789012345678901234567890.5)")
    catalog = source.catalog()
    assert column_of(catalog, database, table, "v").type == announced
    if value is None:
        with pytest.raises(ValueDoesNotFit):
            fetch(source, read_table(catalog, database, table))
    else:
        assert fetch(source, read_table(catalog, database, table)).column(0).to_pylist() == [value]


def test_predicates_give_booleans(source: MysqlSource) -> None:
    read = read_sql([("1 = 1", "BOOLEAN"), ("1 = 2", "BOOLEAN"), ("NULL = 1", "BOOLEAN")])
    assert fetch(source, read).to_pylist() == [{"c0": True, "c1": False, "c2": None}]


def test_a_sum_of_integers_is_exact_beyond_64_bits(source: MysqlSource) -> None:
    body = "FROM (SELECT 18446744073709551615 AS a UNION ALL SELECT 18446744073709551615) AS t"
    assert fetch(source, read_sql([("SUM(a)", "HUGEINT")], body)).column(0).to_pylist() == [2 * (2**64 - 1)]


def test_more_scale_than_announced_is_no_misfit_unless_digits_are_lost(source: MysqlSource) -> None:
    assert fetch(source, read_sql([("CAST(-999.9 AS DECIMAL(20,9))", "DECIMAL(4,1)")])).column(0).to_pylist() == [
        Decimal("-999.9")
    ]
    assert fetch(source, read_sql([("CAST(7 AS DECIMAL(20,4))", "INTEGER")])).column(0).to_pylist() == [7]
    for sql, type_ in (("1.25", "DECIMAL(4,1)"), ("1000.0", "DECIMAL(4,1)"), ("300", "TINYINT"), ("1.5", "INTEGER")):
        with pytest.raises(ValueDoesNotFit, match="does not fit"):
            fetch(source, read_sql([(sql, type_)]))


@pytest.mark.parametrize(
    ("sql", "type_"),
    [
        ("HEX(REPEAT('a', 9000000))", "VARCHAR"),
        ("HEX(REPEAT(X'61', 9000000))", "BLOB"),
        ("CONCAT(REPEAT('a', 16777215), 'bc')", "VARCHAR"),
    ],
)
def test_what_max_allowed_packet_cuts_off_is_an_error(sql: str, type_: str, source: MysqlSource) -> None:
    for others in ([], [("1", "INTEGER")]):
        with pytest.raises(SourceQueryFailed, match="max_allowed_packet"):
            fetch(source, read_sql([(sql, type_), *others]))


def test_a_value_is_cut_off_by_the_servers_limit_not_by_the_way_it_is_read(way: str, source: MysqlSource) -> None:
    read = read_sql([("REPEAT(X'61', 9000000)", "BLOB")])
    if way == "packets":
        assert fetch(source, read).column(0).to_pylist() == [b"a" * 9_000_000]
    else:  # as hexadecimal digits it is longer than max_allowed_packet
        with pytest.raises(SourceQueryFailed, match="max_allowed_packet"):
            fetch(source, read)


@pytest.mark.parametrize("character", ["\x01", '"', ","])
def test_megabytes_of_the_quote_are_read_in_no_time(character: str, source: MysqlSource) -> None:
    read = read_sql([(f"REPEAT(_utf8mb4 X'{character.encode().hex()}', 7000000)", "VARCHAR")])
    assert fetch(source, read, timeout=20).column(0).to_pylist() == [character * 7_000_000]


def test_characters_that_unicode_lacks_are_an_error_not_a_question_mark(
    admin: Run, source: MysqlSource, database: str, table: str
) -> None:
    admin(f"CREATE TABLE {table} (v VARCHAR(10) CHARACTER SET cp1250)")
    admin(f"INSERT INTO {table} VALUES (X'81')")
    with pytest.raises(SourceQueryFailed, match="did not survive"):
        fetch(source, read_table(source.catalog(), database, table))


def test_a_value_of_many_packets_arrives_whole(admin: Run, source: MysqlSource) -> None:
    """A packet ends after 16 MiB - 1; the row goes on in the next."""
    for length in (16777213 - 4, 16777212, 16777214):
        read = read_sql([(f"REPEAT('a', {length - 2})", "VARCHAR")], "FROM (SELECT 1 UNION ALL SELECT 2) AS t")
        assert [len(text) for text in fetch(source, read).column(0).to_pylist()] == [length - 2] * 2
