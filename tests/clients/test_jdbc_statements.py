"""JDBC statements: answers, limits, errors, cancelling and timeouts, and what is left at the source afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.clients.conftest import until
from tests.clients.jdbc.bridge import Java, JavaError, Remote
from tests.clients.served import Served

SLOW = "SELECT id, slept FROM pg.public.slow"
BROKEN_LATE = "SELECT CAST(if(i = 900000, 'x', '1') AS INTEGER) FROM range(1000000) AS r(i)"


@pytest.fixture
def statement(jdbc: Remote) -> Iterator[Remote]:
    made: Remote = jdbc.createStatement()
    yield made
    made.close()


@pytest.fixture
def running(postgres_url: str) -> Iterator[Callable[[], int]]:
    """How many of our statements run at the PostgreSQL."""
    with psycopg.connect(postgres_url, autocommit=True) as con:

        def count() -> int:
            sql = (
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'watersmeet/%' AND state = 'active'"
                " AND query LIKE '%slow%'"
            )
            (found,) = con.execute(sql).fetchone() or (0,)
            return int(found)

        yield count


def test_a_statement_runs_again_and_again(statement: Remote) -> None:
    answers = [statement.executeQuery(f"SELECT id FROM pg.public.orders WHERE id = {i}").rows() for i in (1, 2)]
    assert answers == [[(Java("java.lang.Long", "1"),)], [(Java("java.lang.Long", "2"),)]]


def test_an_answer_of_several_sources(statement: Remote) -> None:
    rows = statement.executeQuery(
        "SELECT p.name, l.name AS other FROM pg.public.customers p JOIN lake.main.customers l USING (id) ORDER BY id"
    ).rows()
    assert rows == [("customer 1", "customer 1"), ("customer 3", "Zoë")]


def test_execute_says_that_there_are_rows(statement: Remote) -> None:
    assert statement.execute("SELECT 1 AS a") is True
    assert statement.getResultSet().rows() == [(1,)]
    assert statement.getUpdateCount() == -1
    assert statement.getMoreResults() is False


def test_an_empty_answer_has_its_columns(jdbc: Remote) -> None:
    """Of a prepared statement: a plain one of driver 18.3 counts them twice (apache/arrow-java issue 44)."""
    statement = jdbc.prepareStatement("SELECT 1 AS a, 'x' AS b WHERE false")
    result = statement.executeQuery()
    assert result.getMetaData().getColumnCount() == 2
    assert result.rows() == []
    statement.close()


def test_an_empty_answer_has_no_rows(statement: Remote) -> None:
    assert statement.executeQuery("SELECT id FROM pg.public.orders WHERE id < 0").rows() == []


def test_two_thousand_columns(statement: Remote) -> None:
    result = statement.executeQuery("SELECT " + ", ".join(f"{i} AS c{i}" for i in range(2000)))
    assert result.getMetaData().getColumnLabel(2000) == "c1999"
    assert result.rows() == [tuple(range(2000))]


def test_duplicate_names_are_told_apart_by_position(statement: Remote) -> None:
    result = statement.executeQuery("SELECT 1 AS a, 2 AS a, 3 AS b")
    assert [result.getMetaData().getColumnLabel(i) for i in (1, 2, 3)] == ["a", "a", "b"]
    assert result.next() is True
    assert [result.getInt(1), result.getInt(2), result.getInt("a")] == [1, 2, 1]


def test_a_hundred_thousand_rows_arrive_whole(statement: Remote) -> None:
    rows = statement.executeQuery("SELECT i::INTEGER FROM range(100000) AS r(i)").rows()
    assert [value for (value,) in rows] == list(range(100_000))


def test_the_drivers_own_limit_on_rows_holds(statement: Remote) -> None:
    statement.setMaxRows(5)
    statement.setFetchSize(2)
    assert len(statement.executeQuery("SELECT id FROM pg.public.orders").rows()) == 5


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nowhere", "WM-2003"),
        ("SELECT nothing FROM pg.public.orders", "WM-2003"),
        ("SELECT FROM FROM", "WM-2001"),
        ("DROP TABLE pg.public.orders", "WM-2002"),
        ("SELECT CAST('x' AS INTEGER)", "WM-2050"),
        (BROKEN_LATE, "WM-2050"),
    ],
)
def test_an_error_shows_its_code_and_the_query_id(statement: Remote, sql: str, code: str) -> None:
    with pytest.raises(JavaError, match=rf"{code}: .+ \(query [0-9a-f]{{16}}\)"):
        statement.executeQuery(sql).rows()


def test_an_error_of_planning_is_a_sql_exception(statement: Remote) -> None:
    with pytest.raises(JavaError) as caught:
        statement.executeQuery("SELECT * FROM nowhere")
    assert caught.value.kind == "java.sql.SQLException"
    assert 'Error while executing SQL "SELECT * FROM nowhere"' in caught.value.message


def test_a_statement_works_after_one_that_failed(statement: Remote) -> None:
    for _ in range(3):
        with pytest.raises(JavaError):
            statement.executeQuery(BROKEN_LATE).rows()
    assert statement.executeQuery("SELECT 1").rows() == [(1,)]


@pytest.mark.parametrize("method", ["execute", "executeQuery", "executeUpdate"])
def test_a_write_is_never_silent(statement: Remote, method: str) -> None:
    with pytest.raises(JavaError, match="WM-"):
        getattr(statement, method)("INSERT INTO pg.public.customers (id, name) VALUES (99, 'x')")
    assert statement.executeQuery("SELECT count(*) FROM pg.public.customers WHERE id = 99").rows() == [
        (Java("java.lang.Long", "0"),)
    ]


# ---------------------------------------------------------------- cancelling


def test_cancel_frees_the_source(statement: Remote, running: Callable[[], int]) -> None:
    answer = statement.start("executeQuery", SLOW)
    until(running, 10)
    started = time.monotonic()
    statement.cancel()
    with pytest.raises(JavaError, match="ancel"):
        answer.result(10)
    until(lambda: not running())
    assert time.monotonic() - started < 2


def test_closing_a_statement_frees_the_source(jdbc: Remote, running: Callable[[], int]) -> None:
    statement = jdbc.createStatement()
    answer = statement.start("executeQuery", SLOW)
    until(running, 10)
    statement.close()
    with pytest.raises(JavaError):
        answer.result(10)
    until(lambda: not running())


def test_a_connection_goes_on_after_a_cancel(jdbc: Remote, running: Callable[[], int]) -> None:
    statement = jdbc.createStatement()
    answer = statement.start("executeQuery", SLOW)
    until(running, 10)
    statement.cancel()
    with pytest.raises(JavaError):
        answer.result(10)
    statement.close()
    assert jdbc.createStatement().executeQuery("SELECT 1").rows() == [(1,)]


def test_a_query_timeout_is_told_and_frees_the_source_when_the_statement_is_closed(
    jdbc: Remote, running: Callable[[], int]
) -> None:
    """The driver's timeout stops the waiting and not the statement: closing it does."""
    statement = jdbc.createStatement()
    statement.setQueryTimeout(1)
    with pytest.raises(JavaError, match="timed out after 1 SECONDS"):
        statement.executeQuery(SLOW)
    assert running()
    statement.close()
    until(lambda: not running())


def test_an_answer_that_is_left_half_read_frees_the_server(jdbc_connect: Callable[..., Remote], served: Served) -> None:
    statement = jdbc_connect(token=served.sign("leaver")).createStatement()
    assert statement.executeQuery("SELECT i FROM range(100000000000) AS r(i)").next() is True
    statement.close()
    until(lambda: ("DoGet", "CANCELLED") in [(call["rpc"], call["status"]) for call in served.calls("leaver")])
