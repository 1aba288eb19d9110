"""What decides whether keys travel at all: the session's number of them, and what a source lets go; and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from bench.planning import sources
from connectors.sqlgen.printer import read_of
from planner.errors import PlanningError
from planner.pipeline import plan
from planner.plan import FederatedPlan, PlanRequest, SemiJoin, SessionInfo
from planner.semijoins import restricted
from planner.session import session_info
from server.config import parse
from server.execution.keys import Gathered, keys
from watersmeet.speed import Speed

ACROSS = """
    SELECT c_name, o_orderkey FROM sales.orders JOIN crm.customer ON o_custkey = c_custkey WHERE c_mktsegment = 'BUILDING'
"""


def planned(sql: str, semijoin_keys: int = 200_000, speed: Speed | None = None, **exported: bool) -> FederatedPlan:
    world = {
        name: replace(info, export_keys=exported.get(name, True), speed=speed or info.speed)
        for name, info in sources().items()
    }
    session = SessionInfo(semijoin_keys=semijoin_keys)
    return plan(PlanRequest(sql=sql, now=datetime(2026, 1, 1, tzinfo=UTC), session=session), world)


def travels(made: FederatedPlan) -> set[tuple[str, str]]:
    """(from, to) of all keys that may travel, by sources."""
    home = {fragment.id: fragment.source for fragment in made.fragments}
    return {(home[join.keys_of], home[fragment.id]) for fragment in made.fragments for join in fragment.semijoins}


def test_keys_of_the_filtered_side_go_to_the_other_source() -> None:
    assert travels(planned(ACROSS)) == {("crm", "sales")}


def test_no_key_travels_where_the_session_wants_none() -> None:
    assert travels(planned(ACROSS, semijoin_keys=0)) == set()


def test_the_session_sets_how_many_keys_travel() -> None:
    for text in ("0", "25"):
        assert session_info({"semijoin_keys": text}, None, None, "ana").semijoin_keys == int(text)
    for wrong in ("-1", "many", "10000000", ""):
        with pytest.raises(PlanningError, match="semijoin_keys"):
            session_info({"semijoin_keys": wrong}, None, None, "ana")


def test_the_configuration_sets_it_for_sessions_that_do_not() -> None:
    assert parse("version: 1\nplanner: {semijoin_keys: 0}").planner.semijoin_keys == 0
    assert parse("version: 1").planner.semijoin_keys == SessionInfo().semijoin_keys


def test_no_key_leaves_a_source_that_does_not_export_any() -> None:
    assert ("crm", "sales") not in travels(planned(ACROSS, crm=False))
    assert travels(planned(ACROSS, sales=False)) == {("crm", "sales")}


def test_within_a_source_keys_may_travel_all_the_same() -> None:
    """A source that is slow at joins sends both tables, the second one by the keys of the first."""
    sql = "SELECT l_quantity FROM sales.orders JOIN sales.lineitem ON l_orderkey = o_orderkey WHERE o_custkey = 5"
    slow = Speed(meet=100, join=100)
    for exported in (True, False):
        assert travels(planned(sql, speed=slow, sales=exported)) == {("sales", "sales")}, exported


# ---------------------------------------------------------------- the form of the keys


def gathered(values: Sequence[int | None]) -> Gathered:
    made = Gathered({0: 1_000_000})
    made.add(pa.record_batch({"c0": pa.array(values, pa.int64())}))
    made.finish(complete=True)
    return made


def said(values: Sequence[int | None], source: str, of: float) -> str:
    """The condition on o_custkey or c_custkey that a source is sent for these keys, beside `of` values that it has."""
    join = SemiJoin(column=0, keys_of=1, key=0, most=1_000_000, values=of)
    found = keys(join, gathered(values), "INTEGER")
    assert found is not None
    sql = {"sales": "SELECT o_custkey FROM sales.orders", "crm": "SELECT c_custkey FROM crm.customer"}[source]
    (fragment,) = planned(sql).fragments
    return read_of(restricted(fragment.query, {0: found}), sources()[source].dialect).body.partition("WHERE ")[2]


@pytest.mark.parametrize("source", ["sales", "crm"])
def test_keys_without_a_gap_travel_as_a_range(source: str) -> None:
    assert said([5, 3, 4, None, 6], source, of=1000).endswith("BETWEEN 3 AND 6)")
    assert "BETWEEN" not in said([3, 4, 6], source, of=1000)


def test_a_single_key_and_none_at_all_are_lists() -> None:
    assert "BETWEEN" not in said([7], "crm", of=1000)
    assert said([None], "crm", of=1000).endswith("IN (NULL))")


def test_mysqls_index_is_used_for_few_keys_and_not_for_many() -> None:
    spread = list(range(0, 2000, 2))
    few, many = said(spread, "crm", of=150_000), said(spread, "crm", of=5_000)
    assert "+ 0) IN (" not in few and few.count(",") == len(spread) - 1
    assert "+ 0) IN (" in many and many.count(",") == len(spread) - 1


def test_postgresql_decides_by_itself_whether_an_index_helps() -> None:
    spread = list(range(0, 2000, 2))
    assert said(spread, "sales", of=100_000) == said(spread, "sales", of=5_000)


def test_keys_that_the_columns_type_cannot_have_stay_here() -> None:
    join = SemiJoin(column=0, keys_of=1, key=0, most=10, values=1000)
    found = keys(join, gathered([1, 3, 2**40]), "INTEGER")
    assert found is not None and (found.text, found.count) == ("1,3", 2)


def test_more_keys_than_are_wanted_do_not_travel() -> None:
    join = SemiJoin(column=0, keys_of=1, key=0, most=3, values=1000)
    assert keys(join, gathered([1, 3, 5, 7]), "INTEGER") is None
