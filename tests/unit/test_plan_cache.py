"""Remembered plans: the very same plan for the same question, another one whenever something it was made from differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bench.planning import sources
from planner.cache import PlanCache
from planner.errors import UnknownName
from planner.parse import Guards
from planner.plan import PlanRequest, SessionInfo

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNT = "SELECT count(*) FROM sales.orders WHERE o_orderdate < {}"


@pytest.fixture
def cache() -> PlanCache:
    return PlanCache(Guards(), plans=3)


def ask(sql: str, **changes: object) -> PlanRequest:
    return replace(PlanRequest(sql=sql, now=NOON), **changes)  # type: ignore[arg-type]


def test_a_repeated_statement_has_the_very_same_plan_at_any_time(cache: PlanCache) -> None:
    world = sources()
    first = cache.plan(ask(COUNT.format("DATE '2020-01-01'")), world)
    later = ask(COUNT.format("DATE '2020-01-01'"), now=NOON + timedelta(days=1))
    assert cache.plan(later, world) is first


def test_a_plan_with_now_in_it_serves_its_own_moment_only(cache: PlanCache) -> None:
    world = sources()
    sql = COUNT.format("current_date")
    first = cache.plan(ask(sql), world)
    assert cache.plan(ask(sql), world) is first
    tomorrow = cache.plan(ask(sql, now=NOON + timedelta(days=1)), world)
    assert "2026-01-02" in tomorrow.fragments[0].read.body


def test_now_inside_a_query_that_stays_text_counts_as_well(cache: PlanCache) -> None:
    sql = "SELECT * FROM (SELECT current_date AS d) PIVOT (count(*) FOR d IN ('2026-01-01', '2026-01-02'))"
    first = cache.plan(ask(sql), sources())
    assert first.clock and cache.plan(ask(sql, now=NOON + timedelta(days=1)), sources()) is not first


@pytest.mark.parametrize(
    "other",
    [
        {"session": SessionInfo(pushdown="off")},
        {"session": SessionInfo(time_zone="Asia/Tokyo")},
        {"session": SessionInfo(user="ben")},
        {"parameters": {"1": ("2", "INTEGER")}},
        {"parameters": {"1": ("1", "BIGINT")}},
        {"parameters": None},
    ],
    ids=str,
)
def test_another_session_or_other_values_have_a_plan_of_their_own(cache: PlanCache, other: dict[str, object]) -> None:
    world = sources()
    request = ask("SELECT o_orderkey + ?::BIGINT FROM sales.orders", parameters={"1": ("1", "INTEGER")})
    assert cache.plan(replace(request, **other), world) is not cache.plan(request, world)  # type: ignore[arg-type]


def test_catalogs_that_were_read_anew_have_plans_of_their_own(cache: PlanCache) -> None:
    assert cache.plan(ask("SELECT 1"), sources()) is not cache.plan(ask("SELECT 1"), sources())


def test_the_least_recently_used_plan_goes_first(cache: PlanCache) -> None:
    world = sources()
    plans = [cache.plan(ask(f"SELECT {number}"), world) for number in range(3)]
    assert cache.plan(ask("SELECT 0"), world) is plans[0]
    cache.plan(ask("SELECT 3"), world)
    assert cache.plan(ask("SELECT 0"), world) is plans[0]
    assert cache.plan(ask("SELECT 1"), world) is not plans[1]


def test_a_refusal_is_not_remembered(cache: PlanCache) -> None:
    world = sources()
    with pytest.raises(UnknownName):
        cache.plan(ask("SELECT * FROM crm.orders"), world)
    moved = {**world, "crm": replace(world["sales"], name="crm")}
    assert cache.plan(ask("SELECT * FROM crm.orders"), moved).fragments
