"""INSERT, UPDATE and DELETE at real servers: each form, what is refused, and all or nothing."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from planner.errors import (
    ChangeRefused,
    InvalidExpression,
    ParameterRefused,
    PlanningError,
    ReadOnlySource,
    StatementRefused,
    SyntaxRefused,
    UnknownName,
)
from server.execution.errors import EvaluationFailed
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from tests.integration.execution_world import ANA, request, table
from tests.integration.writes.conftest import Server
from watersmeet.spi import SourceError, SourceQueryFailed, ValueDoesNotFit

COLUMNS = "id int PRIMARY KEY, name varchar(20), total decimal(12,2) DEFAULT 7.5"
ROWS = "(1, 'a', 1.5), (2, 'b', NULL), (3, NULL, 3)"


def update(queries: LocalQueries, sql: str, row: dict[str, Any] | None = None, **session: Any) -> int:
    return queries.update(request(sql, row=row, **session), ANA, 60)


# ---------------------------------------------------------------- INSERT


def test_values_are_inserted_and_columns_not_named_get_their_default(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    assert update(queries, f"INSERT INTO {path} (name, id) VALUES ('x', 1), (NULL, 1 + 1);") == 2
    assert server.rows("SELECT * FROM t") == [(1, "x", Decimal("7.50")), (2, None, Decimal("7.50"))]


def test_all_columns_are_meant_where_none_is_named(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    assert update(queries, f"INSERT INTO {path} VALUES (1, NULL, NULL)") == 1
    assert server.rows("SELECT * FROM t") == [(1, None, None)]


def test_default_is_left_to_the_source_where_every_row_says_so(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    assert update(queries, f"INSERT INTO {path} VALUES (1, 'a', DEFAULT), (2, 'b', DEFAULT)") == 2
    assert server.rows("SELECT total FROM t") == [(Decimal("7.50"),)] * 2
    with pytest.raises(StatementRefused, match="DEFAULT for some rows only"):
        update(queries, f"INSERT INTO {path} VALUES (3, 'a', DEFAULT), (4, 'b', 1)")


def test_the_rows_of_a_federated_query_are_inserted(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    sql = (
        f"INSERT INTO {path} (id, name, total) SELECT c.id + 10, c.city || t.name, c.id * 1.005"
        f" FROM lake.cities c JOIN {path} t ON c.id = t.id WHERE c.id < 3"
    )
    assert update(queries, sql) == 2
    expected = [(11, "city 1a", Decimal("1.01")), (12, "city 2b", Decimal("2.01"))]
    assert server.rows("SELECT * FROM t WHERE id > 10") == expected


def test_a_table_can_be_inserted_into_itself(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    assert update(queries, f"INSERT INTO {path} SELECT id + 100, name, total FROM {path}") == 3
    assert server.rows("SELECT count(*) FROM t") == [(6,)]


def test_with_may_stand_before_or_inside_an_insert(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    assert update(queries, f"WITH q AS (SELECT 5 AS id) INSERT INTO {path} (id) SELECT id FROM q") == 1
    assert update(queries, f"INSERT INTO {path} (id) WITH q AS (SELECT 6 AS id) SELECT id FROM q") == 1
    assert server.rows("SELECT id FROM t") == [(5,), (6,)]


def test_each_value_of_values_is_cast_to_its_column(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    assert update(queries, f"INSERT INTO {path} VALUES ('1', 5, '2.345'), (2.4, 'x', 2.345)") == 2
    assert server.rows("SELECT * FROM t") == [(1, "5", Decimal("2.35")), (2, "x", Decimal("2.35"))]


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ("('x', 'a', 1)", EvaluationFailed, "Could not convert"),
        ("(3000000000, 'a', 1)", EvaluationFailed, "out of range"),
        ("(1, 'a', 99999999999)", EvaluationFailed, "out of range|Could not cast"),
        ("(1, '123456789012345678901', 1)", ValueDoesNotFit, r"\.t\.name: a value of the length 21"),
        ("(1, '12345678901234567890 ', 1)", ValueDoesNotFit, r"\.t\.name: a value of the length 21"),
        ("(1, 'a', 1, 1)", SyntaxRefused, "same length"),
        ("(1, sum(2), 1)", InvalidExpression, "aggregate"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_and_changes_nothing(
    queries: LocalQueries, server: Server, values: str, error: type[Exception], words: str
) -> None:
    path = server.table(COLUMNS)
    with pytest.raises(error, match=words):
        update(queries, f"INSERT INTO {path} VALUES (100, 'before', 1), {values}")
    assert server.rows("SELECT * FROM t") == []


def test_a_row_needs_a_value_for_each_column(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    with pytest.raises(InvalidExpression, match="2 values for 3 columns"):
        update(queries, f"INSERT INTO {path} VALUES (1, 'a')")
    with pytest.raises(InvalidExpression, match="1 columns for 2 of the table"):
        update(queries, f"INSERT INTO {path} (id, name) SELECT 1")


def test_digits_of_a_second_that_a_column_does_not_keep_are_an_error(queries: LocalQueries, server: Server) -> None:
    path = server.table("a timestamp(3)" if server.name == "pg" else "a datetime(3)")
    assert update(queries, f"INSERT INTO {path} VALUES ('2020-01-01 00:00:00.123')") == 1
    with pytest.raises(ValueDoesNotFit, match="more than the 3 digits"):
        update(queries, f"INSERT INTO {path} VALUES ('2020-01-01 00:00:00.1234')")
    with pytest.raises(InvalidExpression, match="keeps 3 digits"):
        update(queries, f"UPDATE {path} SET a = '2020-01-01 00:00:00.1234'::TIMESTAMP")
    assert server.rows("SELECT a FROM t") == [(datetime.datetime(2020, 1, 1, 0, 0, 0, 123000),)]


def test_a_row_that_breaks_a_constraint_undoes_those_before_it(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    server.table("id int", ", ".join(f"({i})" for i in range(1000, 0, -1)), "many")
    with pytest.raises(SourceQueryFailed, match=r"[Dd]uplicate") as failed:
        update(queries, f"INSERT INTO {path} (id) SELECT id FROM {server.path('many')}")
    assert failed.value.sqlstate == ("23505" if server.name == "pg" else "23000")
    assert server.rows("SELECT count(*) FROM t") == [(3,)]
    assert server.transactions() == 0


# ---------------------------------------------------------------- UPDATE and DELETE


def test_rows_are_updated_by_expressions_over_their_old_values(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    assert update(queries, f"UPDATE {path} AS x SET total = x.total * 1.15, name = 'it''s' WHERE x.id <> 2") == 2
    expected = [(1, "it's", Decimal("1.73")), (2, "b", None), (3, "it's", Decimal("3.45"))]
    assert server.rows("SELECT * FROM t") == expected


def test_the_rows_that_an_update_meets_are_counted_changed_or_not(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    assert update(queries, f"UPDATE {path} SET name = 'a' WHERE id < 3") == 2
    assert update(queries, f"UPDATE {path} SET name = 'a' WHERE id < 3") == 2
    assert update(queries, f"UPDATE {path} SET name = 'a' WHERE id > 5") == 0


def test_assignments_see_the_old_row(queries: LocalQueries, server: Server) -> None:
    path = server.table("a int, b int", "(1, 2)")
    assert update(queries, f"UPDATE {path} SET a = b, b = a") == 1
    assert server.rows("SELECT a, b FROM t") == [(2, 1)]


def test_rows_are_deleted_by_text_compared_by_its_bytes(queries: LocalQueries, server: Server) -> None:
    path = server.table("a varchar(10)", "('q'), ('Q'), ('q ')")
    assert update(queries, f"DELETE FROM {path} WHERE a = 'q'") == 1
    assert server.rows("SELECT a FROM t") == [("Q",), ("q ",)]
    assert update(queries, f"DELETE FROM {path}") == 2


def test_subqueries_over_other_tables_of_the_source_run_there(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    other = server.table("id int, x int", "(1, 10), (2, 20)", "other")
    assert (
        update(queries, f"UPDATE {path} SET total = (SELECT max(x) FROM {other} o WHERE o.id = t.id) WHERE id < 3") == 2
    )
    assert update(queries, f"DELETE FROM {path} WHERE id IN (SELECT id FROM {other} WHERE x > 15)") == 1
    assert server.rows("SELECT id, total FROM t") == [(1, Decimal("10.00")), (3, Decimal("3.00"))]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE {} SET name = upper(name)", "upper is not on the allow-list"),
        ("DELETE FROM {} WHERE id IN (SELECT id FROM lake.cities)", "it reads lake as well"),
        ("DELETE FROM {} WHERE random() < 0.5", "random has another value at each call"),
        ("UPDATE {} SET id = row_number() OVER ()", "window function"),
        ("UPDATE {} SET id = max(id)", "more than a condition|aggregate"),
    ],
)
def test_what_the_source_cannot_run_exactly_is_refused_with_the_reason(
    queries: LocalQueries, server: Server, statement: str, words: str
) -> None:
    path = server.table(COLUMNS, ROWS)
    with pytest.raises((ChangeRefused, InvalidExpression), match=words):
        update(queries, statement.format(path))
    assert server.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


def test_a_value_too_large_for_its_column_is_the_sources_error(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    with pytest.raises(SourceQueryFailed, match="out of range|Out of range") as failed:
        update(queries, f"UPDATE {path} SET id = id + 2147483645")
    assert failed.value.sqlstate == "22003"
    assert server.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


# ---------------------------------------------------------------- parameters


def test_parameters_have_the_types_of_their_columns(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    described = queries.describe(request(f"INSERT INTO {path} VALUES (?, ?, ?)"), ANA)
    assert described.is_update and not described.schema.names
    assert [str(field.type) for field in described.parameters] == ["int32", "string", "decimal128(12, 2)"]
    described = queries.describe(request(f"UPDATE {path} SET total = $t WHERE id = $i"), ANA)
    assert [(field.name, str(field.type)) for field in described.parameters] == [
        ("i", "int32"),
        ("t", "decimal128(12, 2)"),
    ]


def test_a_statement_runs_once_for_each_row_of_parameters(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    assert update(queries, f"INSERT INTO {path} (id, name) VALUES (?, ?)", {"1": [1, 2, 3], "2": ["a", None, "c"]}) == 3
    assert update(queries, f"UPDATE {path} SET name = ? WHERE id = ?", {"1": ["x", "y"], "2": [1, 2]}) == 2
    assert update(queries, f"DELETE FROM {path} WHERE id = $id", {"id": [3, 4]}) == 1
    assert server.rows("SELECT id, name FROM t") == [(1, "x"), (2, "y")]


def test_a_failing_row_of_parameters_undoes_the_others(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    with pytest.raises(SourceQueryFailed):
        update(queries, f"INSERT INTO {path} (id) VALUES (?)", {"1": [10, 11, 1]})
    with pytest.raises(SourceQueryFailed):
        update(queries, f"UPDATE {path} SET id = ? WHERE id = ?", {"1": [10, 2], "2": [1, 3]})
    with pytest.raises(ParameterRefused, match="parameter 1 is used as INTEGER"):
        update(queries, f"UPDATE {path} SET id = ? WHERE id = 1", {"1": [10.0, 1.5]})
    assert server.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


def test_expressions_over_parameters_are_computed_for_each_row(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    sql = f"INSERT INTO {path} (id, name) VALUES (CAST(? AS INTEGER) * 2, upper(?))"
    assert update(queries, sql, {"1": [1, 2], "2": ["ß", "x"]}) == 2
    assert server.rows("SELECT id, name FROM t") == [(2, "ẞ"), (4, "X")]


def test_parameters_that_are_missing_or_inexact_are_refused(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS)
    with pytest.raises(ParameterRefused, match="parameter 1"):
        update(queries, f"INSERT INTO {path} (id) VALUES (?)")
    with pytest.raises(ParameterRefused, match="has 1 parameters, 2 are bound"):
        update(queries, f"INSERT INTO {path} (id) VALUES (?)", {"1": [1], "2": [2]})
    with pytest.raises(ParameterRefused, match="parameter 1 is used as INTEGER"):
        update(queries, f"INSERT INTO {path} (id) VALUES (?)", {"1": [1.5]})
    with pytest.raises(ParameterRefused, match="no parameters, 1 are bound"):
        update(queries, f"DELETE FROM {path}", {"1": [1]})


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("path", ["fixed.public.t", "lake.cities"])
def test_a_source_that_is_not_writable_is_refused_when_prepared_and_when_run(
    queries: LocalQueries, pg: Server, path: str
) -> None:
    pg.table(COLUMNS, ROWS)
    for sql in (f"DELETE FROM {path}", f"INSERT INTO {path} (id) VALUES (9)", f"UPDATE {path} SET id = 1"):
        with pytest.raises(ReadOnlySource, match="read-only"):
            queries.describe(request(sql), ANA)
        with pytest.raises(ReadOnlySource, match="read-only"):
            update(queries, sql)
    assert pg.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


def test_a_change_sent_as_a_query_is_refused_and_changes_nothing(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    with pytest.raises(StatementRefused, match="send them as an update"):
        table(queries, f"DELETE FROM {path}")
    with pytest.raises(StatementRefused):
        table(queries, f"WITH x AS (DELETE FROM {path} RETURNING *) SELECT * FROM x")
    assert server.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO {} VALUES (9, 'a', 1) RETURNING *", StatementRefused),
        ("INSERT INTO {} VALUES (9, 'a', 1) ON CONFLICT DO NOTHING", StatementRefused),
        ("INSERT OR REPLACE INTO {} VALUES (1, 'a', 1)", StatementRefused),
        ("INSERT INTO {} BY NAME SELECT 9 AS id", StatementRefused),
        ("INSERT INTO {} DEFAULT VALUES", StatementRefused),
        ("UPDATE {} SET name = c.city FROM lake.cities c", StatementRefused),
        ("UPDATE {} SET name = DEFAULT", StatementRefused),
        ("UPDATE {} SET name = 'a' RETURNING id", StatementRefused),
        ("DELETE FROM {} USING lake.cities c", StatementRefused),
        ("WITH q AS (SELECT 1) DELETE FROM {} WHERE id IN (FROM q)", StatementRefused),
        ("DELETE FROM {} WHERE id IN (WITH x AS (DELETE FROM {} RETURNING id) FROM x)", StatementRefused),
        ("TRUNCATE {}", StatementRefused),
        ("MERGE INTO {} USING lake.cities c ON false WHEN MATCHED THEN DELETE", StatementRefused),
        ("DROP TABLE {}", StatementRefused),
        ("EXPLAIN DELETE FROM {}", StatementRefused),
        ("DELETE FROM {}; DELETE FROM {}", SyntaxRefused),
        ("DELETE FROM {}), y AS (SELECT 1", SyntaxRefused),
        ("DELETE FROM {}) SELECT 1 --", SyntaxRefused),
        ("DELETE FROM {} WHERE", SyntaxRefused),
        ("UPDATE {} SET nothing = 1", UnknownName),
        ("UPDATE {} SET name = 'a', NAME = 'b'", InvalidExpression),
        ("INSERT INTO {} (id, nothing) VALUES (9, 1)", UnknownName),
        ("DELETE FROM {}x", UnknownName),
        ("DELETE FROM information_schema.tables", UnknownName),
        ("DELETE FROM {} WHERE pg_sleep(1) IS NULL", PlanningError),
    ],
)
def test_other_forms_are_refused_with_a_code(
    queries: LocalQueries, server: Server, statement: str, error: type[PlanningError]
) -> None:
    path = server.table(COLUMNS, ROWS)
    with pytest.raises(error):
        update(queries, statement.replace("{}", path))
    assert server.rows("SELECT id FROM t") == [(1,), (2,), (3,)]


def test_a_table_out_of_sight_does_not_exist(server: Server, open_sources: Any, tmp_path: Any) -> None:
    server.table(COLUMNS, ROWS, "seen")
    server.table(COLUMNS, ROWS, "hidden")
    sources = open_sources({server.name: server.section | {"writable": True}})
    limited = LocalQueries(
        sources, LimitsConfig(spill_dir=tmp_path), visible=lambda _who, _catalog, _schema, table: table == "seen"
    )
    try:
        messages = []
        for name in ("hidden", "absent"):
            with pytest.raises(UnknownName) as refused:
                update(limited, f"DELETE FROM {server.path(name)}")
            messages.append(str(refused.value).replace(name, "…"))
        assert messages[0] == messages[1]
        with pytest.raises(UnknownName):
            update(limited, f"DELETE FROM {server.path('seen')} WHERE id IN (SELECT id FROM {server.path('hidden')})")
        assert update(limited, f"DELETE FROM {server.path('seen')}") == 3
    finally:
        limited.close()
    assert server.rows("SELECT id FROM hidden") == [(1,), (2,), (3,)]


def test_a_table_that_changed_since_is_planned_anew(queries: LocalQueries, server: Server) -> None:
    path = server.table(COLUMNS, ROWS)
    assert update(queries, f"UPDATE {path} SET name = 'x'") == 3
    server.run("ALTER TABLE t DROP COLUMN name")
    with pytest.raises((SourceError, UnknownName)):
        update(queries, f"UPDATE {path} SET name = 'y'")


def test_names_and_values_are_no_way_to_other_sql(queries: LocalQueries, server: Server) -> None:
    nasty = 'o"; DROP TABLE keep; -- {0} %s `x'
    quoted = '"' + nasty.replace('"', '""') + '"'
    at_source = quoted if server.name == "pg" else "`" + nasty.replace("`", "``") + "`"
    server.table("id int", "(1)", "keep")
    server.run(f"DROP TABLE IF EXISTS {at_source}")
    server.run(f"CREATE TABLE {at_source} ({at_source} varchar(100))")
    path = server.path(quoted)
    texts = ["'; DROP TABLE keep; --", "\\'; DROP TABLE keep; --", "{0}", "%s", "$1", "\\", "''", "/*!50000 x */"]
    assert update(queries, f"INSERT INTO {path} ({quoted}) VALUES (?)", {"1": texts}) == len(texts)
    for text in texts:
        literal = "'" + text.replace("'", "''") + "'"
        assert update(queries, f"UPDATE {path} SET {quoted} = {literal} WHERE {quoted} = {literal}") == 1
    assert sorted(row[0] for row in server.run(f"SELECT * FROM {at_source}")) == sorted(texts)
    assert update(queries, f"DELETE FROM {path}") == len(texts)
    assert server.rows("SELECT id FROM keep") == [(1,)]
    server.run(f"DROP TABLE {at_source}")
