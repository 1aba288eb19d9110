"""Speeds of the sources: what is dear where it would run is cut, and EXPLAIN says so; no answer depends on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.planning import sources
from planner.errors import PlanningError
from planner.pipeline import plan
from planner.plan import FederatedPlan, PlanRequest, SessionInfo
from watersmeet.speed import Speed, speed

JOIN = "SELECT o_orderkey, l_quantity FROM sales.orders JOIN sales.lineitem ON l_orderkey = o_orderkey"
GROUPED = "SELECT l_partkey, count(*) FROM sales.lineitem GROUP BY l_partkey"
SLOW_JOINS = Speed(meet=100, join=100)
SLOW_GROUPS = Speed(group=100, groups=100)


def planned(sql: str, pushdown: str = "on", **speeds: Speed) -> FederatedPlan:
    """A plan over sources of the usual speeds, but for those that are named."""
    world = {name: replace(info, speed=speeds.get(name, Speed())) for name, info in sources().items()}
    request = PlanRequest(sql=sql, now=datetime(2026, 1, 1, tzinfo=UTC), session=SessionInfo(pushdown=pushdown))
    return plan(request, world)


def reasons(made: FederatedPlan) -> list[str]:
    return [stay.reason for stay in made.stays if stay.code == "cost"]


@pytest.mark.parametrize("sql", [JOIN, GROUPED])
def test_a_source_of_the_usual_speed_runs_all_that_it_can(sql: str) -> None:
    made = planned(sql)
    assert len(made.fragments) == 1 and not reasons(made)


def test_a_source_that_is_slow_at_joins_sends_its_tables_and_explain_says_why() -> None:
    made = planned(JOIN, sales=SLOW_JOINS)
    assert {fragment.source for fragment in made.fragments} == {"sales"} and len(made.fragments) == 2
    assert any("s of work there" in words and "to send what it reads" in words for words in reasons(made)), made.stays


def test_a_source_that_is_slow_at_groups_sends_its_rows_and_explain_says_why() -> None:
    made = planned(GROUPED, sales=SLOW_GROUPS)
    (fragment,) = made.fragments
    assert "GROUP BY" not in fragment.read.body
    assert any("s of work there" in words for words in reasons(made)), made.stays


def test_a_common_table_expression_that_is_dear_at_its_source_is_computed_here() -> None:
    """TPC-DS 95: a table joined with itself where the source is slow at that, read by two subqueries of a larger fragment."""
    sql = """
        WITH pairs AS (SELECT a.c_custkey AS k FROM crm.customer a JOIN crm.customer b
                       ON a.c_custkey = b.c_custkey AND a.c_name <> b.c_phone)
        SELECT ps_partkey FROM crm.partsupp JOIN sales.orders ON ps_availqty = o_custkey
        WHERE ps_partkey IN (SELECT k FROM pairs) AND ps_suppkey IN (SELECT k FROM pairs)"""
    assert any(fragment.read.prefix.count("customer") for fragment in planned(sql).fragments)
    made = planned(sql, crm=SLOW_JOINS)
    assert not any(fragment.read.prefix for fragment in made.fragments)
    assert any("s of work there" in words for words in reasons(made)), made.stays


def test_the_speed_of_one_source_changes_nothing_at_another() -> None:
    assert len(planned(JOIN, crm=SLOW_JOINS, lake=SLOW_JOINS).fragments) == 1


def test_work_on_few_rows_is_no_matter_however_slow_the_source() -> None:
    few = f"{JOIN} WHERE o_orderkey = 7 AND l_orderkey = 7"
    assert len(planned(few, sales=SLOW_JOINS).fragments) == 1


def test_a_network_that_is_slow_makes_the_same_work_worth_its_while() -> None:
    counted = "SELECT count(*) FROM sales.orders JOIN sales.lineitem ON l_orderkey = o_orderkey"
    slow = replace(SLOW_JOINS, meet=20, join=20)
    assert len(planned(counted, sales=slow).fragments) == 2
    assert len(planned(counted, sales=replace(slow, byte=5)).fragments) == 1


def test_require_asks_for_one_source_and_gets_it_at_any_cost() -> None:
    assert len(planned(JOIN, "require", sales=SLOW_JOINS).fragments) == 1
    assert len(planned(GROUPED, "require", sales=SLOW_GROUPS).fragments) == 1
    with pytest.raises(PlanningError):
        planned("SELECT * FROM sales.orders JOIN crm.customer ON c_custkey = o_custkey", "require")


def test_what_is_measured_takes_the_place_of_what_is_guessed() -> None:
    assert speed(Speed(), "db.example", {"send": 7.0, "byte": 2.0}) == Speed(send=7.0, byte=2.0)
    assert speed(Speed(), "db.example", {}).byte > speed(Speed(), "localhost", {}).byte
