"""What decides whether keys travel at all: the session's number of them, and what a source lets go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.planning import sources
from planner.errors import PlanningError
from planner.pipeline import plan
from planner.plan import FederatedPlan, PlanRequest, SessionInfo
from planner.session import session_info
from server.config import parse
from watersmeet.speed import Speed
from watersmeet.spi import SourceCatalog, Table

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


def test_a_small_table_does_not_wait_for_a_large_one_that_it_could_reduce() -> None:
    """TPC-H Q21: few lines are expected, whose keys would come late; the suppliers of one nation come first."""
    known = {
        "l_orderkey": 1_500_000,
        "n_name": 25,
        "n_nationkey": 25,
        "s_nationkey": 25,
        "s_suppkey": 10_000,
        "l_suppkey": 10_000,
        "l_partkey": 200_000,
    }
    world = {name: replace(info, catalog=_counted(info.catalog, known)) for name, info in sources().items()}
    sql = (
        "SELECT s_name FROM crm.supplier, lake.nation, sales.lineitem l WHERE s_suppkey = l_suppkey AND s_nationkey = n_nationkey"
        " AND n_name = 'KENYA' AND NOT EXISTS (SELECT 1 FROM sales.lineitem o WHERE o.l_orderkey = l.l_orderkey"
        " AND o.l_suppkey <> l.l_suppkey)"
    )
    made = plan(PlanRequest(sql=sql, now=datetime(2026, 1, 1, tzinfo=UTC), session=SessionInfo()), world)
    assert travels(made) == {("lake", "crm"), ("crm", "sales")}


def _counted(catalog: SourceCatalog, distinct: Mapping[str, int]) -> SourceCatalog:
    """The catalog with numbers of different values."""

    def counted(table: Table) -> Table:
        columns = (replace(column, distinct=distinct.get(column.name, column.distinct)) for column in table.columns)
        return replace(table, columns=tuple(columns))

    return replace(catalog, tables={name: counted(table) for name, table in catalog.tables.items()})
