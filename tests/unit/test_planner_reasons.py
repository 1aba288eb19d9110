"""What EXPLAIN and `pushdown = 'require'` say of a query that one source cannot, or had better not, answer whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from planner.errors import PlanningError
from planner.explain import text
from planner.pipeline import plan
from planner.plan import SourceInfo
from tests.unit.small_world import SmallWorld, request


@pytest.fixture(scope="module")
def world() -> SmallWorld:
    return SmallWorld()


def _large(world: SmallWorld) -> Mapping[str, SourceInfo]:
    """The sources as if each table had 10,000 rows."""
    made = {}
    for name, info in world.sources.items():
        tables = {key: replace(table, rows=10_000) for key, table in info.catalog.tables.items()}
        made[name] = replace(info, catalog=replace(info.catalog, tables=tables))
    return made


CROSS = "SELECT x.a, y.e FROM x CROSS JOIN y"


def test_a_product_is_not_sent_and_explain_gives_both_numbers(world: SmallWorld) -> None:
    made = plan(request(CROSS), _large(world))
    assert len(made.fragments) == 2
    assert "about 100,000,000 rows would come of about 20,000 that it reads [cost]" in text(made)


def test_a_join_that_makes_many_rows_is_not_sent_and_explain_gives_both_numbers(world: SmallWorld) -> None:
    sql = "SELECT x.a, y.e, z.g FROM x JOIN y ON x.a % 3 = y.a % 3 JOIN z ON z.a = x.a"
    made = plan(request(sql), _large(world))
    assert {stay.what for stay in made.stays if stay.code == "cost"} == {"((x.a % 3) = (y.a % 3))"}
    assert "joined there about 5,000,000 rows would come, apart about 20,000 [cost]" in text(made)


def test_a_small_product_is_sent(world: SmallWorld) -> None:
    assert plan(request(CROSS), world.sources).local_sql is None


def test_require_sends_what_costs_would_cut(world: SmallWorld) -> None:
    assert plan(request(CROSS, "require"), _large(world)).local_sql is None


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT x.a FROM x JOIN z ON x.a = z.a", "(x.a = z.a): its two sides are in s1 and s2"),
        (
            "SELECT x.a, count(*) FROM x, z WHERE x.a = z.a GROUP BY x.a",
            "GROUP BY x.a: it groups rows of s1 and s2 that are joined here",
        ),
        ("SELECT a FROM x UNION SELECT a FROM z", "it reads several sources"),
        ("SELECT a FROM x WHERE random() < 2", "random has another value at each call"),
    ],
)
def test_require_names_each_reason(world: SmallWorld, sql: str, reason: str) -> None:
    with pytest.raises(PlanningError) as caught:
        plan(request(sql, "require"), world.sources)
    assert caught.value.code == 2008
    assert reason in str(caught.value)
