"""JDBC's prepared statements: every type of parameter arrives as it was set, and can be set again.

What arrived is asked of the server as text, so that a driver's getter cannot undo what its setter did.
"""

from __future__ import annotations

import pytest

from tests.clients.jdbc.bridge import Java, JavaError, Remote


def _timestamp(text: str) -> Java:
    return Java("java.sql.Timestamp", text)


def _decimal(text: str) -> Java:
    return Java("java.math.BigDecimal", text)


SET = [
    # SQL type, JDBC type, setter, value, what the server has
    ("BOOLEAN", 16, "setBoolean", True, "true"),
    ("TINYINT", -6, "setByte", -128, "-128"),
    ("SMALLINT", 5, "setShort", -32768, "-32768"),
    ("INTEGER", 4, "setInt", -(2**31), "-2147483648"),
    ("BIGINT", -5, "setLong", Java("java.lang.Long", str(2**63 - 1)), "9223372036854775807"),
    ("FLOAT", 6, "setFloat", 1.5, "1.5"),
    ("DOUBLE", 8, "setDouble", 0.1, "0.1"),
    ("DECIMAL(12,2)", 3, "setBigDecimal", _decimal("-1234567890.12"), "-1234567890.12"),
    ("DECIMAL(38,0)", 3, "setBigDecimal", _decimal("9" * 38), "9" * 38),
    ("VARCHAR", 12, "setString", "it's 'é' \\ \U0001f600", "it's 'é' \\ \U0001f600"),
    ("BLOB", -3, "setBytes", b"\x00a\xff", "\\x00a\\xFF"),
    ("DATE", 91, "setDate", Java("java.sql.Date", "2024-02-29"), "2024-02-29"),
    ("TIME", 92, "setTime", Java("java.sql.Time", "13:14:15"), "13:14:15"),
    ("TIMESTAMP", 93, "setTimestamp", _timestamp("2024-02-29 13:14:15.5"), "2024-02-29 13:14:15.5"),
    ("TIMESTAMP", 93, "setTimestamp", _timestamp("1969-12-31 23:59:59.999"), "1969-12-31 23:59:59.999"),
    ("TIMESTAMPTZ", 2014, "setTimestamp", _timestamp("2024-02-29 13:14:15.5"), "2024-02-29 13:14:15.5+00"),
    # By way of setObject
    ("INTEGER", 4, "setObject", 7, "7"),
    ("INTEGER", 4, "setObject", Java("java.lang.Long", "7"), "7"),
    ("BIGINT", -5, "setObject", 7, "7"),
    ("DOUBLE", 8, "setObject", 1.25, "1.25"),
    ("DECIMAL(12,2)", 3, "setObject", _decimal("1.50"), "1.50"),
    ("VARCHAR", 12, "setObject", "x", "x"),
    ("DATE", 91, "setObject", Java("java.sql.Date", "0001-01-01"), "0001-01-01"),
    ("TIMESTAMP", 93, "setObject", _timestamp("2024-02-29 13:14:15"), "2024-02-29 13:14:15"),
    # A number of another size
    ("BIGINT", -5, "setInt", 7, "7"),
    ("DOUBLE", 8, "setInt", 7, "7.0"),
]
TYPES = {kind: code for kind, code, *_ in SET}


@pytest.mark.parametrize(
    ("kind", "code", "setter", "value", "arrived"), SET, ids=[f"{kind} {setter}" for kind, _, setter, *_ in SET]
)
def test_a_value_arrives_as_it_was_set(
    jdbc: Remote, kind: str, code: int, setter: str, value: object, arrived: str
) -> None:
    statement = jdbc.prepareStatement(f"SELECT (?::{kind})::VARCHAR AS a")
    assert statement.getParameterMetaData().getParameterType(1) == code
    getattr(statement, setter)(1, value)
    assert statement.executeQuery().rows() == [(arrived,)]
    statement.close()


@pytest.mark.parametrize(("kind", "code"), TYPES.items())
def test_a_null_of_every_type_arrives(jdbc: Remote, kind: str, code: int) -> None:
    statement = jdbc.prepareStatement(f"SELECT ?::{kind} IS NULL AS a, typeof(?::{kind}) AS t")
    for setter in ("setNull", "setObject"):
        for position in (1, 2):
            getattr(statement, setter)(position, *([code] if setter == "setNull" else [None]))
        ((null, name),) = statement.executeQuery().rows()
        assert null is True
        assert name.startswith(kind.removesuffix("TZ"))
    statement.close()


def test_a_parameter_without_a_type_is_text(jdbc: Remote) -> None:
    """It has some type always: the driver fails on a parameter announced as null."""
    statement = jdbc.prepareStatement("SELECT ? AS a")
    assert statement.getParameterMetaData().getParameterTypeName(1) == "Utf8"
    statement.setString(1, "x")
    assert statement.executeQuery().rows() == [("x",)]
    statement.close()


def test_a_parameter_has_the_type_of_what_it_is_compared_with(jdbc: Remote) -> None:
    statement = jdbc.prepareStatement("SELECT count(*)::INTEGER FROM pg.public.orders WHERE id <= ? AND placed < ?")
    about = statement.getParameterMetaData()
    assert [about.getParameterType(i) for i in (1, 2)] == [-5, 2014]
    statement.close()


def test_twelve_parameters_keep_their_order(jdbc: Remote) -> None:
    statement = jdbc.prepareStatement("SELECT " + ", ".join(f"?::INTEGER AS p{i}" for i in range(12)))
    assert statement.getParameterMetaData().getParameterCount() == 12
    for position in range(1, 13):
        statement.setInt(position, 100 + position)
    assert statement.executeQuery().rows() == [tuple(range(101, 113))]
    statement.close()


def test_a_statement_runs_again_with_other_values(jdbc: Remote) -> None:
    statement = jdbc.prepareStatement("SELECT count(*)::INTEGER AS n FROM pg.public.orders WHERE id <= ?::BIGINT")
    for limit in (5, 50, 0, 5):
        statement.setLong(1, limit)
        assert statement.executeQuery().rows() == [(limit,)]
    statement.setNull(1, -5)
    assert statement.executeQuery().rows() == [(0,)]
    statement.close()


def test_the_columns_are_known_before_the_values(jdbc: Remote) -> None:
    statement = jdbc.prepareStatement("SELECT id, note AS n FROM pg.public.orders WHERE id = ?")
    about = statement.getMetaData()
    assert [(about.getColumnLabel(i), about.getColumnType(i)) for i in (1, 2)] == [("id", -5), ("n", 12)]
    statement.close()


def test_text_is_never_taken_for_sql(jdbc: Remote) -> None:
    statement = jdbc.prepareStatement("SELECT count(*)::INTEGER FROM pg.public.customers WHERE name = ?")
    statement.setString(1, "x' OR '1'='1")
    assert statement.executeQuery().rows() == [(0,)]
    statement.close()


def test_a_value_that_is_not_set_is_refused(jdbc: Remote) -> None:
    statement = jdbc.prepareStatement("SELECT ?::INTEGER, ?::INTEGER")
    statement.setInt(1, 1)
    with pytest.raises(JavaError) as caught:
        statement.executeQuery()
    assert caught.value.kind == "java.sql.SQLException"
    statement.close()


def test_a_plain_statement_with_a_parameter_names_it(jdbc: Remote) -> None:
    statement = jdbc.createStatement()
    with pytest.raises(JavaError, match="WM-2103.*parameter 1"):
        statement.executeQuery("SELECT ?::INTEGER")
    statement.close()


@pytest.mark.parametrize(
    ("kind", "setter", "value", "words"),
    [
        ("INTEGER", "setString", "5", "not yet supported"),
        ("VARCHAR", "setInt", 5, "not yet supported"),
        ("DATE", "setObject", Java("java.time.LocalDate", "2024-01-02"), "not yet supported"),
        ("DECIMAL(12,2)", "setInt", 5, "not yet supported"),
        ("DECIMAL(12,2)", "setBigDecimal", _decimal("1.5"), "scale must equal"),
    ],
)
def test_what_the_driver_itself_does_not_convert(
    jdbc: Remote, kind: str, setter: str, value: object, words: str
) -> None:
    """Nothing of these reaches the server. When a newer driver can, docs/clients.md is to be changed."""
    statement = jdbc.prepareStatement(f"SELECT ?::{kind}")
    getattr(statement, setter)(1, value)
    with pytest.raises(JavaError, match=words):
        statement.executeQuery()
    statement.close()
