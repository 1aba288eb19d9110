"""JDBC's result sets: every SQL type through the getters that fit it, and what ResultSetMetaData says of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.clients.jdbc.bridge import Java, JavaError, Remote
from tests.clients.served import Served

LONG, DECIMAL, CLASS = "java.lang.Long", "java.math.BigDecimal", "java.lang.Class"
NUMERIC = ("getByte", "getShort", "getInt", "getLong", "getFloat", "getDouble", "getBigDecimal", "getBoolean")


def _decimal(text: str) -> Java:
    return Java(DECIMAL, text)


def _long(text: str) -> Java:
    return Java(LONG, text)


def _moment(kind: str, text: str) -> Java:
    return Java(f"java.sql.{kind}", text)


GOT: list[tuple[str, int, dict[str, object]]] = [
    # SQL, JDBC type, getter: value
    ("true", 16, {"getObject": True, "getBoolean": True, "getInt": 1, "getString": "true"}),
    ("5::TINYINT", -6, {"getObject": Java("java.lang.Byte", "5"), "getByte": Java("java.lang.Byte", "5"), "getInt": 5}),
    ("-5::SMALLINT", 5, {"getObject": Java("java.lang.Short", "-5"), "getShort": Java("java.lang.Short", "-5")}),
    ("5::INTEGER", 4, {"getObject": 5, "getInt": 5, "getLong": _long("5"), "getString": "5", "getBigDecimal": _decimal("5")}),
    (str(2**62), -5, {"getObject": _long(str(2**62)), "getLong": _long(str(2**62)), "getString": str(2**62)}),
    ("200::UTINYINT", 5, {"getObject": Java("java.lang.Short", "200"), "getInt": 200, "getLong": _long("200"), "getString": "200"}),
    ("60000::USMALLINT", 4, {"getInt": 60000, "getObject": 60000, "getString": "60000"}),
    ("4000000000::UINTEGER", -5, {"getObject": _long("4000000000"), "getLong": _long("4000000000"), "getString": "4000000000"}),
    (f"{2**64 - 1}::UBIGINT", 3, {"getBigDecimal": _decimal(str(2**64 - 1)), "getString": str(2**64 - 1)}),
    (f"{10**28}::HUGEINT", 3, {"getObject": _decimal(str(10**28)), "getBigDecimal": _decimal(str(10**28))}),
    ("1.5::FLOAT", 6, {"getFloat": Java("java.lang.Float", "1.5"), "getDouble": Java("java.lang.Double", "1.5")}),
    ("0.1::DOUBLE", 8, {"getObject": Java("java.lang.Double", "0.1"), "getString": "0.1"}),
    ("1.50::DECIMAL(12,2)", 3, {"getObject": _decimal("1.50"), "getBigDecimal": _decimal("1.50"), "getString": "1.50"}),
    ("'é'::VARCHAR", 12, {"getObject": "é", "getString": "é", "getBytes": "é".encode()}),
    ("''", 12, {"getObject": "", "getString": ""}),
    ("'\\x00\\xff'::BLOB", -3, {"getObject": b"\x00\xff", "getBytes": b"\x00\xff"}),
    ("DATE '2024-02-29'", 91, {"getObject": _moment("Date", "2024-02-29"), "getDate": _moment("Date", "2024-02-29"), "getString": "2024-02-29"}),
    ("TIME '01:02:03.456'", 92, {"getString": "01:02:03.456", "getTimestamp": _moment("Timestamp", "1970-01-01 01:02:03.456")}),
    ("TIMESTAMP '2024-01-02 03:04:05.123456'", 93, {
        "getObject": _moment("Timestamp", "2024-01-02 03:04:05.123456"), "getString": "2024-01-02 03:04:05.123456",
        "getDate": _moment("Date", "2024-01-02"), "getTime": _moment("Time", "03:04:05")}),
    ("TIMESTAMP_NS '2024-01-02 03:04:05.123456789'", 93, {"getTimestamp": _moment("Timestamp", "2024-01-02 03:04:05.123456789")}),
    ("TIMESTAMPTZ '2024-01-02 03:04:05.5+02'", 2014, {
        "getTimestamp": _moment("Timestamp", "2024-01-02 01:04:05.5"), "getString": "2024-01-02 01:04:05.5"}),
    ("[1, 2, NULL]", 2003, {"getString": "[1,2,null]"}),
    ("{'a': 1, 'b': 'x'}", 2000, {"getString": '{"a":1,"b":"x"}'}),
    ("MAP {'k': 1}", 2000, {"getString": '{"k":1}'}),
    ("[200::UTINYINT]", 2003, {"getString": "[200]"}),
    ("{'a': 4000000000::UINTEGER, 'b': [60000::USMALLINT]}", 2000, {"getString": '{"a":4000000000,"b":[60000]}'}),
    ("INTERVAL 3 DAY", 2000, {"getString": "P3D"}),
    ("'a'::ENUM('a', 'b')", 12, {"getObject": "a", "getString": "a"}),
    ("'123e4567-e89b-12d3-a456-426614174000'::UUID", 12, {"getString": "123e4567-e89b-12d3-a456-426614174000"}),
]  # fmt: skip


@pytest.fixture
def statement(jdbc: Remote) -> Iterator[Remote]:
    made: Remote = jdbc.createStatement()
    yield made
    made.close()


def _first(statement: Remote, sql: str) -> Remote:
    """The result set at its first row."""
    result: Remote = statement.executeQuery(sql)
    assert result.next() is True
    return result


@pytest.mark.parametrize(("sql", "code", "getters"), GOT, ids=[sql for sql, *_ in GOT])
def test_a_value_of_every_type_is_read(statement: Remote, sql: str, code: int, getters: dict[str, object]) -> None:
    result = _first(statement, f"SELECT {sql} AS a")
    assert result.getMetaData().getColumnType(1) == code
    assert {getter: getattr(result, getter)(1) for getter in getters} == getters
    assert {getter: getattr(result, getter)("a") for getter in getters} == getters
    assert result.wasNull() is False


def test_unsigned_integers_are_widened_for_clients_in_java_and_for_others_that_ask(
    jdbc_connect: Callable[..., Remote], served: Served
) -> None:
    """Driver 18.3 reads an unsigned integer as a signed one of its width, and says nothing."""
    sql = "SELECT 200::UTINYINT AS a, 18446744073709551615::UBIGINT AS b"
    kept = jdbc_connect("&watersmeet-unsigned=keep").createStatement()
    assert _first(kept, sql).getInt(1) == -56
    kept.close()
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.fetch_arrow_table().schema.types == [pa.uint8(), pa.uint64()]
    with served.connect(**{"watersmeet-unsigned": "widen"}) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        table = cursor.fetch_arrow_table()
        assert table.schema.types == [pa.int16(), pa.decimal128(20, 0)]
        assert table.to_pylist() == [{"a": 200, "b": 2**64 - 1}]


@pytest.mark.parametrize("sql", [sql for sql, *_ in GOT])
def test_a_null_of_every_type_is_read(statement: Remote, sql: str) -> None:
    result = _first(statement, f"SELECT CASE WHEN random() > 1 THEN {sql} END AS a")
    assert result.getString(1) is None
    assert result.wasNull() is True


def test_a_null_number_is_zero_and_was_null(statement: Remote) -> None:
    result = _first(statement, "SELECT NULL::INTEGER AS a, 1.5::DECIMAL(12,2) AS b")
    for getter in NUMERIC:
        value = getattr(result, getter)(1)
        assert value in (None, 0, False) or float(value.text) == 0
        assert result.wasNull() is True
    result.getInt(2)
    assert result.wasNull() is False


@pytest.mark.parametrize(
    ("sql", "kind", "value"),
    [
        ("DATE '2024-02-29'", "java.time.LocalDate", "2024-02-29"),
        ("TIME '01:02:03'", "java.time.LocalTime", "01:02:03"),
        ("TIMESTAMP '2024-01-02 03:04:05.123456'", "java.time.LocalDateTime", "2024-01-02T03:04:05.123456"),
        ("TIMESTAMPTZ '2024-01-02 03:04:05+02'", "java.time.OffsetDateTime", "2024-01-02T01:04:05Z"),
        ("TIMESTAMPTZ '2024-01-02 03:04:05+02'", "java.time.Instant", "2024-01-02T01:04:05Z"),
        ("5", "java.lang.Long", "5"),
        ("5", DECIMAL, "5"),
    ],
)
def test_a_value_as_a_class_of_choice(statement: Remote, sql: str, kind: str, value: str) -> None:
    assert _first(statement, f"SELECT {sql}").getObject(1, Java(CLASS, kind)) == Java(kind, value)


def test_an_array_has_its_elements(statement: Remote) -> None:
    array = _first(statement, "SELECT [1, 2, NULL]::INTEGER[] AS a").getArray(1)
    assert array.getArray() == [1, 2, None]


def test_a_time_in_another_zone_of_the_clients(statement: Remote, jdbc: Remote) -> None:
    zone = jdbc._jvm.static("java.util.TimeZone", "getTimeZone", "Asia/Tokyo")
    calendar = jdbc._jvm.static("java.util.Calendar", "getInstance", zone)
    result = _first(statement, "SELECT TIMESTAMP '2024-01-02 09:00:00' AS a")
    assert result.getTimestamp(1, calendar) == _moment("Timestamp", "2024-01-02 00:00:00.0")


def test_get_object_of_a_timestamp_with_a_zone_is_the_drivers_lack(statement: Remote) -> None:
    """apache/arrow-java issue 839, mended after 18.3. getTimestamp and getObject with a class work."""
    result = _first(statement, "SELECT TIMESTAMPTZ '2024-01-02 03:04:05+02' AS a")
    with pytest.raises(JavaError, match="not implemented"):
        result.getObject(1)


# ---------------------------------------------------------------- ResultSetMetaData


def _described(statement: Remote, sql: str, *methods: str) -> list[tuple[Any, ...]]:
    about = statement.executeQuery(sql).getMetaData()
    return [tuple(getattr(about, m)(i + 1) for m in methods) for i in range(about.getColumnCount())]


def test_labels_types_precision_and_scale(statement: Remote) -> None:
    told = _described(
        statement,
        "SELECT id, amount, placed, note AS remark FROM pg.public.orders",
        *("getColumnLabel", "getColumnName", "getColumnType", "getColumnTypeName", "getPrecision", "getScale"),
    )
    assert told == [
        ("id", "id", -5, "BIGINT", 19, 0),
        ("amount", "amount", 3, "DECIMAL", 12, 2),
        ("placed", "placed", 2014, "TIMESTAMP_WITH_TIMEZONE", 6, 6),
        ("remark", "remark", 12, "VARCHAR", 0, 0),
    ]


def test_a_column_says_where_it_comes_from(statement: Remote) -> None:
    told = _described(
        statement,
        "SELECT o.id, c.name AS who, 1 AS one FROM pg.public.orders o JOIN lake.main.customers c ON c.id = o.customer",
        *("getCatalogName", "getSchemaName", "getTableName"),
    )
    assert told == [("pg", "public", "orders"), ("lake", "main", "customers"), (None, None, None)]


def test_remarks_do_not_rename_columns(statement: Remote) -> None:
    """pg.public.orders.amount has the remark `in euros`: the driver would take it for a label."""
    assert _described(statement, "SELECT amount FROM pg.public.orders", "getColumnLabel") == [("amount",)]


def test_flags_of_columns(statement: Remote) -> None:
    told = _described(
        statement,
        "SELECT 1 AS a, 'x' AS b",
        *("isReadOnly", "isWritable", "isAutoIncrement", "isCaseSensitive", "isSearchable"),
    )
    assert told == [(True, False, False, False, True), (True, False, False, True, True)]
