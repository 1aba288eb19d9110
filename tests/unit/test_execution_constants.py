"""Statements that are a row of constants: answered from memory, and only these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.principal import Principal
from server.execution.engine import Engine
from server.execution.errors import EvaluationFailed
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Request, Session

ANA = Principal(subject="ana")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def queries() -> Iterator[LocalQueries]:
    queries = LocalQueries({}, LimitsConfig(running=1, queued=0))
    yield queries
    queries.close()


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engine runs from now on."""
    run: list[str] = []
    query = Engine.query

    def noted(self: Engine, sql: str, *arguments: Any, **options: Any) -> Any:
        run.append(sql)
        return query(self, sql, *arguments, **options)

    monkeypatch.setattr(Engine, "query", noted)
    return run


def rows(queries: LocalQueries, sql: str, now: datetime = NOW, **settings: str) -> list[dict[str, Any]]:
    answer = queries.execute(Request(query_id="q", sql=sql, now=now, session=Session(settings=settings)), ANA, 60)
    try:
        return [row for batch in answer.batches() for row in batch.to_pylist()]
    finally:
        answer.close()


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT 1 + 1, 'x', NULL", "SELECT version(), DATE '2026-11-21'"])
def test_a_row_of_constants_is_evaluated_once(queries: LocalQueries, evaluated: list[str], sql: str) -> None:
    first = rows(queries, sql)
    assert len(evaluated) == 1
    assert [rows(queries, sql) for _ in range(3)] == [first] * 3
    assert len(evaluated) == 1


def test_each_statement_has_names_and_types_of_its_own(queries: LocalQueries, evaluated: list[str]) -> None:
    assert rows(queries, "SELECT 1 AS a") == [{"a": 1}]
    assert rows(queries, "SELECT 1 AS b") == [{"b": 1}]
    assert rows(queries, "SELECT '1' AS a") == [{"a": "1"}]
    assert len(evaluated) == 2


def test_now_is_that_of_the_statement(queries: LocalQueries) -> None:
    later = NOW + timedelta(days=1)
    assert rows(queries, "SELECT now() AS n", now=NOW) == [{"n": NOW}]
    assert rows(queries, "SELECT now() AS n", now=later) == [{"n": later}]


def test_a_time_zone_changes_what_is_remembered(queries: LocalQueries) -> None:
    sql = "SELECT TIMESTAMPTZ '2026-11-21 12:00:00' AS t"
    assert rows(queries, sql, timezone="Asia/Tokyo") == [{"t": NOW - timedelta(hours=9)}]
    assert rows(queries, sql) == [{"t": NOW}]


@pytest.mark.parametrize("sql", ["SELECT random()", "SELECT 1 LIMIT 0", "VALUES (1), (2)", "SELECT unnest([1, 2])"])
def test_everything_else_runs_each_time(queries: LocalQueries, evaluated: list[str], sql: str) -> None:
    rows(queries, sql)
    once = len(evaluated)
    rows(queries, sql)
    assert len(evaluated) == 2 * once > 0


def test_long_texts_are_not_kept(queries: LocalQueries, evaluated: list[str]) -> None:
    sql = f"SELECT '{'x' * 10_000}' AS a"
    assert rows(queries, sql) == rows(queries, sql) == [{"a": "x" * 10_000}]
    assert len(evaluated) == 2


def test_a_constant_answer_that_is_not_closed_keeps_no_place(queries: LocalQueries) -> None:
    for _ in range(3):
        queries.execute(Request(query_id="q", sql="SELECT 1", now=NOW), ANA, 60)


def test_an_error_is_not_remembered(queries: LocalQueries, evaluated: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(EvaluationFailed):
            rows(queries, "SELECT 170141183460469231731687303715884105727")
    assert len(evaluated) == 2
