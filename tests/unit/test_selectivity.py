"""What conditions keep, with statistics and without, and the joins between two tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.tree import Scan, ScanColumn
from planner.pipeline import plan
from planner.plan import PlanRequest, SourceInfo
from planner.statistics import Statistics
from tests.unit.small_world import NOW
from watersmeet.spi import Column, SourceCatalog, Table

ROWS = 10_000
EVEN = tuple(str(place) for place in range(0, 1001, 10))
WORDS = tuple(f"{'abcde'[place % 5]}{place:03}{'x' if place % 4 == 0 else 'y'}" for place in range(100))
A: dict[str, Any] = {
    "id": {"type": "INTEGER", "distinct": ROWS, "minimum": "1", "maximum": "10000"},
    "n": {"type": "INTEGER", "distinct": 1000, "bounds": EVEN},
    "d": {"type": "DATE", "distinct": 366, "minimum": "2020-01-01", "maximum": "2021-01-01", "null_fraction": 0.1},
    "s": {"type": "VARCHAR", "distinct": 5000, "bounds": WORDS, "common": (("often", 0.5),)},
    "unknown": {"type": "INTEGER"},
    "flag": {"type": "BOOLEAN", "common": (("true", 0.2), ("false", 0.8)), "distinct": 2},
}
B: dict[str, Any] = {
    "a": {"type": "INTEGER", "distinct": 5000},
    "k": {"type": "INTEGER", "distinct": 1000, "common": (("7", 0.5),), "null_fraction": 0.2},
}
C: dict[str, Any] = {
    "a": {"type": "INTEGER", "distinct": 500},
    "k": {"type": "INTEGER", "distinct": 1000, "common": (("7", 0.1),), "null_fraction": 0.2},
}


def world() -> dict[str, SourceInfo]:
    tables = {
        ("main", name): Table(
            schema="main",
            name=name,
            columns=tuple(Column(name=column, **figures) for column, figures in columns.items()),
            primary_key=("id",) if "id" in columns else (),
            rows=rows,
        )
        for name, columns, rows in (
            ("a", A, ROWS),
            ("b", B, 2 * ROWS),
            ("c", C, 1000),
            ("empty", B, 0),
            ("new", B, None),
        )
    }
    catalog = SourceCatalog(default_schema="main", tables=tables, schemas=("main",))
    return {"s": SourceInfo(name="s", kind="duckdb", catalog=catalog, dialect=DUCKDB)}


@pytest.fixture(scope="module")
def sources() -> Iterator[dict[str, SourceInfo]]:
    yield world()


def estimate(sql: str, sources: dict[str, SourceInfo]) -> int:
    fragments = plan(PlanRequest(sql=sql, now=NOW), sources).fragments
    assert len(fragments) == 1
    assert fragments[0].estimate is not None
    return fragments[0].estimate


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("id = 5", 1),
        ("n = 5", 10),
        ("5 = n", 10),
        ("n <> 5", 9990),
        ("n IN (1, 2, 3)", 30),
        ("n < 250", 2500),
        ("250 > n", 2500),
        ("n BETWEEN 100 AND 200", 1000),
        ("n >= 100 AND n < 200", 1000),
        ("n > 100 AND n > 500 AND n < 800", 3000),
        ("n < 100 OR n > 900", 1900),
        ("NOT (n < 250)", 7500),
        ("id <= 2500", 2500),
        ("d < DATE '2020-07-01'", 4475),
        ("d >= DATE '2020-02-01' AND d < DATE '2020-02-01' + INTERVAL 1 MONTH", 713),
        ("d IS NULL", 1000),
        ("d IS NOT NULL", 9000),
        ("s = 'often'", 5000),
        ("s <> 'often'", 5000),
        ("s LIKE '%x'", 1250),
        ("s NOT LIKE '%x'", 8750),
        ("flag", 2000),
        ("NOT flag", 8000),
        ("unknown > 5", 3000),
        ("unknown = 5", 500),
    ],
)
def test_a_filter_keeps_about_as_many_rows_as_statistics_say(
    condition: str, rows: int, sources: dict[str, SourceInfo]
) -> None:
    assert estimate(f"SELECT id FROM a WHERE {condition}", sources) == pytest.approx(rows, rel=0.06, abs=1)


@pytest.mark.parametrize(
    "condition",
    ["n > 2000", "n = 5000000", "d > DATE '9999-12-31'", "d = DATE '0044-03-15 (BC)'", "s LIKE '%nowhere%'"],
)
def test_what_contradicts_the_statistics_keeps_little_but_something(
    condition: str, sources: dict[str, SourceInfo]
) -> None:
    assert 1 <= estimate(f"SELECT id FROM a WHERE {condition}", sources) < 60


@pytest.mark.parametrize("table", ["empty", "new"])
def test_empty_and_uncounted_tables_have_estimates(table: str, sources: dict[str, SourceInfo]) -> None:
    assert estimate(f"SELECT a FROM {table} WHERE a > 5 AND k = 3", sources) >= 1
    assert estimate(f"SELECT x.a FROM {table} x JOIN b USING (a) WHERE x.k IN (1, 2)", sources) >= 1


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT a.id FROM a JOIN b ON a.id = b.a", 2 * ROWS),
        ("SELECT a.id FROM a JOIN b ON a.id = b.a WHERE a.n < 100", 2000),
        ("SELECT x.a FROM c x JOIN c y ON x.a = y.a", 2000),
        ("SELECT x.a FROM c x JOIN c y ON x.a = y.a JOIN c z ON y.a = z.a AND z.a = x.a", 4000),
        ("SELECT x.a FROM c x JOIN c y ON x.k = y.k", 10_490),
        ("SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a = a.id)", 5000),
        ("SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.a = a.id)", 5000),
        ("SELECT id FROM a WHERE id IN (SELECT b.a FROM b)", 5000),
        ("SELECT n, count(*) FROM a GROUP BY n", 1000),
        ("SELECT n, sum(id) FROM a GROUP BY n HAVING sum(id) > 100000", 20),
        ("SELECT n, sum(id) FROM a GROUP BY n HAVING n < 100", 100),
    ],
)
def test_joins_and_groups_have_about_as_many_rows(sql: str, rows: int, sources: dict[str, SourceInfo]) -> None:
    assert estimate(sql, sources) == pytest.approx(rows, rel=0.1)


def test_conditions_derived_from_an_or_are_not_counted_twice(sources: dict[str, SourceInfo]) -> None:
    either = "((n = 1 AND flag) OR (n = 2 AND NOT flag))"
    alone = estimate(f"SELECT id FROM a WHERE {either}", sources)
    assert alone == pytest.approx(10, abs=1)
    for derived in ("(n = 1 OR n = 2)", "n IN (1, 2)", "n IN (1, 2) AND (flag OR NOT flag)"):
        assert estimate(f"SELECT id FROM a WHERE {either} AND {derived}", sources) == alone


def test_the_range_of_integers_is_known(sources: dict[str, SourceInfo]) -> None:
    positions = {name: f"c{place}" for place, name in enumerate(A)}
    columns = tuple(ScanColumn(positions[name], name, figures["type"], nullable=True) for name, figures in A.items())
    scan, statistics = Scan("t0", "s", "main", "a", columns), Statistics(sources)
    assert statistics.range(scan, positions["id"]) == (1, 10_000)
    assert statistics.range(scan, positions["n"]) == (0, 1000)
    assert statistics.range(scan, positions["unknown"]) is None
    assert statistics.range(scan, positions["d"]) is None
