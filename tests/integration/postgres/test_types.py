"""Every row of the PostgreSQL table in docs/semantics.md: announced type, values, and those that do not fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from connectors.postgres.source import PostgresSource
from watersmeet.spi import Column, Read, ReadColumn, Tag, ValueDoesNotFit, arrow_type

pytestmark = pytest.mark.usefixtures("way")

UTC = dt.UTC
INF, NAN = float("inf"), float("nan")

ROUND_TRIPS: list[tuple[str, str, list[tuple[str, Any]]]] = [
    ("bool", "BOOLEAN", [("true", True), ("false", False)]),
    ("int2", "SMALLINT", [("32767", 32767), ("-32768", -32768)]),
    ("int4", "INTEGER", [("2147483647", 2147483647), ("-2147483648", -2147483648)]),
    ("int8", "BIGINT", [("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63))]),
    ("float4", "FLOAT", [("16777216", 16777216.0), ("'inf'", INF), ("1e-45", 1.401298464324817e-45), ("'-0.0'", -0.0)]),
    (
        "float8",
        "DOUBLE",
        [("0.1", 0.1), ("'-inf'", -INF), ("5e-324", 5e-324), ("1.7976931348623157e308", 1.7976931348623157e308)],
    ),
    (
        "text",
        "VARCHAR",
        [
            ("''", ""),
            ("'a  '", "a  "),
            ("'😀日本'", "😀日本"),
            (r"E'\\\''", "\\'"),
            ("repeat('x', 1000000)", "x" * 1000000),
        ],
    ),
    ("varchar(5)", "VARCHAR", [("'ab  '", "ab  ")]),
    ("char(5)", "VARCHAR", [("'ab'", "ab"), ("''", ""), ("' a'", " a")]),
    ("bpchar", "VARCHAR", [("'ab  '", "ab")]),
    ("name", "VARCHAR", [("'ab'", "ab")]),
    ('"char"', "VARCHAR", [("'a'", "a"), ("''", "")]),
    ("bytea", "BLOB", [("''", b""), (r"'\x00ff'", b"\x00\xff")]),
    ("date", "DATE", [("'0044-03-15 BC'", -735160), ("'4714-11-24 BC'", -2440588), ("'5874897-12-31'", 2145042905)]),
    ("numeric(5,2)", "DECIMAL(5,2)", [("-999.99", Decimal("-999.99")), ("0.1", Decimal("0.10"))]),
    ("numeric(18,0)", "DECIMAL(18,0)", [("999999999999999999", Decimal(10**18 - 1))]),
    ("numeric(38,0)", "DECIMAL(38,0)", [("99999999999999999999999999999999999999", Decimal(10**38 - 1))]),
    ("numeric(38,38)", "DECIMAL(38,38)", [("1e-38", Decimal("1E-38"))]),
    ("numeric(5,-2)", "DECIMAL(7,0)", [("12345", Decimal(12300))]),
    ("numeric(3,5)", "DECIMAL(5,5)", [("0.00123", Decimal("0.00123"))]),
    (
        "numeric",
        "DECIMAL(38,20)",
        [
            ("1", Decimal(1)),
            ("123456789012345678.00000000000000000001", Decimal("123456789012345678.00000000000000000001")),
        ],
    ),
    ("numeric(50,10)", "DECIMAL(38,20)", [("-1.5", Decimal("-1.5"))]),
    (
        "timestamp",
        "TIMESTAMP",
        [
            ("'2020-02-29 12:34:56.123456'", 1582979696123456),
            ("'4714-11-24 00:00:00 BC'", -210866803200000000),
            ("'294247-01-10 04:00:54.775806'", 9223372036854775806),
        ],
    ),
    ("timestamp(0)", "TIMESTAMP", [("'2020-01-01 00:00:01'", 1577836801000000)]),
    ("timestamptz", "TIMESTAMP WITH TIME ZONE", [("'2020-01-01 00:00:00+02'", 1577829600000000)]),
    ("time", "TIME", [("'23:59:59.999999'", 86399999999), ("'00:00'", 0)]),
    (
        "interval",
        "INTERVAL",
        [
            ("'1 year 2 months -3 days 04:05:06.789'", (14, -3, 14706789000000)),
            ("'-2562047 hours'", (0, 0, -2562047 * 3600 * 10**9)),
        ],
    ),
    ("uuid", "VARCHAR", [("'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
    ("json", "VARCHAR", [('\'{"b": 1,  "a":2}\'', '{"b": 1,  "a":2}')]),
    ("jsonb", "VARCHAR", [('\'{"b":1,"a":2}\'', '{"a": 2, "b": 1}')]),
    ("xml", "VARCHAR", [("'<a/>'", "<a/>")]),
    ("oid", "VARCHAR", [("4294967295", "4294967295")]),
    ("inet", "VARCHAR", [("'10.0.0.1'", "10.0.0.1/32"), ("'::1/64'", "::1/64")]),
    ("cidr", "VARCHAR", [("'10.0.0.0/8'", "10.0.0.0/8")]),
    ("macaddr", "VARCHAR", [("'08:00:2b:01:02:03'", "08:00:2b:01:02:03")]),
    ("money", "VARCHAR", [("-1234.5", "-$1,234.50")]),
    ("int4range", "VARCHAR", [("'[1,5)'", "[1,5)")]),
    ("int4multirange", "VARCHAR", [("'{[1,2)}'", "{[1,2)}")]),
    ("bit(3)", "VARCHAR", [("B'101'", "101")]),
    ("timetz", "VARCHAR", [("'12:00+02'", "12:00:00+02")]),
    ("point", "VARCHAR", [("'(1,2)'", "(1,2)")]),
    ("tsvector", "VARCHAR", [("'a b'", "'a' 'b'")]),
    ("mood", "VARCHAR", [("'sad'", "sad")]),
    ("pair", "VARCHAR", [("ROW(1,'x y')", '(1,"x y")')]),
    ("positive", "INTEGER", [("5", 5)]),
    ("price", "DECIMAL(10,2)", [("5", Decimal("5.00"))]),
    ("dear_price", "DECIMAL(10,2)", [("500", Decimal("500.00"))]),
    ("citext", "VARCHAR", [("'Ab'", "Ab")]),
    ("int4[]", "INTEGER[]", [("'{1,NULL,-3}'", [1, None, -3]), ("'{}'", []), ("'[5:6]={1,2}'", [1, 2])]),
    ("text[]", "VARCHAR[]", [("ARRAY['a,b','\"',NULL,'']", ["a,b", '"', None, ""])]),
    ("char(3)[]", "VARCHAR[]", [("ARRAY['a']", ["a"])]),
    ("mood[]", "VARCHAR[]", [("'{sad,ok}'", ["sad", "ok"])]),
    ("uuid[]", "VARCHAR[]", [("'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])]),
    ("numeric(6,2)[]", "DECIMAL(6,2)[]", [("'{1.5,NULL,-9999.99}'", [Decimal("1.50"), None, Decimal("-9999.99")])]),
    ("numeric[]", "DECIMAL(38,20)[]", [("'{1.5}'", [Decimal("1.5")])]),
    ("float8[]", "DOUBLE[]", [("'{0.1,inf}'", [0.1, INF])]),
    ("bool[]", "BOOLEAN[]", [("'{t,f}'", [True, False])]),
    ("bytea[]", "BLOB[]", [(r"ARRAY['\x00'::bytea]", [b"\x00"])]),
    ("date[]", "DATE[]", [("'{2020-01-01}'", [dt.date(2020, 1, 1)])]),
    (
        "timestamptz[]",
        "TIMESTAMP WITH TIME ZONE[]",
        [("'{2020-01-01 00:00:00+00}'", [dt.datetime(2020, 1, 1, tzinfo=UTC)])],
    ),
    ("price[]", "DECIMAL(10,2)[]", [("'{1}'", [Decimal("1.00")])]),
    ("positive[]", "INTEGER[]", [("'{1}'", [1])]),
    ("oid[]", "VARCHAR", [("'{1,2}'", "{1,2}")]),
    ("int2vector", "VARCHAR", [("'1 2'", "1 2")]),
    ("pair[]", "VARCHAR", [("ARRAY[ROW(1,'x')::pair]", '{"(1,x)"}')]),
]

MISFITS: list[tuple[str, str, str, str]] = [
    ("date", "'infinity'", "infinity", "view"),
    ("date", "'-infinity'", "-infinity", "view"),
    ("timestamp", "'infinity'", "infinity", "view"),
    ("timestamp", "'-infinity'", "-infinity", "view"),
    ("timestamp", "'294247-01-10 04:00:54.775807'", "after 294247-01-10", "view"),
    ("timestamp", "'294276-12-31 23:59:59'", "after 294247-01-10", "view"),
    ("timestamptz", "'infinity'", "infinity", "view"),
    ("time", "'24:00'", "24:00:00", "view"),
    ("interval", "'2562048 hours'", "9223372800000000 microseconds", "view"),
    ("numeric(5,2)", "'NaN'", "NaN", "numeric"),
    ("numeric", "'NaN'", "NaN", "numeric"),
    ("numeric", "'Infinity'", "Infinity", "numeric"),
    ("numeric", "1e18", "1000000000000000000", "numeric"),
    ("numeric", "1e-21", "0.000000000000000000001", "numeric"),
    ("numeric(50,10)", "1e30", "1" + "0" * 30, "numeric"),
    ("int4[]", "'{{1,2},{3,4}}'", "{{1,2},{3,4}}", "view"),
    ("text[]", "ARRAY[['a\"b'],['c']]", r'{{"a\"b"},{c}}', "view"),
    ("numeric[]", "'{{1.5}}'", "{{1.5}}", "view"),
    ("date[]", "'{2020-01-01,infinity}'", "infinity", "view"),
    ("numeric[]", "'{1,NaN}'", "NaN", "numeric"),
]


@pytest.fixture(scope="module", autouse=True)
def types_of_our_own(admin: psycopg.Connection) -> None:
    admin.execute(
        """
        CREATE EXTENSION citext;
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TYPE pair AS (a int, b text);
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE DOMAIN price AS numeric(10,2);
        CREATE DOMAIN dear_price AS price CHECK (VALUE > 100);
        """
    )


@pytest.fixture
def table(admin: psycopg.Connection) -> Iterator[Callable[[str, list[str]], None]]:
    """table(type, expressions): public.kept (id, v) with a row for each."""

    def make(type_: str, values: list[str]) -> None:
        admin.execute(f"CREATE TABLE public.kept (id int4, v {type_})".encode())
        for i, value in enumerate(values):
            admin.execute(f"INSERT INTO public.kept VALUES ({i}, {value})".encode())

    yield make
    admin.execute("DROP TABLE public.kept")


def column_of(source: PostgresSource) -> Column:
    return source.catalog().tables["public", "kept"].columns[1]


def rows(source: PostgresSource, column: Column, where: str = "") -> list[Any]:
    read = Read(
        prefix="",
        expressions=(column.read.format('"t0"."v"'),),
        body=f'FROM "public"."kept" AS "t0" {where} ORDER BY "t0"."id"',
        columns=(ReadColumn(name="c0", type=column.type, origin="public.kept.v"),),
    )
    snapshot = source.snapshot(Tag(query_id="types", timeout=30.0), 1)
    try:
        batches = list(snapshot.read(0, read))
    finally:
        snapshot.close()
    array = pa.chunked_array([batch.column(0) for batch in batches], type=arrow_type(column.type)).combine_chunks()
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    elif pa.types.is_timestamp(array.type) or pa.types.is_time64(array.type):
        array = array.view(pa.int64())
    return list(array.to_pylist())


@pytest.mark.parametrize(("native", "announced", "values"), ROUND_TRIPS, ids=[case[0] for case in ROUND_TRIPS])
def test_a_value_arrives_as_it_is(
    connect: Callable[..., PostgresSource],
    table: Callable[[str, list[str]], None],
    native: str,
    announced: str,
    values: list[tuple[str, Any]],
) -> None:
    table(native, [*(sql for sql, _ in values), "NULL"])
    source = connect()
    column = column_of(source)
    assert column.type == announced
    found = rows(source, column)
    assert [repr(v) if isinstance(v, float) else v for v in found] == [
        *(repr(v) if isinstance(v, float) else v for _, v in values),
        None,
    ]


@pytest.mark.parametrize(("native", "value", "shown", "advice"), MISFITS, ids=[f"{m[0]} {m[1]}" for m in MISFITS])
def test_a_value_that_does_not_fit_is_an_error_that_names_it(
    connect: Callable[..., PostgresSource],
    table: Callable[[str, list[str]], None],
    native: str,
    value: str,
    shown: str,
    advice: str,
) -> None:
    table(native, ["NULL", value])
    source = connect()
    with pytest.raises(ValueDoesNotFit) as raised:
        rows(source, column_of(source))
    text = str(raised.value)
    assert text.startswith("source pg: column public.kept.v: the value ")
    assert shown in text
    assert advice in text


@pytest.mark.parametrize("native", ["date", "timestamp", "numeric", "int4[]", "time"])
def test_a_table_without_rows_or_of_nulls_only_is_read(
    connect: Callable[..., PostgresSource], table: Callable[[str, list[str]], None], native: str
) -> None:
    table(native, ["NULL", "NULL"])
    source = connect()
    assert rows(source, column_of(source)) == [None, None]
    assert rows(source, column_of(source), "WHERE false") == []


def test_numerics_without_bounds_are_what_the_setting_says(
    connect: Callable[..., PostgresSource], table: Callable[[str, list[str]], None]
) -> None:
    table("numeric", ["1.5", "'NaN'", "1e30"])
    double, text = connect(numeric="double"), connect(numeric="text")
    assert column_of(double).type == "DOUBLE"
    assert [str(v) for v in rows(double, column_of(double))] == ["1.5", "nan", "1e+30"]
    assert rows(text, column_of(text)) == ["1.5", "NaN", "1" + "0" * 30]
    table_of_small = connect(numeric="decimal(10,1)")
    assert column_of(table_of_small).type == "DECIMAL(10,1)"
    assert rows(table_of_small, column_of(table_of_small), 'WHERE "t0"."id" = 0') == [Decimal("1.5")]


def test_text_of_other_collations_compares_by_bytes_and_meets_other_text(
    connect: Callable[..., PostgresSource], admin: psycopg.Connection, table: Callable[[str, list[str]], None]
) -> None:
    admin.execute(
        "CREATE COLLATION IF NOT EXISTS ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    )
    table("text COLLATE ignore_case", ["'a'", "'A'"])
    admin.execute("ALTER TABLE public.kept ADD c text COLLATE \"C\" DEFAULT 'a', ADD n name DEFAULT 'a', ADD i citext")
    source = connect()
    column, c, n, i = source.catalog().tables["public", "kept"].columns[1:]
    v = column.read.format('"t0"."v"')
    assert rows(source, column, f"WHERE {v} = 'a'::text") == ["a"]
    assert rows(source, column, f"WHERE {v} LIKE 'A' ESCAPE ''") == ["A"]
    for other in (c, n, i):
        assert other.type == "VARCHAR"
        assert rows(source, column, f"WHERE {v} = {other.read.format(f'{chr(34)}t0{chr(34)}.{other.name}')}") == (
            [] if other is i else ["a"]
        )


def test_a_column_whose_type_changed_since_the_catalog_was_read_asks_to_plan_again(
    connect: Callable[..., PostgresSource], admin: psycopg.Connection, table: Callable[[str, list[str]], None]
) -> None:
    from watersmeet.spi import SourceChanged

    table("int4", ["1"])
    source = connect()
    column = column_of(source)
    admin.execute("ALTER TABLE public.kept ALTER v TYPE timestamp USING now()")
    with pytest.raises(SourceChanged, match="public.kept.v"):
        rows(source, column)
    admin.execute("ALTER TABLE public.kept RENAME v TO w")
    with pytest.raises(SourceChanged):
        rows(source, column)
