"""Hostile values of every type: written, and read back as they were, or refused."""

from __future__ import annotations

import datetime
import ipaddress
import json
import math
import struct
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from psycopg.types.range import Range

from server.execution.errors import EvaluationFailed
from server.query import LocalQueries
from server.requests import Ingest
from tests.integration.execution_world import ANA, table
from tests.integration.writes.conftest import Server
from watersmeet.spi import SourceError, ValueDoesNotFit

D, T = Decimal, datetime.datetime
TEXTS = [
    "",
    " ",
    "a ",
    " a",
    "'",
    "''",
    "\\",
    "\\'",
    '"',
    "a\nb\tc\r",
    "%s {0} $1",
    "😀é\u0301ß",
    "NULL",
    "\\N",
    "\x01\x7f",
    "e\u00a0",
    None,
]
BYTES = [b"", b"\x00", b"\\", b"'\"", bytes(range(256)), "😀".encode(), None]
DAYS = [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(1970, 1, 1), None]
MOMENTS = [T(1, 1, 1), T(9999, 12, 31, 23, 59, 59, 999999), T(1969, 12, 31, 23, 59, 59, 999999), T(2020, 2, 29), None]
TIMES = [datetime.time(0), datetime.time(23, 59, 59, 999999), datetime.time(1, 2, 3, 4), None]
FLOATS = [0.0, 0.1, -1.5, 5e-324, 1.7976931348623157e308, 123456789.123456789, None]
SINGLES = [0.0, 1.5, -3.4028234663852886e38, 1.401298464324817e-45, None]
JSON = ['{"a": [1, "\\u00e9\\\\"]}', None]
UUIDS = ["6a1ef4e0-0000-4000-8000-000000000001", None]


def arrow(values: list[Any], type_: pa.DataType) -> pa.Array:
    return pa.array(values, type_)


COMMON: dict[str, tuple[str, pa.Array]] = {
    "smallint": ("smallint", arrow([-(2**15), 2**15 - 1, None], pa.int16())),
    "int": ("int", arrow([-(2**31), 2**31 - 1, None], pa.int32())),
    "bigint": ("bigint", arrow([-(2**63), 2**63 - 1, None], pa.int64())),
    "decimal": ("decimal(12,2)", arrow([D("-9999999999.99"), D("0.01"), None], pa.decimal128(12, 2))),
    "wide decimal": (
        "decimal(38,10)",
        arrow([D("-" + "9" * 28 + "." + "9" * 10), D("1e-10"), None], pa.decimal128(38, 10)),
    ),
    "double": ("double precision", arrow(FLOATS, pa.float64())),
    "text": ("text", arrow(TEXTS, pa.string())),
    "varchar": ("varchar(20)", arrow([*TEXTS, "😀" * 20], pa.string())),
    "date": ("date", arrow(DAYS, pa.date32())),
}
POSTGRES: dict[str, tuple[str, pa.Array]] = {
    "boolean": ("boolean", arrow([True, False, None], pa.bool_())),
    "real": ("real", arrow([*SINGLES, math.inf, -math.inf, math.nan], pa.float32())),
    "infinite": ("float8", arrow([math.inf, -math.inf, math.nan, -0.0], pa.float64())),
    "numeric": ("numeric", arrow([D("0.00000000000000000001"), D("123456789012345678"), None], pa.decimal128(38, 20))),
    "bytea": ("bytea", arrow(BYTES, pa.binary())),
    "time": ("time", arrow(TIMES, pa.time64("us"))),
    "timestamp": ("timestamp", arrow(MOMENTS, pa.timestamp("us"))),
    "timestamptz": ("timestamptz", arrow(MOMENTS, pa.timestamp("us", "UTC"))),
    "interval": (
        "interval",
        arrow([pa.MonthDayNano([1, -2, 3000]), pa.MonthDayNano([-14, 0, 0]), None], pa.month_day_nano_interval()),
    ),
    "uuid": ("uuid", arrow(UUIDS, pa.string())),
    "json": ("json", arrow(JSON, pa.string())),
    "jsonb": ("jsonb", arrow(['{"a": 1}', "[]", None], pa.string())),
    "enum": ("mood", arrow(["sad", 'it\'s {0} "x"', None], pa.string())),
    "domain": ("positive", arrow([1, None], pa.int32())),
    "inet": ("inet", arrow(["10.0.0.1/32", None], pa.string())),
    "char": ("char(3)", arrow(["a", "abc", "", None], pa.string())),
    "bit": ("bit(3)", arrow(["101", None], pa.string())),
    "range": ("int4range", arrow(["[1,3)", None], pa.string())),
    "int[]": ("int[]", arrow([[1, None], [], None], pa.list_(pa.int32()))),
    "text[]": ("text[]", arrow([['a"\\,{}', "NULL", "", " ", None, "😀"], None], pa.list_(pa.string()))),
    "varchar[]": ("varchar(3)[]", arrow([["abc", None], None], pa.list_(pa.string()))),
    "numeric[]": ("numeric(5,1)[]", arrow([[D("1.5"), None], None], pa.list_(pa.decimal128(5, 1)))),
    "uuid[]": ("uuid[]", arrow([UUIDS, None], pa.list_(pa.string()))),
    "bytea[]": ("bytea[]", arrow([BYTES, None], pa.list_(pa.binary()))),
    "bool[]": ("bool[]", arrow([[True, False, None], None], pa.list_(pa.bool_()))),
    "float8[]": ("float8[]", arrow([[*FLOATS, math.inf, math.nan], None], pa.list_(pa.float64()))),
    "date[]": ("date[]", arrow([DAYS, None], pa.list_(pa.date32()))),
    "timestamptz[]": ("timestamptz[]", arrow([MOMENTS, None], pa.list_(pa.timestamp("us", "UTC")))),
}
MARIADB: dict[str, tuple[str, pa.Array]] = {
    "tinyint": ("tinyint", arrow([-128, 127, None], pa.int8())),
    "unsigned tinyint": ("tinyint unsigned", arrow([0, 255, None], pa.uint8())),
    "unsigned bigint": ("bigint unsigned", arrow([0, 2**64 - 1, None], pa.uint64())),
    "float": ("float", arrow(SINGLES[:-2] + [1e-37, None], pa.float32())),
    "blob": ("longblob", arrow(BYTES, pa.binary())),
    "varbinary": ("varbinary(300)", arrow(BYTES, pa.binary())),
    "time": ("time(6)", arrow(TIMES, pa.time64("us"))),
    "datetime": ("datetime(6)", arrow(MOMENTS, pa.timestamp("us"))),
    "timestamp": (
        "timestamp(6) null",
        arrow([T(1970, 1, 1, 0, 0, 1), T(2038, 1, 19, 3, 14, 7, 999999), None], pa.timestamp("us", "UTC")),
    ),
    "year": ("year", arrow([1901, 2155, None], pa.int16())),
    "enum": ("enum('a','b''\"{0}')", arrow(["a", "b'\"{0}", None], pa.string())),
    "set": ("set('x','y')", arrow(["x,y", "", None], pa.string())),
    "json": ("json", arrow(JSON, pa.string())),
    "bit": ("bit(9)", arrow([b"\x01\xff", None], pa.binary())),
    "point": ("point", arrow([struct.pack("<BIdd", 1, 1, 1.5, -2.0), None], pa.binary())),
    "latin1": ("varchar(20) character set latin1", arrow(["é ", "\\'", None], pa.string())),
    "char": ("char(3)", arrow(["a", "abc", "", None], pa.string())),
}


def cases(own: dict[str, tuple[str, pa.Array]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("type_", "values"), (COMMON | own).values(), ids=COMMON | own)


def append(queries: LocalQueries, server: Server, data: pa.Table, name: str = "v") -> int:
    ingest = Ingest(
        query_id=f"ingest-{name}",
        catalog=server.name,
        schema=None,
        table=name,
        mode="append",
        now=T.now(datetime.UTC),
        data_schema=data.schema,
    )
    return queries.ingest(ingest, iter(data.to_batches()), ANA, 60)


def round_trip(queries: LocalQueries, server: Server, type_: str, values: pa.Array) -> None:
    path = server.table(f"i int PRIMARY KEY, v {type_}", name="v")
    data = pa.table({"i": pa.array(range(len(values)), pa.int32()), "v": values})
    assert append(queries, server, data) == len(values)
    server.run("SET TimeZone = 'UTC'" if server.name == "pg" else "SET time_zone = '+00:00'")
    stored = server.run(f"SELECT {AS_DOUBLE.get(type_, 'v')} FROM v ORDER BY i")
    assert [plain(value) for (value,) in stored] == [
        plain(meant(server.name, type_, value)) for value in values.to_pylist()
    ]
    read = table(queries, f"SELECT v FROM {path} ORDER BY i").column(0).combine_chunks()
    assert read.type == values.type
    assert repr(read.to_pylist()) == repr(values.to_pylist())


AS_DOUBLE = {"real": "CAST(v AS float8)", "float": "CAST(v AS DOUBLE)"}
"""Both servers print single precision in fewer digits than it has."""


def meant(server: str, type_: str, value: Any) -> Any:
    """What psycopg or PyMySQL gives for a value that is stored as it was sent."""
    if value is None:
        return None
    if isinstance(value, pa.MonthDayNano):
        years, months = divmod(abs(value.months), 12)
        days = (years * 365 + months * 30) * (1 if value.months > 0 else -1) + value.days
        return datetime.timedelta(days, microseconds=value.nanoseconds // 1000)
    match type_:
        case "jsonb" | "json" if server == "pg":
            return json.loads(value)
        case "char(3)" if server == "pg":
            return f"{value:3}"
        case "inet":
            return value.removesuffix("/32")
        case "time(6)":
            return T.combine(datetime.date.min, value) - T.min
        case "timestamp(6) null":
            return value.replace(tzinfo=None)
        case "point":
            return bytes(4) + value  # the SRID
    return value


def plain(value: Any) -> Any:
    """A value that compares: NaN with NaN, 0.0 not with -0.0, a driver's own classes as their text."""
    match value:
        case list():
            return [plain(item) for item in value]
        case float():
            return repr(value)
        case uuid.UUID() | ipaddress.IPv4Address():
            return str(value)
        case Range():
            return f"{value.bounds[0]}{value.lower},{value.upper}{value.bounds[1]}"
    return value


@cases(POSTGRES)
def test_postgresql_gives_back_what_was_written(
    queries: LocalQueries, pg: Server, type_: str, values: pa.Array
) -> None:
    pg.run("DROP TYPE IF EXISTS mood CASCADE")
    pg.run("""CREATE TYPE mood AS ENUM ('sad', 'it''s {0} "x"')""")
    pg.run("DROP DOMAIN IF EXISTS positive CASCADE")
    pg.run("CREATE DOMAIN positive AS int4 CHECK (VALUE > 0)")
    round_trip(queries, pg, type_, values)


@cases(MARIADB)
def test_mariadb_gives_back_what_was_written(queries: LocalQueries, my: Server, type_: str, values: pa.Array) -> None:
    round_trip(queries, my, type_, values)


def long_ago(type_: pa.DataType, ticks: int) -> pa.Array:
    """A value that Python's own dates do not reach."""
    return pa.array([ticks], pa.int32() if type_ == pa.date32() else pa.int64()).view(type_)


@pytest.mark.parametrize(
    ("type_", "values", "error"),
    [
        ("varchar(3)", pa.array(["abc "]), ValueDoesNotFit),
        ("varchar(3)", pa.array(["😀😀😀😀"]), ValueDoesNotFit),
        ("int", pa.array([2**31]), EvaluationFailed),
        ("int", pa.array(["x"]), EvaluationFailed),
        ("decimal(5,2)", pa.array([1000]), EvaluationFailed),
        ("date", pa.array(["2020-02-30"]), EvaluationFailed),
        ("date", long_ago(pa.date32(), -(2**31) + 5), SourceError),
        ("timestamp", pa.array([1], pa.timestamp("ns")), ValueDoesNotFit),
        ("timestamp", long_ago(pa.timestamp("us"), -(2**63) + 5), (SourceError, EvaluationFailed)),
        ("int not null", pa.array([None], pa.int32()), SourceError),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(
    queries: LocalQueries, server: Server, type_: str, values: pa.Array, error: Any
) -> None:
    server.table(f"v {type_}", name="v")
    with pytest.raises(error):
        append(queries, server, pa.table({"v": values}))
    assert server.rows("SELECT * FROM v") == []


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("double", pa.array([1.0, math.inf])),
        ("double", pa.array([1.0, math.nan])),
        ("float", pa.array([math.nan], pa.float32())),
        ("date", long_ago(pa.date32(), -(10**6))),
        ("datetime(6)", long_ago(pa.timestamp("us"), -(10**17))),
        ("timestamp(6)", pa.array([T(1969, 12, 31)])),
        ("enum('a')", pa.array(["b"])),
        ("json", pa.array(["{"])),
        ("varchar(5) character set latin1", pa.array(["😀"])),
        ("varbinary(2)", pa.array([b"abc"])),
    ],
)
def test_mariadb_is_not_given_what_it_would_change(
    queries: LocalQueries, my: Server, type_: str, values: pa.Array
) -> None:
    my.table(f"v {type_}", name="v")
    with pytest.raises(SourceError):
        append(queries, my, pa.table({"v": values}))
    assert my.rows("SELECT * FROM v") == []


def test_zero_and_null_are_no_orders_to_count_for_an_auto_increment(queries: LocalQueries, my: Server) -> None:
    my.table("v int AUTO_INCREMENT PRIMARY KEY", name="v")
    assert append(queries, my, pa.table({"v": [0, 7]})) == 2
    with pytest.raises(ValueDoesNotFit, match="NOT NULL"):
        append(queries, my, pa.table({"v": pa.array([None], pa.int32())}))
    assert my.rows("SELECT v FROM v") == [(0,), (7,)]


def test_a_row_longer_than_the_servers_packet_is_an_error_of_its_own(queries: LocalQueries, my: Server) -> None:
    my.table("v longtext", name="v")
    packet = my.run("SELECT @@max_allowed_packet")[0][0]
    with pytest.raises(ValueDoesNotFit, match="max_allowed_packet"):
        append(queries, my, pa.table({"v": ["x" * packet]}))
    assert append(queries, my, pa.table({"v": ["x" * (packet // 2), "y" * (packet // 2)]})) == 2
