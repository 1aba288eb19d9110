"""JDBC changes tables of a PostgreSQL that is writable: counts, all or nothing, prepared statements, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.clients.conftest import close_jdbc
from tests.clients.jdbc.bridge import Java, JavaError, Jvm, Remote
from tests.clients.served import Served, serving
from tests.oracle.world import postgres_database

Rows = Callable[[], list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def url(postgres_url: str) -> Iterator[str]:
    with postgres_database(postgres_url) as made:
        yield made


@pytest.fixture(scope="module")
def writable(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("writable")
    with psycopg.connect(url, autocommit=True) as con:
        con.execute("CREATE TABLE stock (id int PRIMARY KEY, price numeric(12,2) CHECK (price > 0), note text)")
    with serving(folder, {"pg": {"kind": "postgres", "url": url, "writable": True}}) as server:
        yield server


@pytest.fixture
def rows(url: str) -> Iterator[Rows]:
    """What the table holds, asked of PostgreSQL itself. It begins with three rows."""
    with psycopg.connect(url, autocommit=True) as con:
        con.execute("TRUNCATE stock")
        con.execute("INSERT INTO stock SELECT i, i * 10, 'row ' || i FROM generate_series(1, 3) AS i")
        yield lambda: con.execute("SELECT id, price::int, note FROM stock ORDER BY id").fetchall()


@pytest.fixture
def connection(jvm: Jvm, writable: Served) -> Iterator[Remote]:
    address = f"jdbc:arrow-flight-sql://127.0.0.1:{writable.port}?useEncryption=false"
    made: Remote = jvm.static("java.sql.DriverManager", "getConnection", address, {"token": writable.token})
    yield made
    close_jdbc(made)


def test_a_statement_tells_how_many_rows_it_met(connection: Remote, rows: Rows) -> None:
    statement = connection.createStatement()
    assert statement.executeUpdate("INSERT INTO pg.public.stock VALUES (4, 40, 'new'), (5, 50, NULL)") == 2
    assert statement.executeUpdate("UPDATE pg.public.stock SET note = 'cheap' WHERE price < 25") == 2
    assert statement.executeUpdate("DELETE FROM pg.public.stock WHERE id = 3") == 1
    assert statement.executeUpdate("DELETE FROM pg.public.stock WHERE id = 99") == 0
    statement.close()
    assert rows() == [(1, 10, "cheap"), (2, 20, "cheap"), (4, 40, "new"), (5, 50, None)]


def test_an_error_takes_back_the_whole_statement(connection: Remote, rows: Rows) -> None:
    before = rows()
    statement = connection.createStatement()
    for broken in (
        "INSERT INTO pg.public.stock VALUES (7, 70, 'good'), (1, 10, 'its key is there already')",
        "INSERT INTO pg.public.stock SELECT 10 + i, 5 - i, NULL FROM range(10) AS r(i)",
        "UPDATE pg.public.stock SET price = price - 20",
    ):
        with pytest.raises(JavaError, match="WM-3003.*constraint"):
            statement.executeUpdate(broken)
        assert rows() == before
    assert statement.executeUpdate("INSERT INTO pg.public.stock VALUES (7, 70, 'good')") == 1
    statement.close()


def test_a_prepared_statement_runs_again_with_other_values(connection: Remote, rows: Rows) -> None:
    statement = connection.prepareStatement("INSERT INTO pg.public.stock (id, price, note) VALUES (?, ?, ?)")
    for key, note in ((4, "it's"), (5, None)):
        statement.setInt(1, key)
        statement.setBigDecimal(2, Java("java.math.BigDecimal", f"{key}0.00"))
        statement.setString(3, note)
        assert statement.executeUpdate() == 1
    with pytest.raises(JavaError, match="WM-3003.*duplicate key"):
        statement.executeUpdate()
    statement.close()
    assert rows()[3:] == [(4, 40, "it's"), (5, 50, None)]


def test_execute_of_a_statement_tells_the_count_instead_of_rows(connection: Remote, rows: Rows) -> None:
    statement = connection.createStatement()
    assert statement.execute("DELETE FROM pg.public.stock WHERE id < 3") is False
    assert statement.getUpdateCount() == 2
    statement.close()
    assert rows() == [(3, 30, "row 3")]


def test_execute_of_a_prepared_statement_is_sent_as_a_query_and_refused(connection: Remote, rows: Rows) -> None:
    """Driver 18.3 takes every prepared statement for a query there; a query may be fetched twice. executeUpdate works."""
    before = rows()
    statement = connection.prepareStatement("DELETE FROM pg.public.stock WHERE id < ?")
    statement.setInt(1, 3)
    with pytest.raises(JavaError, match="WM-2106"):
        statement.execute()
    statement.close()
    assert rows() == before
